//! Which checkpoints a training leaves, which of them is read, and weights alone.

use std::fs;

use vae_wgpu::checkpoint::Checkpoint;

use crate::Place;

/// As `TRAIN`, for as many epochs as a test says.
const TRAIN: &str = "train --data tiny --adapter reference --hidden 8 --latent 2 --batch-size 8";

impl Place {
    /// One of a run's checkpoints.
    pub(crate) fn checkpoint(&self, run: &str, name: &str) -> Checkpoint {
        let file = format!("checkpoints/{name}.safetensors");
        Checkpoint::load(&self.path(run).join(file)).unwrap()
    }

    /// The names of all of them.
    pub(crate) fn checkpoints(&self, run: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(run).join("checkpoints")).unwrap();
        let name = |entry: std::io::Result<fs::DirEntry>| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.strip_suffix(".safetensors").unwrap().to_owned()
        };
        let mut names: Vec<_> = entries.map(name).collect();
        names.sort();
        names
    }
}

#[test]
fn every_nth_epoch_is_kept_and_of_those_the_newest() {
    let place = Place::new();
    place
        .vae(&format!("{TRAIN} --epochs 7 --save-every 2 --out runs/a"))
        .succeeds();
    let all = ["best", "epoch-0002", "epoch-0004", "epoch-0006", "last"];
    assert_eq!(place.checkpoints("runs/a"), all);
    for epoch in ["2", "4", "6"] {
        let kept = place.checkpoint("runs/a", &format!("epoch-000{epoch}"));
        assert_eq!(kept.metadata["epoch"], epoch);
    }
    // A resumed run does as before, and may keep fewer.
    place
        .vae("train --resume runs/a --epochs 9 --keep 2")
        .succeeds();
    assert_eq!(
        place.checkpoints("runs/a"),
        ["best", "epoch-0006", "epoch-0008", "last"]
    );
    place.vae("train --resume runs/a --epochs 11").succeeds();
    assert_eq!(
        place.checkpoints("runs/a"),
        ["best", "epoch-0008", "epoch-0010", "last"]
    );
    place
        .vae(&format!("{TRAIN} --epochs 2 --keep 2 --out runs/b"))
        .fails(2, &["--keep 2", "add --save-every N"]);
    place
        .vae(&format!("{TRAIN} --epochs 2 --save-every 0 --out runs/b"))
        .fails(2, &["--save-every"]);
    assert!(!place.path("runs/b").exists());
}

#[test]
fn the_best_checkpoint_is_that_of_the_least_test_loss() {
    let place = Place::new();
    // The rate is too large for the loss to fall in each epoch.
    place
        .vae(&format!(
            "{TRAIN} --epochs 12 --lr 0.3 --save-every 1 --out runs/a"
        ))
        .succeeds();
    let losses: Vec<f64> = place
        .metrics("runs/a")
        .iter()
        .map(|line| line["test_loss"].as_f64().unwrap())
        .collect();
    let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let epoch = 1 + losses.iter().position(|loss| *loss == least).unwrap();
    assert!(epoch < 12, "the last epoch is the best: {losses:?}");
    let best = place.checkpoint("runs/a", "best");
    assert_eq!(best.metadata["epoch"], epoch.to_string());
    assert_eq!(best.metadata["test_loss"].parse::<f64>().unwrap(), least);
    assert_eq!(
        best,
        place.checkpoint("runs/a", &format!("epoch-{epoch:04}"))
    );

    // It is read by name, by number and as a file.
    let draw = |which: &str| {
        place
            .vae(&format!("sample {which} --adapter reference -o drawn.png"))
            .succeeds();
        fs::read(place.path("drawn.png")).unwrap()
    };
    let drawn = draw("runs/a --checkpoint best");
    assert_eq!(draw(&format!("runs/a --checkpoint {epoch}")), drawn);
    assert_eq!(draw("runs/a/checkpoints/best.safetensors"), drawn);
    assert_ne!(draw("runs/a"), drawn);
    place
        .vae("sample runs/a --checkpoint worst")
        .fails(2, &["'worst' is no checkpoint", "last, best"]);

    // A run that continues from it repeats what came after, to the same bits.
    let end = place.checkpoint_bytes("runs/a");
    let kept = place.losses("runs/a");
    place
        .vae("train --resume runs/a --checkpoint best")
        .succeeds();
    assert_eq!(place.checkpoint_bytes("runs/a"), end);
    assert_eq!(place.losses("runs/a"), kept);
    assert_eq!(place.checkpoint("runs/a", "best"), best);
}

