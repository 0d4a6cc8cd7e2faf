//! Help, versions, and command lines that cannot be meant.

use std::time::{Duration, Instant};

use crate::{Place, TRAIN};

#[test]
fn every_command_has_help_with_examples() {
    let place = Place::new();
    for command in ["", "train", "sample", "reconstruct", "adapters", "bench"] {
        for args in [format!("{command} --help"), format!("help {command}")] {
            let started = Instant::now();
            let help = place.vae(&args).succeeds();
            assert!(help.out.contains("Examples:\n  vae "), "{help}");
            assert!(help.out.contains("Usage: vae"), "{help}");
            assert!(help.err.is_empty(), "{help}");
            // Generous: it is to fail when help opens adapters or data, not on a busy machine.
            assert!(started.elapsed() < Duration::from_secs(2), "{args}");
        }
    }
}

#[test]
fn the_help_of_train_has_every_preset_with_its_source() {
    let help = Place::new().vae("train --help").succeeds().out;
    let text = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "- blog: the PyTorch walk-through",
        "- textbook: a university text's MNIST chapter",
        "- aevb: Kingma and Welling 2013",
        "- aevb-2d: Kingma and Welling 2013, figure 4",
    ] {
        assert!(text.contains(part), "{part}: {help}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let place = Place::new();
    let expected = format!("vae {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(place.vae("--version").succeeds().out, expected);
    assert_eq!(place.vae("-V").succeeds().out, expected);
}

#[test]
fn without_a_command_the_help_is_shown_as_an_error() {
    let ran = Place::new().vae("");
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.err.contains("Commands:"), "{ran}");
}

#[test]
fn wrong_command_lines_say_what_is_wrong_and_change_nothing() {
    let place = Place::with_run();
    let before = place.checkpoint_bytes("runs/a");
    for (args, parts) in [
        ("frob", &["'frob'", "Usage: vae"][..]),
        ("train --frob", &["'--frob'", "Usage: vae"]),
        (
            "train --preset nosuch",
            &["'nosuch'", "blog, textbook, aevb, aevb-2d"],
        ),
        ("train --activation step", &["'step'", "relu, tanh"]),
        (
            "train --likelihood poisson",
            &["'poisson'", "bernoulli, gaussian"],
        ),
        ("train --hidden eight", &["'eight'", "--hidden"]),
        (
            "train --epochs 2 --epochs 3",
            &["--epochs", "multiple times"],
        ),
        ("train --epochs", &["--epochs", "value is required"]),
        ("train --seed -1", &["'-1'"]),
        ("train --log-every 0", &["'0'", "--log-every"]),
        (
            "train --steps-per-submission 0",
            &["'0'", "--steps-per-submission"],
        ),
        ("train --beta1 1", &["--beta1", "from 0 to less than 1"]),
        (
            "train --plan sideways",
            &["'sideways' is no plan", "two-launch"],
        ),
        ("train --resume runs/a --out runs/b", &["--resume", "--out"]),
        (
            "train --resume runs/a --preset blog",
            &["--resume", "--preset"],
        ),
        (
            "train --resume runs/a --config a.toml",
            &["--resume", "--config"],
        ),
        ("sample", &["<RUN>", "Usage: vae"]),
        ("sample runs/a runs/b", &["'runs/b'"]),
        ("sample runs/a -n 0", &["'0'", "--count"]),
        ("sample runs/a -n many", &["'many'", "--count"]),
        ("reconstruct runs/a --seed 1", &["'--seed'"]),
        ("adapters --adapter auto", &["'--adapter'"]),
    ] {
        place.vae(args).fails(2, parts);
    }
    assert_eq!(place.checkpoint_bytes("runs/a"), before);
    assert!(!place.path("runs/tiny-1").exists() && !place.path("runs/digits-1").exists());
}

#[test]
fn the_empty_string_is_no_value() {
    let place = Place::new();
    for flag in ["--hidden", "--adapter", "--out", "--lr", "--data-dir"] {
        let args = ["train", "--data", "tiny", flag, ""];
        let ran = crate::Ran::of(&mut place.command(args));
        ran.fails(2, &[flag]);
    }
}

#[test]
fn adam_without_a_memory_of_the_gradient_trains() {
    let place = Place::new();
    let args = format!("{TRAIN} --beta1 0 --out runs/a");
    place.vae(&args).succeeds();
    assert_eq!(place.metrics("runs/a").len(), 2);
}

#[test]
fn runs_without_a_name_are_counted() {
    let place = Place::new();
    for number in 1..=3 {
        let said = place.vae(TRAIN).succeeds().out;
        assert!(said.contains(&format!("tiny-{number}")), "{said}");
        assert!(
            place
                .last_checkpoint(&format!("runs/tiny-{number}"))
                .exists()
        );
    }
}

#[test]
fn a_training_says_where_everything_is_and_it_is_there() {
    let place = Place::with_run();
    let said = place.vae(&format!("{TRAIN} --out runs/b")).succeeds().out;
    for (label, path) in [
        ("run ", "runs/b"),
        ("checkpoint ", "runs/b/checkpoints/last.safetensors"),
        ("samples ", "runs/b/samples/prior.png"),
        ("reconstructions ", "runs/b/samples/reconstructions.png"),
    ] {
        let line = said.lines().find(|line| line.starts_with(label)).unwrap();
        // Windows separates with its own sign what the program appends.
        assert!(
            line.replace('\\', "/").ends_with(&format!(" {path}")),
            "{line}"
        );
        assert!(place.path(path).exists(), "{path}");
    }
    place
        .vae("sample runs/b --adapter reference -o a.png")
        .succeeds();
    place
        .vae("reconstruct runs/b --adapter reference -n 3 -o b.png")
        .succeeds();
    assert!(place.path("a.png").exists() && place.path("b.png").exists());
}
