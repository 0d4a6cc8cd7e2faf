//! Runs made of weights from elsewhere.

use std::collections::BTreeMap;
use std::fs;

use vae_wgpu::checkpoint::Checkpoint;

use crate::{Place, TRAIN};

/// The model of `runs/a`.
const MODEL: &str = "--hidden 8 --latent 2";

impl Place {
    /// A place with `runs/a`, whose parameters alone are in `weights.safetensors`.
    fn with_weights() -> Self {
        let place = Self::with_run();
        place
            .vae("weights runs/a -o weights.safetensors")
            .succeeds();
        place
    }

    /// Writes the weights under changed names, or otherwise changed, to `name`.
    fn changed_weights(&self, name: &str, change: impl FnOnce(&mut Checkpoint)) {
        let mut weights = Checkpoint::load(&self.path("weights.safetensors")).unwrap();
        change(&mut weights);
        weights.save(&self.path(name)).unwrap();
    }
}

#[test]
fn a_run_of_its_own_weights_is_the_same_model() {
    let place = Place::with_weights();
    let import = format!("import weights.safetensors {MODEL} --size 6x5 -o");
    place.vae(&format!("{import} runs/b")).succeeds();
    let picture = |run: &str| {
        let command = format!("sample {run} --adapter reference -n 2 --seed 3 -o {run}.npy");
        place.vae(&command).succeeds();
        fs::read(place.path(format!("{run}.npy"))).unwrap()
    };
    assert_eq!(picture("runs/a"), picture("runs/b"));
    // Without data there is a model and no training.
    place
        .vae("eval runs/b")
        .fails(2, &["no data of its own", "--data"]);
    place
        .vae("train --resume runs/b")
        .fails(2, &["no training to continue", "--init runs/b"]);
    place
        .vae("train --init runs/b --data tiny --adapter reference --batch-size 8 --epochs 1 --out runs/c")
        .succeeds();
    // Where something is, nothing is replaced.
    let before = place.checkpoint_bytes("runs/b");
    place
        .vae(&format!("{import} runs/b"))
        .fails(1, &["runs/b already holds a run"]);
    assert_eq!(place.checkpoint_bytes("runs/b"), before);
}

#[test]
fn with_data_an_imported_run_is_trained_on_as_one_that_begins_with_the_weights() {
    let place = Place::with_weights();
    place
        .vae(&format!(
            "import weights.safetensors {MODEL} --data tiny --batch-size 8 --epochs 1 -o runs/b"
        ))
        .succeeds();
    place
        .vae("train --resume runs/b --adapter reference")
        .succeeds();
    place
        .vae(
            &format!("{TRAIN} --epochs 1 --init weights.safetensors --out runs/c")
                .replace(" --epochs 2", ""),
        )
        .succeeds();
    assert_eq!(
        place.checkpoint_bytes("runs/b"),
        place.checkpoint_bytes("runs/c")
    );
}

#[test]
fn names_are_translated_by_flags_and_files() {
    let place = Place::with_weights();
    let names = [
        ("encoder.hidden.0", "fc1"),
        ("encoder.mu", "fc21"),
        ("encoder.logvar", "fc22"),
        ("decoder.hidden.0", "fc3"),
        ("decoder.output", "fc4"),
    ];
    place.changed_weights("fc.safetensors", |weights| {
        let tensors = std::mem::take(&mut weights.tensors).into_iter();
        let translated = |name: String| {
            let (layer, of) = name.rsplit_once('.').unwrap();
            let theirs: BTreeMap<_, _> = names.into();
            format!("{}.{of}", theirs[layer])
        };
        weights.tensors = tensors.map(|(name, of)| (translated(name), of)).collect();
    });
    let flags = names.map(|(ours, theirs)| format!(" --map {ours}={theirs}"));
    let lines = names.map(|(ours, theirs)| format!("{ours} = \"{theirs}\"\n"));
    fs::write(place.path("names.toml"), lines.concat()).unwrap();
    for (run, map) in [
        ("runs/b", flags.concat()),
        ("runs/c", " --map names.toml".to_owned()),
    ] {
        place
            .vae(&format!(
                "import fc.safetensors {MODEL} --size 6x5{map} -o {run}"
            ))
            .succeeds();
        let imported = Checkpoint::load(&place.last_checkpoint(run)).unwrap();
        let own = Checkpoint::load(&place.path("weights.safetensors")).unwrap();
        assert_eq!(imported.tensors, own.tensors);
    }
    place
        .vae(&format!(
            "import fc.safetensors {MODEL} --size 6x5 --map encoder.mean=fc21 -o runs/d"
        ))
        .fails(2, &["no tensor encoder.mean", "encoder.mu.weight"]);
}

#[test]
fn every_tensor_that_does_not_fit_is_listed_and_nothing_is_left_behind() {
    let place = Place::with_weights();
    place.changed_weights("other.safetensors", |weights| {
        let mu = weights.tensors.get_mut("encoder.mu.weight").unwrap();
        mu.shape.reverse();
        weights.tensors.remove("encoder.logvar.bias");
        let output = weights.tensors["decoder.output.bias"].clone();
        weights.tensors.insert("scale".to_owned(), output);
    });
    let import = format!("import other.safetensors {MODEL} -o runs/b");
    place.vae(&format!("{import} --size 6x5")).fails(
        2,
        &[
            "other.safetensors: ",
            "encoder.mu.weight is [8, 2] and has to be [2, 8], its transpose",
            "missing encoder.logvar.bias [2]",
            "extra scale [30]",
        ],
    );
    place
        .vae("import weights.safetensors --hidden 16 -o runs/b")
        .fails(
            2,
            &[
                "encoder.mu.weight is [2, 8] and has to be [20, 16]",
                "--hidden 8 --latent 2",
            ],
        );
    assert!(!place.path("runs/b").exists());
    // What is extra can be left out, and values have to be numbers.
    place.changed_weights("more.safetensors", |weights| {
        let output = weights.tensors["decoder.output.bias"].clone();
        weights.tensors.insert("scale".to_owned(), output);
    });
    place
        .vae(&format!(
            "import more.safetensors {MODEL} --leave-out -o runs/c"
        ))
        .succeeds();
    place.changed_weights("none.safetensors", |weights| {
        weights.tensors.get_mut("encoder.mu.bias").unwrap().data[1] = f32::NAN;
    });
    place
        .vae(&format!("import none.safetensors {MODEL} -o runs/d"))
        .fails(2, &["encoder.mu.bias is NaN at element 1"]);
}
