//! Runs that move and change: what a run that continues may change and what it keeps, whose data and
//! weights are taken, and what it runs on.

use std::fs;

use toml::Value;

use crate::{Place, TRAIN};

impl Place {
    /// `config.toml` as it is.
    fn config(&self, run: &str) -> toml::Table {
        let text = fs::read_to_string(self.path(run).join("config.toml")).unwrap();
        text.parse().unwrap()
    }

    /// The changes that a run has recorded: after which step, which setting, from what, to what.
    fn changes(&self, run: &str) -> Vec<(i64, String, String, String)> {
        let config = self.config(run);
        let Some(changes) = config.get("changes") else {
            return Vec::new();
        };
        let text = |change: &Value, key: &str| change[key].as_str().unwrap().to_owned();
        let changes = changes.as_array().unwrap().iter();
        changes
            .map(|change| {
                let step = change["after-step"].as_integer().unwrap();
                let [setting, from, to] = ["setting", "from", "to"].map(|key| text(change, key));
                (step, setting, from, to)
            })
            .collect()
    }
}

fn change(step: i64, setting: &str, from: &str, to: &str) -> (i64, String, String, String) {
    (step, setting.to_owned(), from.to_owned(), to.to_owned())
}

#[test]
fn a_run_that_continues_may_change_its_optimiser_and_keeps_the_change() {
    let place = Place::with_run();
    place.vae("train --resume runs/a --epochs 4").succeeds();
    let without = place.checkpoint_bytes("runs/a");

    let place = Place::with_run();
    place
        .vae("train --resume runs/a --epochs 3 --lr 0.01 --beta1 0.5 --eps 1e-6")
        .succeeds();
    let changed = [
        change(10, "beta1", "0.9", "0.5"),
        change(10, "epochs", "2", "3"),
        change(10, "eps", "0.00000001", "0.000001"),
        change(10, "lr", "0.001", "0.01"),
    ];
    assert_eq!(place.changes("runs/a"), changed);
    // The next one keeps them without being told.
    place.vae("train --resume runs/a --epochs 4").succeeds();
    assert_eq!(place.settings("runs/a")["lr"].as_float(), Some(0.01));
    assert_eq!(
        place.changes("runs/a")[4..],
        [change(15, "epochs", "3", "4")]
    );
    assert_ne!(place.checkpoint_bytes("runs/a"), without);

    // The same in one go gives the same bits.
    let other = Place::with_run();
    let flags = "--epochs 4 --lr 0.01 --beta1 0.5 --eps 1e-6";
    other
        .vae(&format!("train --resume runs/a {flags}"))
        .succeeds();
    assert_eq!(
        other.checkpoint_bytes("runs/a"),
        place.checkpoint_bytes("runs/a")
    );
}

/// As an impatient user does it, who stops and starts without training.
#[test]
fn a_run_that_continues_may_take_a_schedule_and_clipping() {
    let place = Place::with_run();
    let flags = "--lr-schedule linear --lr-end 1e-5 --clip-norm 5 --weight-decay 0.01";
    place
        .vae(&format!("train --resume runs/a --epochs 3 {flags}"))
        .succeeds();
    let changed: Vec<_> = place.changes("runs/a");
    let names: Vec<_> = changed.iter().map(|change| change.1.as_str()).collect();
    assert_eq!(
        names,
        [
            "clip-norm",
            "epochs",
            "lr-end",
            "lr-schedule",
            "weight-decay"
        ]
    );
    // The decay goes on to the new end, with the clipping that the run has now.
    place.vae("train --resume runs/a --epochs 5").succeeds();
    let settings = place.settings("runs/a");
    assert_eq!(settings["lr-schedule"].as_str(), Some("linear"));
    assert_eq!(settings["clip-norm"].as_float(), Some(5.0));

    // And without it from here on.
    place
        .vae("train --resume runs/a --epochs 6 --clip-norm 0")
        .succeeds();
    assert!(place.settings("runs/a").get("clip-norm").is_none());

    // A table has no use for a lower --lr: the message names a table that is lower.
    let ran = place.vae("train --resume runs/a --epochs 8 --lr-schedule 6:1e-3,1:1e38");
    let ran = ran.fails(1, &["last good checkpoint is kept"]);
    let command = ran.err.split("usually helps: vae ").nth(1).unwrap();
    assert!(command.contains("--lr-schedule 6:0.0001,1:1"), "{ran}");
}

#[test]
fn a_change_that_was_never_used_is_not_recorded() {
    let place = Place::with_run();
    let finished = place.checkpoint_bytes("runs/a");
    place.vae("train --resume runs/a --lr 0.5").succeeds();
    assert_eq!(place.changes("runs/a"), [change(10, "lr", "0.001", "0.5")]);
    place.vae("train --resume runs/a --lr 0.25").succeeds();
    assert_eq!(place.changes("runs/a"), [change(10, "lr", "0.001", "0.25")]);
    place.vae("train --resume runs/a --lr 0.001").succeeds();
    assert_eq!(place.changes("runs/a"), []);
    // An edited file is as good as a flag.
    place.edit_config("runs/a", "lr", "0.125");
    place.vae("train --resume runs/a").succeeds();
    assert_eq!(
        place.changes("runs/a"),
        [change(10, "lr", "0.001", "0.125")]
    );
    assert_eq!(place.checkpoint_bytes("runs/a"), finished);
}

