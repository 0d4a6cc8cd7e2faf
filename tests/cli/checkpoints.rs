//! Checkpoints that are damaged, foreign, or of another model; and losses that are not finite.

use std::fs;

use vae_wgpu::checkpoint::Checkpoint;
use vae_wgpu::data::{LoadOptions, Source, load};
use vae_wgpu::reference::ReferenceExecutor;
use vae_wgpu::train::{EpochEnd, Settings, Trainer};

use crate::{Place, TRAIN};

const RESUME: &str = "train --resume runs/a --epochs 4";
const SAMPLE: &str = "sample runs/a --adapter reference -o new.png";

#[test]
fn bytes_that_are_no_checkpoint_are_refused_and_left_alone() {
    let place = Place::with_run();
    let whole = place.checkpoint_bytes("runs/a");
    let random: Vec<u8> = (0..5000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 11) as u8)
        .collect();
    let mut flipped = whole.clone();
    flipped[20] = 0;
    for (bytes, part) in [
        (Vec::new(), "not a valid safetensors file"),
        (random, "not a valid safetensors file"),
        (
            b"<!DOCTYPE html><title>404</title>".to_vec(),
            "not a valid safetensors file",
        ),
        (flipped, "not a valid safetensors file"),
        (whole[..whole.len() / 2].to_vec(), "cut short"),
        (whole[..100].to_vec(), "cut short"),
        ([&whole[..], &[0; 8]].concat(), "too long"),
    ] {
        fs::write(place.last_checkpoint("runs/a"), &bytes).unwrap();
        for args in [RESUME, SAMPLE, "reconstruct runs/a --adapter reference"] {
            place
                .vae(args)
                .fails(1, &["last.safetensors", part, "another checkpoint"]);
        }
        assert_eq!(place.checkpoint_bytes("runs/a"), bytes);
    }
    assert!(!place.path("new.png").exists());
}

/// A change to a checkpoint.
type Edit = fn(&mut Checkpoint);

#[test]
fn other_peoples_tensors_are_refused() {
    let place = Place::with_run();
    let whole = place.checkpoint_bytes("runs/a");
    let edits: [(Edit, &[&str]); 3] = [
        (
            |checkpoint| {
                let tensors = std::mem::take(&mut checkpoint.tensors).into_iter();
                checkpoint.tensors = tensors
                    .map(|(name, t)| (format!("net.{name}"), t))
                    .collect();
            },
            &["no tensor encoder.hidden.0.weight"],
        ),
        (
            |checkpoint| {
                let weight = checkpoint.tensors.get_mut("encoder.mu.weight").unwrap();
                weight.shape.reverse();
            },
            &["encoder.mu.weight", "[8, 2]", "[2, 8]"],
        ),
        (
            |checkpoint| {
                checkpoint
                    .tensors
                    .retain(|name, _| name != "decoder.output.bias")
            },
            &["no tensor decoder.output.bias"],
        ),
    ];
    for (edit, parts) in edits {
        fs::write(place.last_checkpoint("runs/a"), &whole).unwrap();
        place.edit_checkpoint("runs/a", edit);
        let edited = place.checkpoint_bytes("runs/a");
        for args in [RESUME, SAMPLE] {
            let ran = place.vae(args).fails(1, parts);
            ran.fails(1, &["last.safetensors", "start a new run"]);
        }
        assert_eq!(place.checkpoint_bytes("runs/a"), edited);
    }
}

#[test]
fn a_place_in_the_run_that_cannot_be_is_refused() {
    let place = Place::with_run();
    let whole = place.checkpoint_bytes("runs/a");
    let edits: [(Edit, &str); 8] = [
        (|c| c.metadata.clear(), "does not say where in a training"),
        (
            |c| drop(c.metadata.insert("format".into(), "vae-wgpu/9".into())),
            "vae-wgpu/9",
        ),
        (
            |c| drop(c.metadata.insert("settings".into(), "?".into())),
            "settings",
        ),
        (
            |c| drop(c.metadata.insert("step".into(), "ten".into())),
            "'ten'",
        ),
        (
            |c| drop(c.metadata.insert("step".into(), "11".into())),
            "step 11",
        ),
        (
            |c| drop(c.metadata.insert("epoch".into(), "4294967295".into())),
            "epoch 4294967295",
        ),
        (
            |c| drop(c.metadata.insert("position".into(), "999".into())),
            "image 999",
        ),
        (
            |c| drop(c.metadata.insert("position".into(), "-8".into())),
            "'-8'",
        ),
    ];
    for (edit, part) in edits {
        fs::write(place.last_checkpoint("runs/a"), &whole).unwrap();
        place.edit_checkpoint("runs/a", edit);
        let edited = place.checkpoint_bytes("runs/a");
        place
            .vae(RESUME)
            .fails(1, &["last.safetensors", part, "start a new run"]);
        assert_eq!(place.checkpoint_bytes("runs/a"), edited);
    }
}

