//! Objectives by their flags: what they report, what they refuse, and what a run keeps of them.

use std::collections::BTreeSet;
use std::fs;

use vae_wgpu::model::Bound;

use crate::{Place, TRAIN};

/// What each reports beside the loss, with flags of its own.
const REPORTED: [(&str, &str, &[&str]); 8] = [
    ("stl", "--beta 2 --kl-warmup 3", &["recon", "excess", "kl"]),
    ("iwae-stl", "--samples 2", &["bound", "recon", "kl"]),
    (
        "miwae",
        "--samples 2 --outer-samples 3",
        &["bound", "recon", "kl"],
    ),
    (
        "piwae",
        "--samples 2 --outer-samples 3 --posterior planar --flow-steps 2",
        &["bound", "iwae", "recon", "kl"],
    ),
    (
        "ciwae",
        "--samples 2 --elbo-weight 0.1",
        &["elbo", "bound", "recon", "kl"],
    ),
    (
        "capacity",
        "--capacity 3 --capacity-steps 4 --capacity-weight 10",
        &["recon", "kl_gap", "kl"],
    ),
    ("beta-tc", "--beta 6", &["recon", "mi", "tc", "dwkl", "kl"]),
    (
        "info",
        "--info-alpha 0.5 --info-lambda 10 --samples 2",
        &["recon", "kl", "mmd"],
    ),
];

#[test]
fn every_objective_trains_reports_its_terms_and_continues() {
    let place = Place::new();
    let tested: BTreeSet<_> = REPORTED.iter().map(|(name, ..)| *name).collect();
    let older = ["elbo", "iwae", "dreg"];
    let named = Bound::NAMES
        .into_iter()
        .filter(|name| !older.contains(name));
    assert_eq!(tested, named.collect());
    for (objective, flags, terms) in REPORTED {
        let run = format!("runs/{objective}");
        place
            .vae(&format!(
                "{TRAIN} --objective {objective} {flags} --out {run}"
            ))
            .succeeds();
        let line = place.metrics(&run).remove(1);
        for split in ["train", "test"] {
            let reported = line.keys().filter_map(|key| key.strip_prefix(split));
            let reported: BTreeSet<_> = reported.map(|key| &key[1..]).collect();
            let expected = terms.iter().copied().chain(["loss"]);
            assert_eq!(reported, expected.collect(), "{objective}");
            for term in terms {
                let value = line[&format!("{split}_{term}")].as_f64().unwrap();
                assert!(value.is_finite(), "{objective}: {term}");
            }
        }
        let samples = fs::read_dir(place.path(format!("{run}/samples"))).unwrap();
        assert!(samples.count() > 0, "{objective}");
        place
            .vae(&format!("train --resume {run} --epochs 3"))
            .succeeds();
        let of_another = match objective {
            "info" => "--objective elbo",
            _ => "--samples 5",
        };
        place
            .vae(&format!("train --resume {run} --epochs 4 {of_another}"))
            .fails(2, &["would not be of one kind"]);
    }
}

/// The loss is the sum of its terms by the weights that the flags give.
#[test]
fn flags_weigh_the_terms() {
    let place = Place::new();
    for (flags, loss) in [
        (
            "ciwae --samples 3 --elbo-weight 0.25",
            &[("elbo", 0.25), ("bound", 0.75)][..],
        ),
        (
            "capacity --capacity 3 --capacity-weight 10 --capacity-steps 0",
            &[("recon", 1.0), ("kl_gap", 10.0)],
        ),
        (
            "beta-tc --beta 6",
            &[("recon", 1.0), ("mi", 1.0), ("tc", 6.0), ("dwkl", 1.0)],
        ),
        (
            "info --info-alpha 0.5 --info-lambda 10",
            &[("recon", 1.0), ("kl", 0.5), ("mmd", 9.5)],
        ),
    ] {
        let run = flags.split(' ').next().unwrap();
        place
            .vae(&format!("{TRAIN} --objective {flags} --out {run}"))
            .succeeds();
        let line = place.metrics(run).remove(0);
        for split in ["train", "test"] {
            let value = |term: &str| line[&format!("{split}_{term}")].as_f64().unwrap();
            let sum: f64 = loss.iter().map(|(term, weight)| weight * value(term)).sum();
            let error = (sum - value("loss")).abs() / sum.abs();
            assert!(error < 1e-5, "{flags}: {sum}, {}", value("loss"));
        }
        if run == "capacity" {
            // Each batch's distance is from the capacity, so that their mean is at least the means'.
            let value = |term: &str| line[&format!("train_{term}")].as_f64().unwrap();
            assert!(value("kl_gap") >= (value("kl") - 3.0).abs() - 1e-4);
        }
    }
}

