//! Runs of several stochastic layers, and what cannot be said of them.

use std::fs;

use crate::Place;

/// As `TRAIN`, but without the size of a latent.
const LAYERS: &str = "train --data tiny --adapter reference --hidden 8 --batch-size 8 --epochs 2";

/// Gives the images of `tiny` the labels 0 to 3 in turn.
fn labelled() -> Place {
    let place = Place::new();
    let labels = [0, 0, 8, 1, 0, 0, 0, 40].into_iter();
    let bytes: Vec<u8> = labels.chain((0..40).map(|i| i % 4)).collect();
    fs::write(place.path("tiny/train-labels-idx1-ubyte"), bytes).unwrap();
    place
}

#[test]
fn layers_without_a_meaning_are_refused_by_name_before_anything_is_written() {
    let place = Place::new();
    for (args, parts) in [
        (
            "--latent 3 --stochastic-layers 3,2",
            &["--latent", "cannot be used with", "--stochastic-layers"][..],
        ),
        (
            "--preset burda-2 --latent 3",
            &[
                "the latent's size is 3",
                "the stochastic layers, of 100,50,",
                "(--latent)",
            ],
        ),
        (
            "--stochastic-layers 3,0",
            &["a stochastic layer of 0 units", "(--stochastic-layers)"],
        ),
        (
            "--stochastic-layers 0,3",
            &["a stochastic layer of 0 units", "(--stochastic-layers)"],
        ),
        ("--stochastic-layers 3;2", &["'3;2'", "--stochastic-layers"]),
        (
            "--stochastic-layers 3,2 --between 4,0",
            &[
                "a hidden layer between stochastic layers of 0 units",
                "(--between)",
            ],
        ),
        (
            "--stochastic-layers 3,2 --between 4,:5",
            &["'4,:5' is no list of hidden layers", "256,256:128,128"],
        ),
        (
            "--stochastic-layers 3,2,1 --between 4:5:6",
            &["4:5:6", "2 gaps", "3,2,1", "(--between)"],
        ),
        (
            "--stochastic-layers 3 --between 4",
            &["one stochastic layer", "(--between)"],
        ),
        (
            "--between 4",
            &["no stochastic layers", "100,50", "(--between)"],
        ),
        (
            "--ladder",
            &["no stochastic layers", "100,50", "(--ladder)"],
        ),
        (
            "--ladder --stochastic-layers 3",
            &["a ladder combines", "two or more", "(--stochastic-layers)"],
        ),
        (
            "--stochastic-layers 3,2 --posterior iaf",
            &["the posterior iaf cannot be with", "--posterior gaussian"],
        ),
        (
            "--stochastic-layers 3,2 --objective dreg",
            &["the objective dreg cannot be with", "--objective iwae"],
        ),
        (
            "--stochastic-layers 3,2 --free-bits 0.1",
            &["free bits cannot be with", "--free-bits 0"],
        ),
    ] {
        place
            .vae(&format!("{LAYERS} --out runs/a {args}"))
            .fails(2, parts);
        assert!(!place.path("runs").exists(), "{args}");
    }
}

/// Every command on a run of several stochastic layers.
#[test]
fn a_hierarchy_trains_continues_and_is_drawn_from() {
    for (flags, between, layers) in [
        ("--stochastic-layers 4,3", "8", 2),
        (
            "--stochastic-layers 4,3,2 --ladder --condition decoder",
            "8:6",
            3,
        ),
    ] {
        let place = labelled();
        place
            .vae(&format!("{LAYERS} {flags} --out runs/a"))
            .succeeds();
        let config = fs::read_to_string(place.path("runs/a/config.toml")).unwrap();
        let line = format!("between = \"{between}\"\n");
        assert!(config.contains(&line), "{config}");
        let line = place.metrics("runs/a").remove(0);
        for split in ["train", "test"] {
            for layer in 1..=layers {
                assert!(line.contains_key(&format!("{split}_kl_{layer}")));
            }
        }
        for command in ["sample", "reconstruct"] {
            let args = "--adapter reference -n 4 -o drawn.npy";
            place.vae(&format!("{command} runs/a {args}")).succeeds();
            let drawn = fs::read(place.path("drawn.npy")).unwrap();
            let (_, values) = drawn.split_at(drawn.len() - 4 * 4 * 6 * 5);
            let values = values.chunks(4);
            let mut values = values.map(|v| f32::from_le_bytes(v.try_into().unwrap()));
            assert!(values.all(|value| value > 0.0 && value < 1.0), "{command}");
        }
        place
            .vae("weights runs/a -o weights.safetensors")
            .succeeds();
        place.vae("train --resume runs/a --epochs 3").succeeds();
        let resume = "train --resume runs/a --epochs 4";
        for other in ["--stochastic-layers 4,2", "--between 7"] {
            place
                .vae(&format!("{resume} {other}"))
                .fails(2, &["the weights belong to the layers"]);
        }
        let init = "train --init runs/a --adapter reference --batch-size 8 --epochs 1";
        place.vae(&format!("{init} --out runs/b")).succeeds();
        let copied = fs::read_to_string(place.path("runs/b/config.toml")).unwrap();
        assert!(copied.contains("stochastic-layers = [4, 3"), "{copied}");
    }
}

/// The configuration of a run without stochastic layers says nothing of them, and reads as it did.
#[test]
fn a_plain_run_is_written_as_before() {
    let place = Place::with_run();
    let config = fs::read_to_string(place.path("runs/a/config.toml")).unwrap();
    for key in ["stochastic-layers", "between", "ladder"] {
        assert!(!config.contains(key), "{config}");
    }
    let layers = "train --config runs/a/config.toml --stochastic-layers 3,2 --out runs/b";
    place.vae(layers).succeeds();
    let config = fs::read_to_string(place.path("runs/b/config.toml")).unwrap();
    assert!(config.contains("latent = 3\n"), "{config}");
}