#[test]
fn what_follows_from_a_setting_is_the_reason_why_it_stays() {
    let place = Place::with_run();
    for (flag, reason) in [
        ("--latent 3", "the weights belong to the layers"),
        ("--likelihood gaussian", "losses before and after"),
        ("--seed 1", "the order of the images and all noise"),
    ] {
        place
            .vae(&format!("train --resume runs/a --epochs 3 {flag}"))
            .fails(2, &[reason, "start a new run"]);
    }
}

#[test]
fn a_run_that_diverged_goes_on_by_the_command_that_its_message_says() {
    let place = Place::new();
    // Squares of weights overflow at this rate in the second epoch, not in the first.
    let ran = place.vae(&format!("{TRAIN} --lr 1e30 --out runs/a"));
    let message = ran.fails(1, &["not finite", "kept"]).message();
    let (_, command) = message.split_once("vae ").unwrap();
    assert_eq!(command, "train --resume runs/a --lr 1e29");
    // At a tenth of that rate it fails again, and again says how to go on.
    place.vae(command).fails(1, &["--lr 1e28"]);
    place.vae("train --resume runs/a --lr 1e-3").succeeds();
    assert_eq!(place.metrics("runs/a").len(), 2);
}

#[test]
fn exchanged_data_are_refused_and_moved_data_are_taken() {
    let place = Place::with_run();
    let resume = "train --resume runs/a --epochs 3";
    let file = place.path("tiny/train-images-idx3-ubyte");
    let own = fs::read(&file).unwrap();
    let mut other = own.clone();
    *other.last_mut().unwrap() ^= 1;
    fs::write(&file, &other).unwrap();
    let before = place.checkpoint_bytes("runs/a");
    let parts = [
        "tiny",
        "runs/a",
        "contents differ",
        "--data",
        "--init runs/a",
    ];
    place.vae(resume).fails(1, &parts);
    assert_eq!(place.checkpoint_bytes("runs/a"), before);
    assert_eq!(place.metrics("runs/a").len(), 2);

    fs::write(&file, &own).unwrap();
    fs::rename(place.path("tiny"), place.path("moved")).unwrap();
    place
        .vae(resume)
        .fails(1, &["tiny", "not there", "--data says where"]);
    place.vae(&format!("{resume} --data moved")).succeeds();
    assert_eq!(place.metrics("runs/a").len(), 3);
    // From now on the run knows where they are.
    place.vae("train --resume runs/a --epochs 4").succeeds();
    place
        .vae("reconstruct runs/a --adapter reference")
        .succeeds();
}

#[test]
fn exchanged_test_images_are_refused_too() {
    let place = Place::new();
    place.images("other", 5, 6, 5);
    let test = place.path("tiny/t10k-images-idx3-ubyte");
    fs::copy(place.path("other/train-images-idx3-ubyte"), &test).unwrap();
    place.vae(&format!("{TRAIN} --out runs/a")).succeeds();
    let mut bytes = fs::read(&test).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&test, bytes).unwrap();
    place
        .vae("train --resume runs/a --epochs 3")
        .fails(1, &["contents differ"]);
}

#[test]
fn a_new_run_starts_with_anothers_weights() {
    let place = Place::with_run();
    let weights = |run: &str| {
        let mut checkpoint = place.checkpoint(run, "last");
        checkpoint
            .tensors
            .retain(|name, _| !name.starts_with("adam."));
        checkpoint.tensors
    };
    // Layers and data are those of the run whose weights it has.
    place
        .vae("train --init runs/a --adapter reference --batch-size 4 --epochs 1 --out runs/b")
        .succeeds();
    let config = place.config("runs/b");
    assert!(
        config["init"]
            .as_str()
            .unwrap()
            .ends_with("last.safetensors")
    );
    assert_eq!(place.settings("runs/b")["latent"].as_integer(), Some(2));
    assert_eq!(place.metrics("runs/b").len(), 1);
    assert_ne!(weights("runs/b"), weights("runs/a"));

    // With a rate that moves nothing the weights are the very same, and the moments are new.
    place
        .vae("train --init runs/a --adapter reference --batch-size 4 --lr 1e-37 --epochs 1 --out runs/c")
        .succeeds();
    assert_eq!(weights("runs/c"), weights("runs/a"));
    assert_eq!(place.checkpoint("runs/c", "last").metadata["step"], "9");

    // A file does as well as a run, and a configuration as well as a flag.
    place.vae("weights runs/a -o w.safetensors").succeeds();
    let model = "--hidden 8 --latent 2 --data tiny --adapter reference";
    let train = format!("train {model} --batch-size 4 --epochs 1");
    place
        .vae(&format!("{train} --init w.safetensors --out runs/d"))
        .succeeds();
    assert_eq!(weights("runs/d"), weights("runs/b"));
    place
        .vae("train --config runs/d/config.toml --out runs/e")
        .succeeds();
    assert_eq!(weights("runs/e"), weights("runs/d"));

    for (flags, parts) in [
        (
            "--init runs/a --hidden 9",
            &["hidden = [8]", "hidden = [9]"][..],
        ),
        ("--init runs/a --preset blog", &["hidden = [32]", "--init"]),
        ("--init runs/a --resume runs/a", &["--resume"]),
        ("--checkpoint best", &["--resume RUN or --init RUN"]),
    ] {
        place
            .vae(&format!("train {flags} --epochs 1 --out runs/f"))
            .fails(2, parts);
    }
    place
        .vae("train --init w.safetensors --hidden 9 --latent 2 --data tiny --adapter reference --batch-size 4")
        .fails(1, &["w.safetensors", "[9, 30]"]);
    assert!(!place.path("runs/f").exists());
}