#[test]
fn weights_alone_are_enough_to_draw() {
    let place = Place::with_run();
    place
        .vae("sample runs/a --adapter reference -o own.png")
        .succeeds();
    // As PyTorch would save them: the parameters, no moments, no metadata.
    place.edit_checkpoint("runs/a", |checkpoint| {
        checkpoint.metadata.clear();
        checkpoint
            .tensors
            .retain(|name, _| !name.starts_with("adam."));
    });
    place.vae(SAMPLE).succeeds();
    let picture = |name| fs::read(place.path(name)).unwrap();
    assert_eq!(picture("own.png"), picture("new.png"));
    place
        .vae(RESUME)
        .fails(1, &["does not say where in a training"]);
}

#[test]
fn a_run_keeps_its_settings() {
    let place = Place::with_run();
    let before = place.checkpoint_bytes("runs/a");
    for (flags, asked) in [
        ("--hidden 9", "hidden = [9]"),
        ("--hidden 8,8", "hidden = [8, 8]"),
        ("--latent 3", "latent = 3"),
        ("--activation tanh", "activation = \"tanh\""),
        ("--likelihood gaussian", "likelihood = \"gaussian\""),
        ("--batch-size 4", "batch-size = 4"),
        ("--seed 1", "seed = 1"),
    ] {
        let (key, _) = asked.split_once(" =").unwrap();
        let own = format!("({key} = ");
        let parts = ["runs/a", &own, asked, "leave the flag out"];
        place.vae(&format!("{RESUME} {flags}")).fails(2, &parts);
    }
    // What it has anyway may be said.
    place
        .vae("train --resume runs/a --hidden 8 --lr 1e-3")
        .succeeds();
    assert_eq!(place.checkpoint_bytes("runs/a"), before);
}

#[test]
fn a_configuration_that_disagrees_with_the_checkpoint_is_found_out() {
    let place = Place::with_run();
    let before = place.checkpoint_bytes("runs/a");
    let config = fs::read(place.path("runs/a/config.toml")).unwrap();
    for (key, value, is_the_models) in [
        ("hidden", "[9]", true),
        ("hidden", "[8, 8]", true),
        ("latent", "3", true),
        ("activation", "\"tanh\"", true),
        ("likelihood", "\"gaussian\"", true),
        ("batch-size", "4", false),
        ("seed", "9", false),
    ] {
        place.edit_config("runs/a", key, value);
        let given = format!("now say {key} = {value}");
        let parts = ["last.safetensors", "was made with", &given, "config.toml"];
        place.vae(RESUME).fails(1, &parts);
        match is_the_models {
            true => place.vae(SAMPLE).fails(1, &parts),
            // Of no account for a model that is trained.
            false => place.vae(SAMPLE).succeeds(),
        };
        fs::write(place.path("runs/a/config.toml"), &config).unwrap();
    }
    for (image, part) in [
        ("[5, 6]", "5x6"),
        ("[0, 5]", "0 pixels"),
        ("[4294967296, 4294967296]", "pixels"),
    ] {
        place.edit_config("runs/a", "image", image);
        let ran = place.vae(SAMPLE);
        assert!(ran.message().contains(part), "{ran}");
        fs::write(place.path("runs/a/config.toml"), &config).unwrap();
    }
    assert_eq!(place.checkpoint_bytes("runs/a"), before);
    place.vae(RESUME).succeeds();
}

