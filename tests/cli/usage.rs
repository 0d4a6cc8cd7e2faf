//! Help, versions, and command lines that cannot be meant.

use std::time::{Duration, Instant};

use crate::{Place, TRAIN};

#[test]
fn every_command_has_help_with_examples() {
    let place = Place::new();
    for command in [
        "",
        "train",
        "sample",
        "fit-prior",
        "reconstruct",
        "parts",
        "plan",
        "adapters",
        "bench",
        "completions",
    ] {
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
    for command in ["train", "sample", "adapters", "completions"] {
        let said = place.vae(&format!("{command} --version")).succeeds().out;
        assert_eq!(said, expected, "{command}");
    }
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
            &["'nosuch'", "blog, textbook, aevb, aevb-2d, beta-4, cvae"],
        ),
        ("train --activation step", &["'step'", "relu, tanh"]),
        (
            "train --likelihood beta",
            &["'beta'", "bernoulli, gaussian"],
        ),
        ("train --hidden eight", &["'eight'", "--hidden"]),
        (
            "train --epochs 2 --epochs 3",
            &["--epochs", "multiple times"],
        ),
        ("train --epochs", &["--epochs", "value is required"]),
        ("train --seed -1", &["'-1'", "--seed"]),
        ("train --latent -1", &["'-1'", "--latent"]),
        ("train --log-every -1", &["-1", "--log-every"]),
        ("sample runs/a -n -1", &["-1", "--count"]),
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

#[test]
fn help_has_the_default_of_every_setting_or_the_presets() {
    let place = Place::new();
    let run = Place::with_run();
    let default_of = |help: &str, flag: &str| -> String {
        let start = help.find(&format!(" {flag} ")).unwrap();
        // Long lines are broken anywhere.
        let words: Vec<_> = help[start..].split_whitespace().collect();
        let text = words.join(" ");
        let from = text.split("[default: ").nth(1).unwrap();
        from.split(']').next().unwrap().to_owned()
    };
    for help in ["-h", "--help"] {
        let plain = place.vae(&format!("train {help}")).succeeds().out;
        for preset in ["--preset textbook", "--preset=textbook"] {
            let textbook = place.vae(&format!("train {preset} {help}")).succeeds().out;
            for (flag, of_plain, of_textbook) in [
                ("--hidden", "400", "200"),
                ("--latent", "20", "20"),
                ("--likelihood", "bernoulli", "squared-error"),
                ("--epochs", "10", "15"),
                ("--lr", "0.001", "0.001"),
                ("--eps", "1e-8", "1e-8"),
                ("--adapter", "auto", "auto"),
                ("--data", "digits", "digits"),
            ] {
                assert_eq!(default_of(&plain, flag), of_plain, "{flag} {plain}");
                assert_eq!(default_of(&textbook, flag), of_textbook, "{flag}");
            }
        }
        // Whatever settings there are, and will be.
        for key in run.settings("runs/a").keys() {
            assert!(!default_of(&plain, &format!("--{key}")).is_empty(), "{key}");
        }
    }
}

#[test]
fn quiet_leaves_warnings_errors_and_results() {
    let place = Place::new();
    let ran = place
        .vae(&format!("{TRAIN} --quiet --out runs/a"))
        .succeeds();
    assert_eq!(ran.out, "");
    assert_eq!(ran.err.lines().count(), 1, "{ran}");
    assert!(
        ran.err.starts_with("warning: the reference executor"),
        "{ran}"
    );
    let ran = place.vae("-q sample runs/a --adapter reference").succeeds();
    assert_eq!(ran.out, "");
    assert!(
        place
            .vae("adapters -q")
            .succeeds()
            .out
            .contains("reference")
    );
    place.vae("sample runs/none -q").fails(1, &["runs/none"]);
}

#[test]
fn every_shell_has_completions_with_commands_and_flags() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = place.vae(&format!("completions {shell}")).succeeds().out;
        for word in ["reconstruct", "log-every", "preset", "parts", "wgsl"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    place
        .vae("completions nosuch")
        .fails(2, &["'nosuch'", "bash"]);
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let place = Place::new();
    place.vae("manual -o man/man1").succeeds();
    for page in [
        "vae",
        "vae-train",
        "vae-sample",
        "vae-reconstruct",
        "vae-parts",
        "vae-plan",
        "vae-bench",
    ] {
        let text = std::fs::read_to_string(place.path(format!("man/man1/{page}.1"))).unwrap();
        assert!(text.contains(".SH NAME"), "{page}");
        assert!(text.contains("Examples"), "{page}");
    }
    let train = std::fs::read_to_string(place.path("man/man1/vae-train.1")).unwrap();
    assert!(train.contains("[default: 400]"), "{train}");
}
