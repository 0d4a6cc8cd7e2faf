//! `--seeds`: the same model from several seeds, side by side.

use std::fs;

use serde_json::Value;

use crate::{Place, TRAIN, TRAIN_IMAGES};

/// Seeds 4, 5 and 6.
const SEEDS: &str = "--seed 4 --seeds 3";

/// Fails unless the run is that of `alone`, to the bits of its weights and the digits of its losses.
#[track_caller]
fn assert_same(place: &Place, run: &str, alone: &str) {
    assert!(
        place.checkpoint_bytes(run) == place.checkpoint_bytes(alone),
        "{run}"
    );
    // On the processor, the threads are shared.
    let losses = |run| {
        let mut lines = place.losses(run);
        for line in &mut lines {
            line.remove("adapter").unwrap();
        }
        lines
    };
    assert_eq!(losses(run), losses(alone), "{run}");
}

/// Of data of which each seed holds out other images, and of data with test images of their own, which the
/// trainings share.
#[test]
fn each_seed_has_the_bits_of_its_run_alone() {
    let place = Place::new();
    place.images("whole", 40, 6, 5);
    let test = "t10k-images-idx3-ubyte";
    fs::copy(
        place.path("tiny").join(TRAIN_IMAGES),
        place.path("whole").join(test),
    )
    .unwrap();
    for (data, adapter) in [
        ("tiny", "reference"),
        ("whole", "reference"),
        ("whole", "cpu"),
    ] {
        let train = TRAIN.replace("tiny", data).replace("reference", adapter);
        let family = format!("runs/{data}-{adapter}");
        let said = place
            .vae(&format!("{train} {SEEDS} --out {family}"))
            .succeeds();
        for epoch in ["epoch 1/2  loss ", "epoch 2/2  loss "] {
            assert!(said.out.contains(epoch), "{said}");
        }
        for seed in [4, 5, 6] {
            let alone = format!("{family}-alone-{seed}");
            place
                .vae(&format!("{train} --seed {seed} --out {alone}"))
                .succeeds();
            assert_same(&place, &format!("{family}/seed-{seed}"), &alone);
        }
    }
}

#[test]
fn the_figures_of_all_seeds_are_told_and_kept() {
    let place = Place::new();
    let said = place
        .vae(&format!("{TRAIN} {SEEDS} --out runs/f"))
        .succeeds();
    let text = fs::read_to_string(place.path("runs/f/seeds.json")).unwrap();
    let summary: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(summary["seeds"], serde_json::json!([4, 5, 6]));
    assert_eq!(summary["epochs"], 2);
    let last = |seed| place.metrics(&format!("runs/f/seed-{seed}")).pop().unwrap();
    let lines = [4, 5, 6].map(last);
    for figure in ["train_loss", "train_kl", "test_loss", "test_recon"] {
        let values = [0, 1, 2].map(|line: usize| lines[line][figure].as_f64().unwrap());
        let mean = values.iter().sum::<f64>() / 3.0;
        let squares = values.iter().map(|value| (value - mean).powi(2));
        let deviation = (squares.sum::<f64>() / 2.0).sqrt();
        let found = &summary["figures"][figure];
        for (key, expected) in [("mean", mean), ("deviation", deviation)] {
            let found = found[key].as_f64().unwrap();
            assert!(
                (found - expected).abs() < 1e-9,
                "{figure} {key}: {found}, {expected}"
            );
        }
        assert!(
            said.out.contains(&format!("{mean:>10.3}{deviation:>11.3}")),
            "{said}"
        );
    }
}

#[test]
fn all_seeds_go_on_together() {
    let place = Place::new();
    let once = TRAIN.replace("--epochs 2", "--epochs 1");
    place
        .vae(&format!("{once} {SEEDS} --out runs/f"))
        .succeeds();
    let said = place.vae("train --resume runs/f --epochs 2").succeeds();
    assert!(said.out.contains("after epoch 2, 3 seeds"), "{said}");
    place
        .vae(&format!("{TRAIN} --seed 6 --out runs/alone"))
        .succeeds();
    assert_eq!(place.losses("runs/f/seed-6"), place.losses("runs/alone"));
    let tensors = |run| place.checkpoint(run, "last").tensors;
    assert!(tensors("runs/f/seed-6") == tensors("runs/alone"));
}

#[test]
fn what_cannot_be_is_refused_and_leaves_nothing() {
    let place = Place::new();
    for (flags, code, parts) in [
        ("--seeds 0", 2, &["--seeds", "'0'"][..]),
        ("--seeds -2", 2, &["'-2'"]),
        ("--seeds 1.5", 2, &["'1.5'"]),
        ("--seeds 2 --log-every 1", 2, &["--log-every", "--seeds"]),
        (
            "--seeds 2 --seed 18446744073709551615",
            2,
            &["--seed", "2 seeds"],
        ),
        ("--seeds 2 --beta -1", 2, &["--beta"]),
    ] {
        place
            .vae(&format!("{TRAIN} --out runs/f {flags}"))
            .fails(code, parts);
        assert!(!place.path("runs").exists(), "{flags}");
    }
    let large = TRAIN.replace("--batch-size 8", "--batch-size 41");
    let ran = place.vae(&format!("{large} {SEEDS} --out runs/f"));
    ran.fails(2, &["seed 4", "--batch-size"]);
    assert!(!place.path("runs").exists());
    // One of the runs is there already: nothing is touched.
    place
        .vae(&format!("{TRAIN} --seed 5 --out runs/f/seed-5"))
        .succeeds();
    let before = place.checkpoint_bytes("runs/f/seed-5");
    place
        .vae(&format!("{TRAIN} {SEEDS} --out runs/f"))
        .fails(1, &["runs/f/seed-5"]);
    assert!(before == place.checkpoint_bytes("runs/f/seed-5"));
    assert!(!place.path("runs/f/seed-4").exists());
}

#[test]
fn a_seed_that_fails_is_named_and_the_others_end() {
    let place = Place::new();
    let once = TRAIN.replace("--epochs 2", "--epochs 1");
    place
        .vae(&format!("{once} {SEEDS} --out runs/f"))
        .succeeds();
    fs::write(place.last_checkpoint("runs/f/seed-5"), b"no checkpoint").unwrap();
    place
        .vae("train --resume runs/f --epochs 2")
        .fails(1, &["seed 5", "seed-5"]);
    for seed in [4, 6] {
        assert_eq!(place.losses(&format!("runs/f/seed-{seed}")).len(), 2);
    }
}