#[test]
fn a_training_knows_its_images_and_its_whole_length() {
    let place = Place::new();
    let first = |flags: &str, out: &str| {
        place
            .vae(&format!("{TRAIN} --objective {flags} --out {out}"))
            .succeeds();
        place.metrics(out).remove(0)
    };
    // 5 steps an epoch, two epochs.
    let whole = first("capacity --capacity-weight 10", "whole");
    let ten = first("capacity --capacity-weight 10 --capacity-steps 10", "ten");
    let full = first("capacity --capacity-weight 10 --capacity-steps 0", "full");
    assert_eq!(whole["train_loss"], ten["train_loss"]);
    assert_ne!(whole["train_loss"], full["train_loss"]);
    // While evaluating, the capacity is whole.
    let gap =
        |line: &serde_json::Map<String, serde_json::Value>| line["test_kl_gap"].as_f64().unwrap();
    assert!(gap(&whole) > 20.0 && gap(&full) > 20.0);
    // What 36 images in batches of 8 say of one: at most ln(36 · 8), and with N of 1 at most ln 8.
    let tc = first("beta-tc", "tc");
    let mi = tc["train_mi"].as_f64().unwrap();
    assert!(mi > 36f64.ln() - 1.0 && mi < (36f64 * 8.0).ln(), "{mi}");
}

#[test]
fn what_an_objective_does_not_read_or_cannot_be_is_refused() {
    let place = Place::new();
    for (args, parts) in [
        (
            "--outer-samples 2",
            &[
                "the number of groups of samples is 2",
                "elbo does not read it",
                "miwae, piwae",
                "(--outer-samples)",
            ][..],
        ),
        (
            "--objective miwae --outer-samples 0",
            &["0 groups of samples", "(--outer-samples)"],
        ),
        (
            "--objective piwae --samples 0",
            &["0 samples", "(--samples)"],
        ),
        (
            "--objective miwae --samples 5000 --outer-samples 5000",
            &["25000000 samples in all", "(--outer-samples)"],
        ),
        (
            "--objective miwae --beta 2",
            &["miwae does not read it", "elbo, stl, beta-tc", "(--beta)"],
        ),
        (
            "--objective stl --free-bits 1",
            &["stl does not read it", "(--free-bits)"],
        ),
        (
            "--objective ciwae --elbo-weight 1.5",
            &["from 0", "to 1", "(--elbo-weight)"],
        ),
        (
            "--objective ciwae --elbo-weight nan",
            &["NaN", "(--elbo-weight)"],
        ),
        (
            "--elbo-weight 0.1",
            &["elbo does not read it", "ciwae", "(--elbo-weight)"],
        ),
        (
            "--objective capacity --capacity -1",
            &["the capacity is -1", "(--capacity)"],
        ),
        (
            "--objective capacity --capacity-weight -1",
            &["(--capacity-weight)"],
        ),
        (
            "--capacity-steps 5",
            &["elbo does not read it", "capacity", "(--capacity-steps)"],
        ),
        (
            "--objective info --info-alpha 1.5",
            &["1 - alpha", "(--info-alpha)"],
        ),
        (
            "--objective info --info-alpha -1 --info-lambda 1",
            &["alpha + lambda - 1", "2 at least", "(--info-lambda)"],
        ),
        ("--objective info --info-lambda inf", &["(--info-lambda)"]),
        (
            "--objective stl --posterior iaf",
            &[
                "the objective stl asks",
                "the posterior iaf",
                "--objective elbo",
                "--posterior gaussian",
            ],
        ),
        (
            "--objective iwae-stl --posterior planar",
            &["the objective iwae-stl asks", "--objective iwae"],
        ),
        (
            "--objective beta-tc --posterior radial",
            &[
                "the objective beta-tc asks",
                "each dimension of z",
                "the posterior radial",
                "--objective elbo",
            ],
        ),
        ("--objective vae", &["'vae'", "capacity, beta-tc, info"]),
    ] {
        place
            .vae(&format!("{TRAIN} --out runs/a {args}"))
            .fails(2, parts);
        assert!(!place.path("runs").exists(), "{args}");
    }
}

#[test]
fn a_run_from_before_these_objectives_continues() {
    let place = Place::with_run();
    let path = place.path("runs/a/config.toml");
    let config = fs::read_to_string(&path).unwrap();
    let new = ["outer-samples", "elbo-weight", "capacity", "info-"];
    let older: String = config
        .lines()
        .filter(|line| !new.iter().any(|key| line.starts_with(key)))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(older.len() < config.len());
    fs::write(&path, older).unwrap();
    place.vae("train --resume runs/a --epochs 3").succeeds();
}
