//! `--config`, and what wins over what.

use std::fs;

use crate::{Place, Ran, TRAIN};

#[test]
fn flags_win_over_the_file_over_the_preset_over_the_defaults() {
    let place = Place::new();
    let file = "adapter = \"reference\"\n[data]\nsource = \"tiny\"\n\
                [training]\nlatent = 5\nepochs = 4\nbatch-size = 9\n";
    fs::write(place.path("mine.toml"), file).unwrap();
    let flags = "--preset textbook --config mine.toml --epochs 1 --batch-size 12 --out runs/a";
    place.vae(&format!("train {flags}")).succeeds();
    let settings = place.settings("runs/a");
    let integer = |key: &str| settings[key].as_integer().unwrap();
    assert_eq!(
        (integer("epochs"), integer("batch-size")),
        (1, 12),
        "the flags"
    );
    assert_eq!(integer("latent"), 5, "the file");
    assert_eq!(
        settings["hidden"].as_array().unwrap(),
        &[200.into()],
        "the preset"
    );
    assert_eq!(
        settings["likelihood"].as_str(),
        Some("squared-error"),
        "the preset"
    );
    assert_eq!(settings["lr"].as_float(), Some(1e-3), "the default");
}

#[test]
fn a_runs_configuration_repeats_it_bit_for_bit() {
    let place = Place::new();
    let flags = "--hidden 7,3 --latent 2 --activation tanh --likelihood gaussian --lr 0.0123 --seed 77 \
                 --beta1 0.8 --beta2 0.95 --eps 1e-6 --batch-size 5 --epochs 3 --lr-schedule cosine \
                 --lr-end 0.001 --warmup-steps 3 --weight-decay 0.02 --clip-norm 5";
    place
        .vae(&format!(
            "train --data tiny --adapter reference {flags} --out runs/x"
        ))
        .succeeds();
    place
        .vae("train --config runs/x/config.toml --out y")
        .succeeds();
    assert_eq!(
        place.checkpoint_bytes("runs/x"),
        place.checkpoint_bytes("y")
    );
    assert_eq!(place.losses("runs/x"), place.losses("y"));
    let config = |run: &str| fs::read_to_string(place.path(run).join("config.toml")).unwrap();
    assert_eq!(config("runs/x"), config("y"));
    // And another seed does not.
    place
        .vae("train --config runs/x/config.toml --seed 78 --out z")
        .succeeds();
    assert_ne!(
        place.checkpoint_bytes("runs/x"),
        place.checkpoint_bytes("z")
    );
}

#[test]
fn a_file_that_is_no_configuration_is_refused() {
    let place = Place::new();
    for (text, parts) in [
        ("no toml at all", &["line 1", "expected"][..]),
        ("[training\n", &["line 1"]),
        (
            "[training]\nepoch = 3\n",
            &["line 2", "epoch = 3", "`epochs`"],
        ),
        ("colour = 3\n", &["line 1", "`colour`", "`training`"]),
        (
            "[data]\npath = \"tiny\"\n",
            &["line 2", "`path`", "`source`"],
        ),
        ("[training]\nepochs = \"three\"\n", &["line 2", "\"three\""]),
        ("[training]\nhidden = 8\n", &["line 2", "hidden = 8"]),
        ("[training]\nhidden = [-8]\n", &["line 2", "-8"]),
        (
            "[training]\nhidden = []\n",
            &["at least one hidden layer", "(--hidden 400)"],
        ),
        ("[training]\nlatent = 0\n", &["latent of 0"]),
        (
            "[training]\nlikelihood = \"beta\"\n",
            &["line 2", "beta", "bernoulli"],
        ),
        (
            "[training]\nlr = nan\n",
            &["the learning rate is NaN", "(--lr)"],
        ),
        (
            "[training]\nlr-schedule = \"steps\"\n",
            &["line 2", "'steps'", "PASSES:RATE"],
        ),
        (
            "[training]\nlr-schedule = \"2:1e-3,0:1e-4\"\n",
            &[
                "schedule of the learning rate is 2:0.001,0:0.0001",
                "(--lr-schedule)",
            ],
        ),
        (
            "[training]\nbatch-size = 9\nlr-schedule = \"cosine\"\nwarmup-steps = 99999\n",
            &["warm-up steps is 99999", "the run has", "(--warmup-steps)"],
        ),
        (
            "[training]\nlr-end = -1\n",
            &["last learning rate is -1", "(--lr-end)"],
        ),
        (
            "[training]\nweight-decay = inf\n",
            &["weight decay is inf", "(--weight-decay)"],
        ),
        (
            "[training]\nclip-norm = -1\n",
            &["norm of the gradient is -1", "(--clip-norm)"],
        ),
        ("adapter = \"\"\n", &["adapter ''", "auto"]),
        ("plan = \"sideways\"\n", &["plan 'sideways'", "two-launch"]),
    ] {
        fs::write(place.path("mine.toml"), text).unwrap();
        place
            .vae("train --data tiny --config mine.toml")
            .fails(2, parts);
    }
    fs::write(place.path("mine.toml"), b"seed = \xff\xfe").unwrap();
    place
        .vae("train --config mine.toml")
        .fails(2, &["mine.toml", "utf-8"]);
    place
        .vae("train --config nosuch.toml")
        .fails(1, &["nosuch.toml", "check the path"]);
    place.vae("train --config tiny").fails(1, &["tiny"]);
    assert!(!place.path("runs").exists());
}

