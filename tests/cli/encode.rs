//! `vae encode` and `vae decode`: what they write, that they are each other's inverse, and how they fail.

use std::fs;
use std::process::Stdio;

use vae_wgpu::checkpoint::Checkpoint;
use vae_wgpu::data::Pixels;

use crate::outputs::values;
use crate::{Place, Ran};

const ENCODE: &str = "encode runs/a --adapter reference";
const DECODE: &str = "decode runs/a --adapter reference";

/// The numbers of the lines below the first.
fn numbers(csv: &str) -> Vec<f32> {
    let cells = csv.lines().skip(1).flat_map(|line| line.split(','));
    cells.map(|cell| cell.parse().unwrap()).collect()
}

#[test]
fn every_format_has_the_same_numbers_of_every_example_in_order() {
    let place = Place::with_run();
    let said = place.vae(&format!("{ENCODE} -o z.npy")).succeeds();
    assert!(
        said.out.contains("40 examples of tiny encoded in z.npy"),
        "{said}"
    );
    let array = values(&place, "z.npy", "(40, 4)");
    place.vae(&format!("{ENCODE} -o z.csv")).succeeds();
    let csv = fs::read_to_string(place.path("z.csv")).unwrap();
    assert!(csv.starts_with("mu_1,mu_2,logvar_1,logvar_2\n"), "{csv}");
    assert_eq!(numbers(&csv), array);
    let stdout = place.vae(&format!("{ENCODE} -o -")).succeeds();
    assert_eq!(stdout.out, csv);
    place.vae(&format!("{ENCODE} -o z.safetensors")).succeeds();
    let tensors = Checkpoint::load(&place.path("z.safetensors"))
        .unwrap()
        .tensors;
    for (name, from) in [("mu", 0), ("logvar", 2)] {
        let rows = array.chunks(4).flat_map(|row| &row[from..from + 2]);
        assert_eq!(tensors[name].shape, [40, 2]);
        assert!(tensors[name].data.iter().eq(rows), "{name}");
    }
    // Nothing is held out of all; the test images are those that training held out.
    place
        .vae(&format!("{ENCODE} --part test -o test.npy"))
        .succeeds();
    let test = values(&place, "test.npy", "(4, 4)");
    assert!(array.chunks(4).any(|row| row == &test[..4]));
    let leftovers = fs::read_dir(place.path("")).unwrap();
    let hidden = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with('.');
    assert_eq!(
        leftovers
            .filter(|entry| hidden(entry.as_ref().unwrap()))
            .count(),
        0
    );
}

#[test]
fn labels_are_beside_what_is_encoded() {
    let place = Place::new();
    place
        .vae("train --data digits --adapter cpu --hidden 4 --latent 1 --epochs 1 --out runs/a")
        .succeeds();
    let args = "encode runs/a --adapter cpu --part test -o z";
    place.vae(&format!("{args}.csv")).succeeds();
    let csv = fs::read_to_string(place.path("z.csv")).unwrap();
    assert!(csv.starts_with("label,mu,logvar\n"), "{}", &csv[..40]);
    let labels = csv
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().unwrap());
    let labels: Vec<u8> = labels.map(|label| label.parse().unwrap()).collect();
    place.vae(&format!("{args}.safetensors")).succeeds();
    let bytes = fs::read(place.path("z.safetensors")).unwrap();
    assert!(bytes.ends_with(&labels));
    // The label is no number of z.
    place
        .vae("decode runs/a --adapter cpu -z z.csv -o x.npy")
        .succeeds();
    values(&place, "x.npy", &format!("({}, 28, 28)", labels.len()));
}

#[test]
fn decoding_what_was_encoded_is_a_reconstruction() {
    let place = Place::with_run();
    for ending in ["npy", "csv", "safetensors"] {
        let z = format!("z.{ending}");
        place
            .vae(&format!("{ENCODE} --part test -o {z}"))
            .succeeds();
        place.vae(&format!("{DECODE} -z {z} -o x.npy")).succeeds();
        place
            .vae("reconstruct runs/a --adapter reference -n 4 -o r.npy")
            .succeeds();
        let [decoded, reconstructed] =
            ["x.npy", "r.npy"].map(|name| values(&place, name, "(4, 6, 5)"));
        assert_eq!(decoded, reconstructed, "{ending}");
    }
    place.vae(&format!("{DECODE} -z z.npy -o x.csv")).succeeds();
    let csv = fs::read_to_string(place.path("x.csv")).unwrap();
    assert!(csv.starts_with("x_1,x_2,"), "{csv}");
    assert_eq!(numbers(&csv), values(&place, "x.npy", "(4, 6, 5)"));
    place.vae(&format!("{DECODE} -z z.npy -o x.png")).succeeds();
    assert!(image::open(place.path("x.png")).is_ok());
    place.vae(&format!("{DECODE} -z z.npy -o x/")).succeeds();
    assert_eq!(fs::read_dir(place.path("x")).unwrap().count(), 4);
    // Without names of columns, too.
    fs::write(place.path("bare.csv"), "0.5,-1\n0,2e-1\n").unwrap();
    place
        .vae(&format!("{DECODE} -z bare.csv -o bare.npy"))
        .succeeds();
    values(&place, "bare.npy", "(2, 6, 5)");
}