#[test]
fn an_adapter_that_this_machine_lacks_is_replaced_unless_a_flag_asks_for_it() {
    let place = Place::with_run();
    place.edit_config("runs/a", "adapter", "\"no such card\"");
    let ran = place.vae("train --resume runs/a --epochs 3").succeeds();
    let note = "config.toml asks for the adapter 'no such card'";
    assert!(ran.err.contains(note), "{ran}");
    let ran = place
        .vae("train --config runs/a/config.toml --epochs 1 --out runs/b")
        .succeeds();
    assert!(ran.err.contains(note), "{ran}");
    place
        .vae("train --resume runs/a --epochs 4 --adapter no-such-card")
        .fails(2, &["no adapter fits 'no-such-card'"]);
}

#[test]
fn an_adapter_by_flag_is_for_one_call_and_what_ran_is_recorded() {
    let place = Place::new();
    if !place.has_adapter() {
        return;
    }
    let model = "--data tiny --hidden 8 --latent 2 --batch-size 8 --epochs 1";
    place.vae(&format!("train {model} --out runs/a")).succeeds();
    let asked = |key: &str| place.config("runs/a")[key].as_str().unwrap().to_owned();
    assert_eq!(asked("adapter"), "auto");
    place
        .vae("train --resume runs/a --epochs 2 --adapter reference --plan general")
        .succeeds();
    assert_eq!([asked("adapter"), asked("plan")], ["auto", "auto"]);
    let metrics = place.metrics("runs/a");
    let ran = |index: usize| metrics[index]["adapter"].as_str().unwrap().to_owned();
    assert_ne!(ran(0), ran(1));
    assert!(ran(1).contains("reference"), "{}", ran(1));
}

#[test]
fn a_file_of_a_run_is_as_good_as_its_folder() {
    let place = Place::with_run();
    for file in [
        "checkpoints/last.safetensors",
        "config.toml",
        "metrics.jsonl",
    ] {
        let run = format!("runs/a/{file}");
        place
            .vae(&format!("sample {run} --adapter reference"))
            .succeeds();
        place.vae(&format!("train --resume {run}")).succeeds();
    }
    // Also from within the folder, where its path has no folders.
    let mut command = place.command(["sample", "last.safetensors", "--adapter", "reference"]);
    command.current_dir(place.path("runs/a/checkpoints"));
    crate::Ran::of(&mut command).succeeds();
    fs::copy(
        place.last_checkpoint("runs/a"),
        place.path("alone.safetensors"),
    )
    .unwrap();
    place.vae("sample alone.safetensors").fails(
        1,
        &[
            "alone.safetensors is not a run",
            "config.toml",
            "give the folder",
        ],
    );
}

/// Settings that the first programs did not know, so that their runs do not say them.
const NEWER: [&str; 6] = [
    "posterior",
    "prior",
    "initial-weights",
    "output-bias",
    "decay",
    "freeze",
];

#[test]
fn a_run_that_says_nothing_of_newer_settings_continues_to_the_same_bits() {
    let place = Place::with_run();
    let older = |text: &str| {
        let is_newer = |line: &&str| {
            NEWER
                .iter()
                .any(|key| line.starts_with(&format!("{key} = ")))
        };
        let (newer, older): (Vec<_>, Vec<_>) = text.lines().partition(is_newer);
        assert_eq!(newer.len(), NEWER.len(), "{text}");
        older.join("\n")
    };
    place.vae(&format!("{TRAIN} --out runs/b")).succeeds();
    let path = place.path("runs/b/config.toml");
    fs::write(&path, older(&fs::read_to_string(&path).unwrap())).unwrap();
    place.edit_checkpoint("runs/b", |checkpoint| {
        let settings = checkpoint.metadata.get_mut("settings").unwrap();
        *settings = older(settings);
    });
    for run in ["runs/a", "runs/b"] {
        place
            .vae(&format!("train --resume {run} --epochs 3"))
            .succeeds();
    }
    assert_eq!(
        place.checkpoint_bytes("runs/a"),
        place.checkpoint_bytes("runs/b")
    );
    assert_eq!(place.settings("runs/a"), place.settings("runs/b"));
}
