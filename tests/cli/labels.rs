//! Labels in part, and the classes of images.

use std::fs;

use serde_json::Value;

use crate::family::labelled;
use crate::{Place, TRAIN};

/// Labels of eight of the forty images of `tiny`, of which some are held out; two of each of four classes.
const PART: &str = "--condition both --labelled 8";

#[test]
fn labels_in_part_without_a_meaning_are_refused_before_anything_is_written() {
    let place = labelled();
    for (args, parts) in [
        (
            "--condition both --labelled 0",
            &["is 0", "(--labelled)"][..],
        ),
        (
            "--condition both --labelled 10",
            &["the 4 classes", "8 or 12", "(--labelled)"],
        ),
        (
            "--condition both --labelled 44",
            &["there are 36 training images", "(--labelled)"],
        ),
        ("--labelled 8", &["the condition none", "--condition both"]),
        (
            "--condition encoder --labelled 8",
            &["the condition encoder", "--condition both"],
        ),
        (
            "--condition both --labelled 8 --objective iwae",
            &["labels in part", "the objective iwae", "--objective elbo"],
        ),
        (
            "--condition both --labelled 8 --objective dreg",
            &["labels in part", "the objective dreg", "--objective elbo"],
        ),
        (
            "--condition both --labelled 8 --free-bits 0.1",
            &["free bits", "labels in part", "--free-bits 0"],
        ),
        (
            "--condition both --labelled 8 --alpha -1",
            &["alpha is -1", "(--alpha)"],
        ),
        (
            "--condition both --alpha 1",
            &["labels in part", "(--alpha)"],
        ),
    ] {
        place
            .vae(&format!("{TRAIN} --out runs/a {args}"))
            .fails(2, parts);
        assert!(!place.path("runs").exists(), "{args}");
    }
    let bare = Place::new();
    bare.vae(&format!("{TRAIN} --out runs/a {PART}"))
        .fails(2, &["condition both reads the label", "--condition none"]);
}