#[test]
fn a_damaged_last_checkpoint_is_not_the_end_of_a_run() {
    let place = Place::new();
    place
        .vae(&format!("{TRAIN} --epochs 4 --save-every 2 --out runs/a"))
        .succeeds();
    let whole = place.checkpoint_bytes("runs/a");
    fs::write(place.last_checkpoint("runs/a"), &whole[..whole.len() / 2]).unwrap();
    let parts = [
        "cut short",
        "this run also has best, epoch-0002, epoch-0004: --checkpoint best",
    ];
    place.vae("train --resume runs/a").fails(1, &parts);
    place
        .vae("sample runs/a --adapter reference")
        .fails(1, &parts);
    place.vae("train --resume runs/a --checkpoint 2").succeeds();
    assert!(place.checkpoint_bytes("runs/a") == whole);
    // Nor is a lost one.
    fs::remove_file(place.last_checkpoint("runs/a")).unwrap();
    place
        .vae("train --resume runs/a")
        .fails(1, &["last.safetensors", "--checkpoint best"]);
    place.vae("train --resume runs/a --checkpoint 4").succeeds();
}

#[test]
fn a_value_that_is_not_finite_is_named_when_it_is_read() {
    let place = Place::with_run();
    for (tensor, index, value, text) in [
        ("encoder.mu.weight", 5, f32::NAN, "NaN"),
        ("adam.v.encoder.mu.weight", 3, f32::INFINITY, "inf"),
    ] {
        let whole = place.checkpoint_bytes("runs/a");
        place.edit_checkpoint("runs/a", |checkpoint| {
            checkpoint.tensors.get_mut(tensor).unwrap().data[index] = value;
        });
        let named = format!("{tensor} is {text} at element {index}");
        let parts = ["last.safetensors", &named, "--checkpoint best"];
        place
            .vae("train --resume runs/a --epochs 3")
            .fails(1, &parts);
        let sampled = place.vae("sample runs/a --adapter reference");
        match tensor.starts_with("adam.") {
            true => sampled.succeeds(),
            false => sampled.fails(1, &parts),
        };
        fs::write(place.last_checkpoint("runs/a"), whole).unwrap();
    }
}

#[test]
fn weights_alone_have_the_names_and_shapes_that_pytorch_expects() {
    let place = Place::with_run();
    place.vae("weights runs/a -o w.safetensors").succeeds();
    let weights = Checkpoint::load(&place.path("w.safetensors")).unwrap();
    let shapes: Vec<_> = weights
        .tensors
        .iter()
        .map(|(name, tensor)| (name.as_str(), tensor.shape.as_slice()))
        .collect();
    let expected: [(&str, &[usize]); 10] = [
        ("decoder.hidden.0.bias", &[8]),
        ("decoder.hidden.0.weight", &[8, 2]),
        ("decoder.output.bias", &[30]),
        ("decoder.output.weight", &[30, 8]),
        ("encoder.hidden.0.bias", &[8]),
        ("encoder.hidden.0.weight", &[8, 30]),
        ("encoder.logvar.bias", &[2]),
        ("encoder.logvar.weight", &[2, 8]),
        ("encoder.mu.bias", &[2]),
        ("encoder.mu.weight", &[2, 8]),
    ];
    assert_eq!(shapes, expected);
    let last = place.checkpoint("runs/a", "last");
    for (name, tensor) in &weights.tensors {
        assert_eq!(tensor, &last.tensors[name], "{name}");
    }
    assert!(weights.metadata.is_empty());
    // The run's own checkpoints stay what they are.
    let before = place.checkpoint_bytes("runs/a");
    for output in ["last", "new"] {
        let output = format!("runs/a/checkpoints/{output}.safetensors");
        place
            .vae(&format!("weights runs/a -o {output}"))
            .fails(2, &["lives by"]);
    }
    assert_eq!(place.checkpoint_bytes("runs/a"), before);
}
