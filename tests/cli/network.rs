//! What hidden layers have besides a linear map: normalisation, dropout, residual connections, any activation.

use std::fs;

use vae_wgpu::checkpoint::Checkpoint;
use vae_wgpu::graph::Activation;

use crate::{Place, TRAIN};

#[test]
fn networks_that_cannot_be_are_refused_before_anything_is_written() {
    let place = Place::new();
    let dropout = |value| {
        (
            format!("--dropout {value}"),
            vec!["a dropout of", "less than 1", "(--dropout)"],
        )
    };
    let mut cases: Vec<_> = ["-0.1", "1", "1.5", "NaN", "inf", "0.99999999999"]
        .map(dropout)
        .into();
    let own = |args: &str, parts: &[&'static str]| (args.to_owned(), parts.to_vec());
    cases.extend([
        own(
            "--norm batch --batch-size 1",
            &["batch normalisation needs two images", "(--batch-size)"],
        ),
        own(
            "--norm batch --batch-size 7",
            &[
                "batch size is 7",
                "one of the 36 training images",
                "such as 8",
                "(--batch-size)",
            ],
        ),
        own("--norm group", &["'group'", "none, batch, layer"]),
        own(
            "--activation swish",
            &["'swish'", "leaky-relu, elu, softplus, gelu, silu"],
        ),
        own(
            "--residual",
            &[
                "no two hidden layers of one width",
                "--hidden 8,8",
                "--residual false",
            ],
        ),
        own(
            "--residual --hidden 8,4,8",
            &["no two hidden layers", "--hidden 8,8"],
        ),
    ]);
    for (args, parts) in cases {
        // Without the batch size of `TRAIN`, where one is given.
        let train = match args.contains("--batch-size") {
            true => TRAIN.replace(" --batch-size 8", ""),
            false => TRAIN.to_owned(),
        };
        let train = match args.contains("--hidden") {
            true => train.replace(" --hidden 8", ""),
            false => train,
        };
        place
            .vae(&format!("{train} --out runs/a {args}"))
            .fails(2, &parts);
        assert!(!place.path("runs").exists(), "{args}");
    }
    // Layer normalisation takes any batch.
    let train = TRAIN.replace("--batch-size 8", "--batch-size 7");
    place
        .vae(&format!("{train} --norm layer --out runs/a"))
        .succeeds();
}

#[test]
fn running_statistics_are_saved_beside_the_parameters_and_have_no_moments() {
    let place = Place::new();
    place
        .vae(&format!("{TRAIN} --norm batch --dropout 0.1 --out runs/a"))
        .succeeds();
    let checkpoint = Checkpoint::load(&place.last_checkpoint("runs/a")).unwrap();
    for side in ["encoder", "decoder"] {
        for name in ["weight", "bias", "running_mean", "running_var"] {
            let name = format!("{side}.hidden.0.norm.{name}");
            assert_eq!(checkpoint.tensors[&name].shape, [8], "{name}");
            let moments = checkpoint.tensors.contains_key(&format!("adam.m.{name}"));
            assert_eq!(moments, !name.contains("running"), "{name}");
        }
        // What a bias would add, the normalisation takes off.
        assert!(
            !checkpoint
                .tensors
                .contains_key(&format!("{side}.hidden.0.bias"))
        );
    }
    // The weights alone have all that an evaluation reads.
    place.vae("weights runs/a -o alone.safetensors").succeeds();
    let alone = Checkpoint::load(&place.path("alone.safetensors")).unwrap();
    assert!(
        alone
            .tensors
            .contains_key("encoder.hidden.0.norm.running_var")
    );

    for command in ["sample", "reconstruct"] {
        let draw = |file: &str| {
            place
                .vae(&format!(
                    "{command} runs/a --adapter reference -n 4 -o {file}"
                ))
                .succeeds();
            fs::read(place.path(file)).unwrap()
        };
        // Nothing is dropped.
        assert!(draw("a.npy") == draw("b.npy"), "{command}");
    }
    // Dropout may change as the learning rate may; what the weights belong to may not.
    place
        .vae("train --resume runs/a --epochs 3 --dropout 0.3")
        .succeeds();
    for (flags, setting) in [
        ("--norm layer", "norm"),
        ("--hidden 8,8 --residual", "hidden"),
    ] {
        place
            .vae(&format!("train --resume runs/a --epochs 4 {flags}"))
            .fails(2, &[setting, "the weights belong to the layers"]);
    }
    // Weights bring their network with them.
    place
        .vae("train --init runs/a --adapter reference --batch-size 8 --epochs 1 --out runs/b")
        .succeeds();
    assert_eq!(place.settings("runs/b")["norm"].as_str(), Some("batch"));
}

#[test]
fn a_frozen_part_keeps_its_parameters_and_its_running_statistics_follow() {
    let place = Place::new();
    place
        .vae(&format!("{TRAIN} --norm batch --out runs/a"))
        .succeeds();
    place
        .vae("train --init runs/a --adapter reference --batch-size 8 --epochs 1 --freeze encoder --out runs/b")
        .succeeds();
    let [before, after] =
        ["runs/a", "runs/b"].map(|run| Checkpoint::load(&place.last_checkpoint(run)).unwrap());
    for (name, tensor) in before
        .tensors
        .iter()
        .filter(|(name, _)| name.starts_with("encoder."))
    {
        let same = after.tensors[name] == *tensor;
        assert_eq!(same, !name.contains("running"), "{name}");
    }
}

#[test]
fn every_activation_trains_and_all_parts_go_together() {
    let place = Place::new();
    for activation in Activation::NAMES {
        place
            .vae(&format!(
                "{TRAIN} --activation {activation} --out runs/{activation}"
            ))
            .succeeds();
    }
    let parts = "--hidden 8,8 --norm batch --dropout 0.2 --residual --activation gelu";
    let train = TRAIN.replace(" --hidden 8", "");
    place
        .vae(&format!("{train} {parts} --out runs/all"))
        .succeeds();
    let settings = place.settings("runs/all");
    assert_eq!(settings["residual"].as_bool(), Some(true));
    // An interrupted run's configuration says all of it.
    place.vae("train --resume runs/all --epochs 3").succeeds();
}
