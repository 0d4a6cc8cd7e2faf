//! Tables as data: what their columns are taken for, what a run keeps of it, and how two are compared.

use std::fs;

use serde_json::Value;

use crate::Place;

/// A training on `people.csv`.
const TRAIN: &str =
    "train --data people.csv --adapter reference --hidden 8 --latent 2 --batch-size 8 --epochs 1";

/// 60 people, of whom some have no weight.
fn people() -> String {
    let mut text = "id,age,town,weight\n".to_owned();
    for i in 0..60 {
        let town = ["Bern", "Chur"][i % 2];
        let weight = if i % 7 == 0 {
            String::new()
        } else {
            format!("{}.5", 50 + i * i % 41)
        };
        text += &format!("p{i},{},{town},{weight}\n", 20 + i * i % 59);
    }
    text
}

fn place() -> Place {
    let place = Place::new();
    fs::write(place.path("people.csv"), people()).unwrap();
    place
}

#[test]
fn a_run_keeps_what_columns_are() {
    let place = place();
    let columns = "--column id=name --column age=number --column town=label";
    let ran = place
        .vae(&format!("{TRAIN} {columns} --out runs/a"))
        .succeeds();
    let line = |start: &str| {
        ran.out
            .lines()
            .find(|line| line.starts_with(start))
            .map(str::to_owned)
    };
    for (start, parts) in [
        ("age ", ["number", "20 to"]),
        ("town", ["label", "Bern, Chur"]),
        ("id ", ["name", ""]),
    ] {
        let line = line(start).unwrap_or_else(|| panic!("{start}: {ran}"));
        assert!(parts.iter().all(|part| line.contains(part)), "{line}");
    }
    let config = fs::read_to_string(place.path("runs/a/config.toml")).unwrap();
    let config: toml::Table = config.parse().unwrap();
    assert_eq!(config["data"]["columns"]["town"].as_str(), Some("label"));
    // It goes on with them, and is refused others.
    place.vae("train --resume runs/a --epochs 2").succeeds();
    place
        .vae("train --resume runs/a --epochs 3 --column age=ignore")
        .fails(2, &["as it was read when it began", "--column"]);
    // Another table is read by them: without the label that it needs not, and not without the age.
    fs::write(
        place.path("other.csv"),
        "weight,more,age\n60,x,30\n,y,40\n61,z,35\n",
    )
    .unwrap();
    place
        .vae("eval runs/a --data other.csv --adapter reference --samples 2")
        .succeeds();
    fs::write(place.path("other.csv"), "weight,more\n60,x\n61,z\n").unwrap();
    place
        .vae("eval runs/a --data other.csv --adapter reference")
        .fails(1, &["other.csv", "`age`", "`weight`, `more`"]);
}

#[test]
fn two_tables_are_compared() {
    let place = place();
    let rows = people();
    let mut lines: Vec<_> = rows.lines().collect();
    lines.truncate(41);
    fs::write(place.path("less.csv"), lines.join("\n")).unwrap();
    let compare = "check-synthetic people.csv less.csv --column id=ignore";
    let told = place.vae(compare).succeeds();
    for part in [
        "60 real rows and 40 synthetic ones",
        "AUC",
        "copies of real rows: 100.00 %",
    ] {
        assert!(told.out.contains(part), "{part}: {told}");
    }
    let json = place.vae(&format!("{compare} --json")).succeeds().out;
    let found: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(found["columns"][0]["measure"], "ks");
    assert_eq!(found["closest"]["copies"], 1.0);
    assert!(found["detection"]["auc"].as_f64().unwrap() < 0.9, "{json}");
    place
        .vae("check-synthetic people.csv nowhere.csv")
        .fails(1, &["nowhere.csv"]);
    place
        .vae("check-synthetic people.csv less.csv --column id")
        .fails(2, &["COLUMN=KIND"]);
}