#[test]
fn a_run_cannot_end_before_it_is() {
    let place = Place::with_run();
    let before = place.checkpoint_bytes("runs/a");
    let parts = ["runs/a", "2 epochs", "cannot end after 1", "give 2 or more"];
    place
        .vae("train --resume runs/a --epochs 1")
        .fails(2, &parts);
    assert_eq!(place.settings("runs/a")["epochs"].as_integer(), Some(2));
    let again = place.vae("train --resume runs/a").succeeds();
    assert!(
        again.err.contains("all 2 epochs of this run are done"),
        "{again}"
    );
    assert_eq!(place.checkpoint_bytes("runs/a"), before);
}

#[test]
fn what_is_no_run_is_called_that() {
    let place = Place::with_run();
    fs::remove_file(place.path("runs/a/config.toml")).unwrap();
    for (path, parts) in [
        ("nosuch", &["nosuch", "check the path"][..]),
        (
            "tiny",
            &["tiny is not a run", "config.toml", "last.safetensors"],
        ),
        ("runs/a", &["not a run", "config.toml"]),
        (
            "runs/a/metrics.jsonl",
            &["metrics.jsonl is not a run", "config.toml beside or above"],
        ),
    ] {
        place.vae(&format!("train --resume {path}")).fails(1, parts);
        place.vae(&format!("sample {path}")).fails(1, parts);
        place.vae(&format!("reconstruct {path}")).fails(1, parts);
    }
}

const NOT_FINITE: [&str; 4] = [
    "not finite in epoch 1, step 2",
    "encoder.",
    "checkpoint is kept",
    "--lr",
];

#[test]
fn a_loss_that_is_not_finite_stops_the_run() {
    let place = Place::new();
    place
        .vae(&format!("{TRAIN} --lr 1e30 --out runs/a"))
        .fails(1, &NOT_FINITE);
    // The one from before the first step.
    place.edit_checkpoint("runs/a", |checkpoint| {
        assert_eq!(checkpoint.metadata["step"], "0")
    });
    place.vae(SAMPLE).succeeds();
}

#[test]
fn a_loss_that_is_not_finite_later_leaves_the_checkpoint_from_before() {
    let place = Place::with_run();
    place.edit_checkpoint("runs/a", |checkpoint| {
        checkpoint
            .tensors
            .get_mut("encoder.mu.weight")
            .unwrap()
            .data
            .fill(3e38);
    });
    let before = place.checkpoint_bytes("runs/a");
    let parts = [
        "not finite in epoch 3, step 11",
        "encoder.mu",
        "checkpoint is kept",
    ];
    place.vae(RESUME).fails(1, &parts);
    assert_eq!(place.checkpoint_bytes("runs/a"), before);
    assert_eq!(place.metrics("runs/a").len(), 2);
}

/// What no command line can time: an interruption between the step that spoils the weights and the one whose loss
/// would show it.
#[test]
fn weights_that_are_not_finite_are_not_saved() {
    let place = Place::new();
    let data = load(
        &Source::Path(place.path("tiny")),
        &LoadOptions::default(),
        &mut |_| {},
    );
    let settings = Settings {
        hidden: vec![8],
        latent: 2,
        batch_size: 8,
        ..Settings::default()
    };
    let vae = settings.vae(30).unwrap();
    let executor = Box::new(ReferenceExecutor::new(vae.parameters(), 0));
    let mut trainer = Trainer::new(vae, executor, settings, data.unwrap()).unwrap();
    trainer.set_steps_per_submission(1);
    trainer.checkpoint().unwrap();
    let end = trainer.epoch(None, &mut || false).unwrap();
    assert_eq!(end, EpochEnd::Interrupted);
    let executor = trainer.model().executor_mut();
    let mut spoiled = executor.snapshot().unwrap();
    spoiled.parameters[0][0] = f32::INFINITY;
    executor.restore(&spoiled).unwrap();
    let error = trainer.checkpoint().unwrap_err().to_string();
    assert!(
        error.contains("epoch 1, step 1") && error.contains("the update of encoder."),
        "{error}"
    );
}

#[test]
fn on_an_adapter_a_loss_that_is_not_finite_stops_the_run() {
    let place = Place::new();
    if !place.has_adapter() {
        return;
    }
    let args = "train --preset blog --batch-size 8 --data tiny --lr 1e30 --out runs/a";
    place.vae(args).fails(1, &NOT_FINITE);
    place.vae(SAMPLE).succeeds();
}
