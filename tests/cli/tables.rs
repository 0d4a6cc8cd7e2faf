//! A table with missing cells, from its file to synthetic rows and filled cells.

use std::fs;

use crate::Place;

const TRAIN: &str = "train --data people.csv --adapter reference --hidden 8 --latent 2 --batch-size 8 --epochs 2 --out runs/a";

/// Forty rows of a number, a count and a category, some of whose cells are missing; and a run that has read them.
fn place() -> Place {
    let place = Place::new();
    let mut text = "height,visits,colour\n".to_owned();
    for row in 0..40_u32 {
        let height = match row % 7 {
            3 => String::new(),
            _ => format!("{}.5", 150 + row % 13),
        };
        let colour = match row % 5 {
            4 => "",
            other => ["red", "green", "blue"][other as usize % 3],
        };
        text += &format!("{height},{},{colour}\n", 20 + 7 * row % 31);
    }
    fs::write(place.path("people.csv"), text).unwrap();
    place.vae(TRAIN).succeeds();
    place
}

fn lines(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split(',').collect()).collect()
}

#[test]
fn rows_are_drawn_and_cells_filled_in_the_tables_own_units_and_words() {
    let place = place();
    let config = fs::read_to_string(place.path("runs/a/config.toml")).unwrap();
    for setting in ["likelihood = \"gaussian\"", "scale = \"per-dimension\""] {
        assert!(config.contains(setting), "{config}");
    }
    let sampled = place
        .vae("sample runs/a -n 12 --adapter reference -o -")
        .succeeds();
    let sampled = lines(&sampled.out);
    assert_eq!(
        (sampled.len(), &sampled[0]),
        (13, &vec!["height", "visits", "colour"])
    );
    for row in &sampled[1..] {
        assert!(
            row[0].parse::<f64>().is_ok() && row[1].parse::<u32>().is_ok(),
            "{row:?}"
        );
        assert!(["red", "green", "blue"].contains(&row[2]), "{row:?}");
    }
    let given = fs::read_to_string(place.path("people.csv")).unwrap();
    for how in ["", " --draw --seed 3"] {
        let command =
            format!("impute runs/a people.csv --samples 20 --adapter reference -o out.csv{how}");
        place.vae(&command).succeeds();
        let filled = fs::read_to_string(place.path("out.csv")).unwrap();
        for (own, filled) in lines(&given).iter().zip(lines(&filled)) {
            for (own, filled) in own.iter().zip(filled) {
                assert!(
                    *own == filled || own.is_empty() && !filled.is_empty(),
                    "{own}, {filled}"
                );
            }
        }
        assert_eq!(lines(&filled).len(), 41);
    }
}

#[test]
fn what_has_no_meaning_for_a_table_is_refused_with_what_would_do() {
    let place = place();
    for (command, told) in [
        (
            "train --data people.csv --likelihood bernoulli --adapter reference --batch-size 8",
            "--likelihood gaussian",
        ),
        ("sample runs/a -o rows.png", ".csv"),
        (
            "train --data people.csv --binarize static --adapter reference --batch-size 8",
            "--binarize",
        ),
    ] {
        place.vae(command).fails(2, &[told]);
    }
    place
        .vae(&format!("{} --out runs/images", crate::TRAIN))
        .succeeds();
    let command = "impute runs/images people.csv -o out.csv --adapter reference";
    place.vae(command).fails(2, &["trained on images"]);
}