#[test]
fn what_cannot_be_encoded_or_written_is_refused_by_one_message() {
    let place = Place::with_run();
    place.images("turned", 40, 5, 6);
    place.pixels("bright", [20, 6, 5], Pixels::from(vec![2.5_f32; 600]));
    fs::write(place.path("three.csv"), "1,2,3\n").unwrap();
    fs::write(place.path("ragged.csv"), "mu_1,mu_2\n1,2\n3\n").unwrap();
    fs::write(place.path("words.csv"), "z_1,z_2\n1,two\n").unwrap();
    for (args, code, parts) in [
        (
            format!("{ENCODE} -o nosuch/z.npy"),
            1,
            &["nosuch/z.npy"][..],
        ),
        (format!("{ENCODE} -o z.txt"), 2, &["z.txt", ".safetensors"]),
        (
            format!("{ENCODE} -o runs/a/checkpoints/z.npy"),
            2,
            &["lives by"],
        ),
        (
            format!("{ENCODE} --data turned -o z.npy"),
            1,
            &["5×6", "6×5"],
        ),
        (format!("{ENCODE} --data bright -o z.npy"), 2, &["2.5"]),
        (
            format!("{ENCODE} --data three.txt -o z.npy"),
            1,
            &["`three.txt`"],
        ),
        (
            format!("{DECODE} -z three.csv -o x.npy"),
            2,
            &["three.csv has 3 numbers", "has 2"],
        ),
        (
            format!("{DECODE} -z ragged.csv -o x.npy"),
            2,
            &["line 3", "1 cells"],
        ),
        (
            format!("{DECODE} -z words.csv -o x.npy"),
            2,
            &["line 2", "column 2", "`two`"],
        ),
        (
            format!("{DECODE} -z three.csv -o three.csv"),
            2,
            &["three.csv is the file that is read"],
        ),
        (format!("{DECODE} -z three.csv -o x.gif"), 2, &["x.gif"]),
        (
            format!("{DECODE} -z three.csv --label 1 -o x.npy"),
            2,
            &["--label"],
        ),
    ] {
        place.vae(&args).fails(code, parts);
        assert!(
            !place.path("z.npy").exists() && !place.path("x.npy").exists(),
            "{args}"
        );
    }
    if !cfg!(feature = "arrow") {
        place
            .vae(&format!("{ENCODE} -o z.parquet"))
            .fails(2, &["--features arrow"]);
    }
}

#[test]
fn who_closes_the_pipe_has_seen_enough() {
    let place = Place::with_run();
    let mut command = place.command(format!("{ENCODE} -o -").split_whitespace());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    let ran = Ran::from_output("encode to a closed pipe".to_owned(), &ended).succeeds();
    assert!(!ran.err.contains("error"), "{ran}");
}

#[test]
fn rows_of_a_table_come_back_in_its_own_words() {
    let place = Place::new();
    let rows = (0..60).map(|row| format!("{},{}\n", row % 9, ["red", "blue"][row % 2]));
    let table = format!("size,kind\n{}", rows.collect::<String>());
    fs::write(place.path("t.csv"), table).unwrap();
    let train = "train --data t.csv --adapter cpu --hidden 4 --latent 1 --batch-size 8 --epochs 1 --out runs/t";
    place.vae(train).succeeds();
    place.vae("encode runs/t --adapter cpu -o z.csv").succeeds();
    place
        .vae("decode runs/t --adapter cpu -z z.csv -o rows.csv")
        .succeeds();
    let text = fs::read_to_string(place.path("rows.csv")).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    assert_eq!(header, "size,kind");
    assert_eq!(rows.lines().count(), 60);
    assert!(
        rows.lines()
            .all(|row| row.ends_with(",red") || row.ends_with(",blue")),
        "{rows}"
    );
    let picture = "decode runs/t --adapter cpu -z z.csv -o rows.png";
    place.vae(picture).fails(2, &["no pictures"]);
}
