//! Layers, batches and rates that no model can have, or no memory hold.

use crate::{Place, TRAIN};

/// A training of `tiny`, to `runs/new`, with these flags.
fn train(flags: &str) -> String {
    format!("train --data tiny --adapter reference --out runs/new {flags}")
}

#[test]
fn settings_out_of_range_are_wrong_usage() {
    let place = Place::new();
    for (flags, parts) in [
        (
            "--hidden 0",
            &["hidden layer of 0 units", "1 to 1048576"][..],
        ),
        ("--hidden 8,0", &["hidden layer of 0 units", "(--hidden)"]),
        ("--hidden 8,", &["--hidden"]),
        ("--hidden=-8", &["'-8'", "--hidden"]),
        (
            "--hidden 1000000000000",
            &["hidden layer of 1000000000000 units", "1 to 1048576"],
        ),
        (
            "--hidden 18446744073709551615",
            &["hidden layer of 18446744073709551615 units"],
        ),
        (
            "--hidden 18446744073709551616",
            &["18446744073709551616", "too large"],
        ),
        ("--latent 0", &["latent of 0 dimensions", "(--latent)"]),
        (
            "--latent 1000000000000",
            &["latent of 1000000000000 dimensions"],
        ),
        (
            "--batch-size 0",
            &["the batch size is 0", "at least one", "(--batch-size)"],
        ),
        (
            "--batch-size 37",
            &["batch of 37", "36 training images", "(--batch-size 36)"],
        ),
        (
            "--batch-size 18446744073709551615",
            &["36 training images", "(--batch-size 36)"],
        ),
        (
            "--epochs 0",
            &["the number of epochs is 0", "at least one", "(--epochs)"],
        ),
        ("--lr 0", &["the learning rate is 0", "positive", "(--lr)"]),
        (
            "--lr -1",
            &["the learning rate is -1", "positive", "(--lr)"],
        ),
        (
            "--lr nan",
            &["the learning rate is NaN", "positive", "(--lr)"],
        ),
        (
            "--lr inf",
            &["the learning rate is inf", "positive", "(--lr)"],
        ),
        (
            "--beta1 1",
            &["Adam's beta1 is 1", "from 0 to less than 1", "(--beta1)"],
        ),
        (
            "--beta2 -0.5",
            &["Adam's beta2 is -0.5", "from 0 to less than 1", "(--beta2)"],
        ),
        ("--eps 0", &["Adam's epsilon is 0", "positive", "(--eps)"]),
    ] {
        place.vae(&train(flags)).fails(2, parts);
    }
    assert!(
        !place.path("runs").exists(),
        "a folder was made for a training that never began"
    );
}

#[test]
fn the_smallest_batch_and_the_largest_are_trained_on() {
    let place = Place::new();
    for (batch, steps) in [(1, "36"), (36, "1")] {
        let run = format!("runs/{batch}");
        let flags = format!("--hidden 3,1 --latent 1 --epochs 1 --batch-size {batch} --out {run}");
        place
            .vae(&format!("train --data tiny --adapter reference {flags}"))
            .succeeds();
        place.edit_checkpoint(&run, |checkpoint| {
            assert_eq!(checkpoint.metadata["step"], steps)
        });
    }
}

#[test]
fn the_largest_seed_is_kept() {
    let place = Place::new();
    let seed = u64::MAX;
    place
        .vae(&format!("{TRAIN} --seed {seed} --out runs/a"))
        .succeeds();
    place.vae("train --resume runs/a --epochs 3").succeeds();
    place
        .vae(
            &format!("{TRAIN} --epochs 3 --out runs/b --config runs/a/config.toml")
                .replace("--epochs 2 ", ""),
        )
        .succeeds();
    assert_eq!(
        place.checkpoint_bytes("runs/a"),
        place.checkpoint_bytes("runs/b")
    );
}

#[test]
fn more_memory_than_the_reference_executor_takes_is_refused() {
    let place = Place::new();
    for flags in [
        "--hidden 1000000,1000000",
        "--hidden 1000000,1000000,1000000,1000000,1000000",
    ] {
        place
            .vae(&train(&format!("{flags} --batch-size 8")))
            .fails(1, &["TiB", "256.0 MiB", "--hidden", "would fit"]);
    }
    assert!(!place.path("runs").exists());
}

#[test]
fn on_an_adapter_more_memory_than_there_is_is_refused() {
    let place = Place::new();
    if !place.has_adapter() {
        return;
    }
    let flags = "--data tiny --hidden 1000000,1000000 --batch-size 8 --out runs/new";
    place.vae(&format!("train {flags}")).fails(
        1,
        &[
            "adapter '",
            "no memory left",
            "the parameters",
            "TiB",
            "smaller layers",
        ],
    );
    assert!(!place.path("runs").exists());
}

#[test]
fn more_samples_than_a_picture_holds_are_refused() {
    let place = Place::with_run();
    for count in [10_000_000, u32::MAX] {
        let args = format!("sample runs/a --adapter reference -n {count} -o new.png");
        place.vae(&args).fails(2, &["one picture", "-o FOLDER/"]);
    }
    assert!(!place.path("new.png").exists());
}