#[test]
fn a_run_with_labels_in_part_trains_continues_and_classifies() {
    let place = labelled();
    let trained = place
        .vae(&format!("{TRAIN} {PART} --out runs/a"))
        .succeeds();
    assert!(trained.out.contains("  error "), "{}", trained.out);
    let line = place.metrics("runs/a").pop().unwrap();
    for key in [
        "train_bound",
        "train_kl_label",
        "train_labelled_nll",
        "train_cross_entropy",
        "train_error",
        "test_bound",
        "test_error",
    ] {
        assert!(line[key].is_number(), "{key}");
    }
    assert!(!line.contains_key("test_labelled_nll"));

    // The run's own classifier, whose errors are those of the last evaluation.
    let said = place
        .vae("classify runs/a --adapter reference --json -o classes.csv --probabilities")
        .succeeds();
    let said: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(said["images"], 4);
    assert_eq!(said["classes"], 4);
    assert_eq!(said["error_rate"].as_f64(), line["test_error"].as_f64());
    let confusion = said["confusion"].as_array().unwrap();
    assert!(confusion.len() == 4 && confusion[0].as_array().unwrap().len() == 4);
    let csv = fs::read_to_string(place.path("classes.csv")).unwrap();
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!(lines[0], "image,label,class,p0,p1,p2,p3");
    assert_eq!(lines.len(), 5);
    for line in &lines[1..] {
        let values: Vec<f64> = line
            .split(',')
            .map(|value| value.parse().unwrap())
            .collect();
        let (class, probabilities) = (values[2] as usize, &values[3..]);
        assert!(
            (probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-5,
            "{line}"
        );
        assert!(
            probabilities.iter().all(|p| *p <= probabilities[class]),
            "{line}"
        );
    }
    let text = place
        .vae("classify runs/a --adapter reference --split train")
        .succeeds();
    assert!(text.out.contains("of 36 train images"), "{}", text.out);
    assert_eq!(
        text.out.lines().filter(|line| line.ends_with(" %")).count(),
        4
    );

    place.vae("train --resume runs/a --epochs 3").succeeds();
    place
        .vae("train --resume runs/a --epochs 4 --labelled 12")
        .fails(
            2,
            &["labelled = 8", "labelled = 12", "learned from the labels"],
        );
    place
        .vae("train --resume runs/a --epochs 4 --alpha 1")
        .fails(2, &["alpha = 0.1", "of one kind"]);
    // Weights bring the classifier with them; how many labels there are may change.
    for labels in ["", "--labelled 12"] {
        let out = format!("runs/b{}", labels.len());
        place
            .vae(&format!(
                "train --init runs/a --adapter reference --batch-size 8 --epochs 1 {labels} --out {out}"
            ))
            .succeeds();
        let expected = if labels.is_empty() { 8 } else { 12 };
        assert_eq!(
            place.settings(&out)["labelled"].as_integer(),
            Some(expected)
        );
    }
    place
        .vae("classify runs/a --adapter reference --labelled 8")
        .fails(2, &["a classifier of its own", "--labelled"]);
    place
        .vae("classify runs/a --adapter reference -o runs/a/config.toml")
        .fails(2, &["config.toml"]);

    // Without labels there are classes and no errors.
    fs::remove_file(place.path("tiny/train-labels-idx1-ubyte")).unwrap();
    let said = place.vae("classify runs/a --adapter reference").succeeds();
    assert!(
        said.out.contains("4 test images of tiny without labels"),
        "{}",
        said.out
    );
}

#[test]
fn any_run_without_labels_has_a_classifier_fitted_to_its_latent() {
    let place = labelled();
    place.vae(&format!("{TRAIN} --out runs/a")).succeeds();
    let classify = |args: &str| {
        let said = place.vae(&format!(
            "classify runs/a --adapter reference --json {args}"
        ));
        let said: Value = serde_json::from_str(&said.succeeds().out).unwrap();
        said
    };
    let first = classify("--labelled 28 --split train");
    assert_eq!(first, classify("--labelled 28 --split train"));
    assert_eq!(first["images"], 36);
    assert!(first["error_rate"].as_f64().unwrap() < 0.75);
    assert_eq!(classify("--labelled 8 --hidden 5 --seed 3")["classes"], 4);
    for (args, parts) in [
        ("", &["no classifier of its own", "--labelled"][..]),
        ("--hidden 5", &["--labelled"]),
        ("--labelled 8 --hidden 0", &["--hidden"]),
        (
            "--labelled 10",
            &["the 4 classes", "8 or 12", "(--labelled)"],
        ),
        ("--labelled 8 --probabilities", &["--output"]),
    ] {
        place
            .vae(&format!("classify runs/a --adapter reference {args}"))
            .fails(2, parts);
    }
    fs::remove_file(place.path("tiny/train-labels-idx1-ubyte")).unwrap();
    place
        .vae("classify runs/a --adapter reference --labelled 8")
        .fails(2, &["no labels", "--data"]);

    let conditional = labelled();
    conditional
        .vae(&format!("{TRAIN} --condition both --out runs/a"))
        .succeeds();
    for args in ["", "--labelled 8"] {
        conditional
            .vae(&format!("classify runs/a --adapter reference {args}"))
            .fails(2, &["reads the label of each image", "condition both"]);
    }
}

/// M1 + M2, and whatever else is a model of latents.
#[test]
fn a_run_learns_from_the_latents_of_another_and_is_used_through_it() {
    const LATENTS: &str = "train --data tiny --adapter reference --hidden 6 --latent 3 --batch-size 8 --epochs 2 \
                           --features runs/m1 --likelihood gaussian";
    let place = labelled();
    place
        .vae(&format!("{TRAIN} --latent 4 --out runs/m1").replace("--latent 2 ", ""))
        .succeeds();
    place
        .vae(&format!("{LATENTS} {PART} --out runs/m2"))
        .succeeds();
    let config = fs::read_to_string(place.path("runs/m2/config.toml")).unwrap();
    assert!(config.contains("[features]"), "{config}");
    assert!(
        config.contains("image = [1, 4]") || config.contains("    4,\\n"),
        "{config}"
    );
    let line = place.metrics("runs/m2").pop().unwrap();
    let said = place
        .vae("classify runs/m2 --adapter reference --json")
        .succeeds();
    let said: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(said["error_rate"].as_f64(), line["test_error"].as_f64());
    // Pictures are of images: 6 by 5 pixels.
    for command in ["sample", "reconstruct"] {
        place
            .vae(&format!(
                "{command} runs/m2 --adapter reference -n 4 -o {command}.npy"
            ))
            .succeeds();
        let drawn = fs::read(place.path(format!("{command}.npy"))).unwrap();
        let header = String::from_utf8_lossy(&drawn[..128]).into_owned();
        assert!(header.contains("(4, 6, 5)"), "{header}");
    }
    // Resumed, the same bits as in one go.
    place
        .vae(&format!("{LATENTS} {PART} --out runs/whole --epochs 3").replace("--epochs 2 ", ""))
        .succeeds();
    place.vae("train --resume runs/m2 --epochs 3").succeeds();
    assert!(place.losses("runs/m2") == place.losses("runs/whole"));

    for (args, parts) in [
        (
            format!("{LATENTS} --out runs/a").replace("gaussian", "bernoulli"),
            &["bernoulli", "--likelihood"][..],
        ),
        (
            format!("{LATENTS} --out runs/a").replace("runs/m1", "runs/m2"),
            &["reads the label", "condition both"],
        ),
        (
            format!("{LATENTS} --out runs/a").replace("runs/m1", "runs/none"),
            &["runs/none"],
        ),
    ] {
        let ran = place.vae(&args);
        assert!(ran.code == Some(1) || ran.code == Some(2), "{ran}");
        let message = ran.message();
        for part in parts {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert!(!place.path("runs/a").exists(), "{args}");
    }

    place.vae("train --resume runs/m1 --epochs 3").succeeds();
    for command in [
        "classify runs/m2 --adapter reference",
        "train --resume runs/m2 --epochs 4",
    ] {
        place
            .vae(command)
            .fails(1, &["runs/m1", "has changed since"]);
    }
    fs::rename(place.path("runs/m1"), place.path("runs/moved")).unwrap();
    place
        .vae("classify runs/m2 --adapter reference")
        .fails(1, &["runs/m1", "put it back"]);
}
