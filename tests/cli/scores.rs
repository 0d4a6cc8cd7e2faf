//! `vae score`, and `--only`.

use std::fs;

use crate::TRAIN;
use crate::family::labelled;

const SCORE: &str = "--adapter cpu --samples 3";

#[test]
fn examples_are_scored_in_their_order_against_a_threshold_that_is_kept() {
    let place = labelled();
    place
        .vae(&format!("{TRAIN} --only 0-2 --out runs/a"))
        .succeeds();
    let config = fs::read_to_string(place.path("runs/a/config.toml")).unwrap();
    let config: toml::Table = config.parse().unwrap();
    assert_eq!(config["data"]["only"].as_str(), Some("0-2"));
    assert_eq!(config["data"]["classes"].as_integer(), Some(3));

    // Every label of the run's own data, also the one that was left out.
    let args = format!("score runs/a {SCORE} --outlier 3 --worst 2");
    let said = place.vae(&format!("{args} -o s.csv")).succeeds();
    for part in [
        "4 examples of tiny, scored by log-likelihood (3 draws)",
        "the 0.99 quantile of 27 training examples",
        "AUROC ",
        "1 examples of the labels 3 from 3 others",
        "the 2 worst in ",
    ] {
        assert!(said.out.contains(part), "{part}: {said}");
    }
    assert!(place.path("runs/a/samples/worst.png").is_file());
    let text = fs::read_to_string(place.path("s.csv")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "example,label,score,above");
    assert_eq!(lines.len(), 5, "{text}");
    assert!(lines[1].starts_with("0,") && lines[4].starts_with("3,"));

    // The threshold is taken from where it was kept; lines go to standard output, the rest beside it.
    let kept = fs::read_to_string(place.path("runs/a/threshold.json")).unwrap();
    let said = place.vae(&format!("{args} -o -")).succeeds();
    assert_eq!(said.out, text);
    assert!(said.err.contains("AUROC "), "{said}");
    let again = fs::read_to_string(place.path("runs/a/threshold.json")).unwrap();
    assert_eq!(again, kept);

    // A row has the same score among others, and some labels alone keep their numbers.
    let score = |line: &str| line.split_once(',').unwrap().1.to_owned();
    let all = place
        .vae(&format!("score runs/a {SCORE} --part all -o -"))
        .succeeds();
    assert_eq!(all.out.lines().count(), 41);
    for line in &lines[1..] {
        assert!(all.out.lines().any(|other| score(other) == score(line)));
    }
    let some = place
        .vae(&format!("score runs/a {SCORE} --only 3 -o -"))
        .succeeds();
    let threes = lines[1..].iter().filter(|line| line.contains(",3,"));
    let expected: Vec<_> = [lines[0]].into_iter().chain(threes.copied()).collect();
    assert_eq!(some.out.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn what_cannot_be_scored_or_written_is_refused() {
    let place = labelled();
    place.vae(&format!("{TRAIN} --out runs/a")).succeeds();
    for (args, code, parts) in [
        ("-o s.txt", 2, &["-o s.txt", ".csv", ".npy"][..]),
        ("-o no/s.csv", 1, &["no/s.csv"]),
        ("-o no/s.npy", 1, &["no/s.npy"]),
        ("-o runs/a/checkpoints/s.csv", 2, &["runs/a lives by"]),
        ("-o - --json", 2, &["--json, -o -"]),
        ("--quantile-examples 0", 2, &["--quantile-examples"]),
        ("--quantile 1.5", 2, &["0.99"]),
        ("--outlier cat", 1, &["'cat'", "numbers"]),
        ("--picture p.png", 2, &["--worst"]),
    ] {
        place
            .vae(&format!("score runs/a {SCORE} {args}"))
            .fails(code, parts);
    }
    assert!(!place.path("no").exists() && !place.path("runs/a/threshold.json").exists());
    place
        .vae(&format!("{TRAIN} --only 7 --out runs/b"))
        .fails(1, &["none of the 36 training examples of tiny", "7"]);
    place
        .vae("train --resume runs/a --only 0-2")
        .fails(2, &["all labels", "0-2", "--only"]);

    // A file that is there stays where the scores of another size cannot be had.
    fs::write(place.path("s.csv"), "mine").unwrap();
    place.images("wide", 8, 6, 9);
    place
        .vae(&format!(
            "score runs/a {SCORE} --threshold 1 --data wide -o s.csv"
        ))
        .fails(1, &["6×9", "6×5"]);
    assert_eq!(fs::read(place.path("s.csv")).unwrap(), b"mine");

    place
        .vae(&format!("{TRAIN} --likelihood squared-error --out runs/c"))
        .succeeds();
    place
        .vae("score runs/c")
        .fails(1, &["squared-error", "reconstruction"]);
}