/// The reference executor has none; a run that was trained on some asks for them when it continues.
#[test]
fn matrix_units_are_asked_for_and_kept() {
    let place = Place::with_run();
    let path = place.path("runs/a/config.toml");
    let config = fs::read_to_string(&path).unwrap();
    assert!(config.contains("matrix-units = false\n"), "{config}");
    let parts = ["no matrix units", "(--matrix-units)"];
    place
        .vae("train --data tiny --batch-size 4 --adapter reference --matrix-units --out runs/units")
        .fails(1, &parts);
    assert!(!place.path("runs/units").exists());
    place
        .vae("bench --workload s --adapter reference --matrix-units")
        .fails(1, &parts);
    fs::write(&path, config.replace("units = false", "units = true")).unwrap();
    place
        .vae("train --resume runs/a --epochs 9 --adapter reference")
        .fails(1, &parts);
}

#[test]
fn a_runs_damaged_configuration_is_named() {
    let place = Place::with_run();
    for (text, part) in [
        ("?", "line 1"),
        ("", "missing field"),
        ("adapter = 3\n", "line 1"),
    ] {
        fs::write(place.path("runs/a/config.toml"), text).unwrap();
        for args in [
            "train --resume runs/a",
            "sample runs/a",
            "reconstruct runs/a",
        ] {
            place
                .vae(args)
                .fails(1, &["config.toml", part, "correct it"]);
        }
    }
}

#[test]
fn paths_may_have_spaces_and_letters_of_any_language() {
    let place = Place::new();
    place.images("mes données", 40, 6, 5);
    let train = TRAIN.replace("--data tiny", "");
    let args = train.split_whitespace().chain(["--data", "mes données"]);
    Ran::of(&mut place.command(args.clone())).succeeds();
    assert!(place.last_checkpoint("runs/mes_données-1").exists());
    let run = "日本 и пробел";
    Ran::of(&mut place.command(args.chain(["--out", run]))).succeeds();
    Ran::of(&mut place.command(["train", "--resume", run, "--epochs", "3"])).succeeds();
    Ran::of(&mut place.command(["sample", run, "--adapter", "reference"])).succeeds();
}

/// Other systems refuse such names themselves.
#[cfg(target_os = "linux")]
#[test]
fn paths_need_not_be_text() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let place = Place::new();
    let name = OsStr::from_bytes(b"r\xff");
    Ran::of(
        place
            .command(TRAIN.split_whitespace())
            .arg("--out")
            .arg(name),
    )
    .succeeds();
    Ran::of(
        place
            .command(["train", "--epochs", "3", "--resume"])
            .arg(name),
    )
    .succeeds();
    Ran::of(
        place
            .command(["sample", "--adapter", "reference"])
            .arg(name),
    )
    .succeeds();
    // What goes into a configuration has to be.
    let mut command = place.command(["train", "--adapter", "reference", "--data"]);
    Ran::of(command.arg(name)).fails(2, &["UTF-8"]);
}
