//! Models of other parts than the plain ones, and parts that cannot be together.

use std::collections::BTreeSet;
use std::fs;

use vae_wgpu::checkpoint::Checkpoint;

use crate::{Place, TRAIN};

/// Gives the images of `tiny` the labels 0 to 3 in turn.
pub(crate) fn labelled() -> Place {
    let place = Place::new();
    let labels = [0, 0, 8, 1, 0, 0, 0, 40].into_iter();
    let bytes: Vec<u8> = labels.chain((0..40).map(|i| i % 4)).collect();
    fs::write(place.path("tiny/train-labels-idx1-ubyte"), bytes).unwrap();
    place
}

#[test]
fn parts_without_a_meaning_are_refused_by_name_before_anything_is_written() {
    let place = Place::new();
    for (args, parts) in [
        ("--beta -1", &["beta is -1", "(--beta)"][..]),
        ("--free-bits -0.5", &["-0.5", "(--free-bits)"]),
        ("--samples 0", &["0 samples", "(--samples)"]),
        (
            "--objective iwae --samples 0",
            &["0 samples", "(--samples)"],
        ),
        (
            "--objective iwae --beta 4",
            &["the objective iwae does not read it", "(--beta)"],
        ),
        (
            "--objective dreg --free-bits 1",
            &["the objective dreg does not read it", "(--free-bits)"],
        ),
        (
            "--kl-warmup 3 --kl-cycles 2",
            &["one of the two", "(--kl-cycles)"],
        ),
        (
            "--scale shared",
            &[
                "bernoulli has no scale",
                "gaussian, laplace, student-t",
                "--scale unit",
            ],
        ),
        (
            "--posterior planar --flow-steps 0",
            &["a flow of 0 maps", "from 1 to 1000", "(--flow-steps)"],
        ),
        (
            "--posterior iaf --flow-steps 1001",
            &["a flow of 1001 maps", "(--flow-steps)"],
        ),
        (
            "--flow-steps 3",
            &[
                "the posterior gaussian is no chain of maps",
                "planar, radial, iaf",
                "(--flow-steps)",
            ],
        ),
        (
            "--posterior radial --objective dreg",
            &[
                "the inverse of the maps of the posterior radial",
                "--objective iwae",
                "--posterior gaussian",
            ],
        ),
        (
            "--posterior planar --free-bits 0.1",
            &["the posterior planar", "--free-bits 0"],
        ),
        (
            "--posterior sylvester",
            &["'sylvester'", "gaussian, planar, radial, iaf"],
        ),
        (
            "--prior mixture --components 0",
            &["a prior of 0 components", "(--components)"],
        ),
        ("--prior vamp --components -3", &["'-3'", "--components"]),
        ("--prior vamp --components 2.5", &["'2.5'", "--components"]),
        (
            "--components 3",
            &[
                "the prior standard is no mixture",
                "mixture, vamp",
                "(--components)",
            ],
        ),
        (
            "--prior conditional --condition decoder --components 3",
            &["the prior conditional is no mixture", "(--components)"],
        ),
        (
            "--prior conditional",
            &["the prior conditional is p(z | y)", "--condition both"],
        ),
        (
            "--prior conditional --condition encoder",
            &["with the condition encoder", "--condition both"],
        ),
        (
            "--prior vamp --condition both",
            &[
                "pseudo-inputs have none",
                "--condition decoder",
                "--prior mixture",
            ],
        ),
        (
            "--prior vamp --posterior iaf",
            &[
                "the posterior iaf",
                "--posterior gaussian",
                "--prior mixture",
            ],
        ),
        (
            "--prior mixture --free-bits 0.1",
            &["the prior mixture", "--free-bits 0"],
        ),
        (
            "--prior normal",
            &["'normal'", "standard, mixture, vamp, conditional"],
        ),
        (
            "--condition both",
            &["condition both reads the label", "--condition none"],
        ),
    ] {
        place
            .vae(&format!("{TRAIN} --out runs/a {args}"))
            .fails(2, parts);
        assert!(!place.path("runs").exists(), "{args}");
    }
}

#[test]
fn terms_are_columns_of_the_metrics() {
    let place = Place::new();
    let keys = |args: &str, out: &str| {
        place.vae(&format!("{TRAIN} --out {out} {args}")).succeeds();
        let line = place.metrics(out).remove(0);
        let mut keys: Vec<_> = line.keys().cloned().collect();
        keys.retain(|key| key.starts_with("train_") || key.starts_with("test_"));
        keys
    };
    assert_eq!(
        keys("--free-bits 0.1", "free"),
        [
            "test_kl",
            "test_kl_free",
            "test_loss",
            "test_recon",
            "train_kl",
            "train_kl_free",
            "train_loss",
            "train_recon"
        ]
    );
    let iwae = "--objective iwae --samples 2 --binarize dynamic";
    assert!(keys(iwae, "iwae").contains(&"test_bound".to_owned()));
}

/// Each family of flows with as many maps as it has by itself.
#[test]
fn a_flow_trains_continues_and_is_drawn_from() {
    let place = Place::new();
    for (flow, steps) in [("planar", 10), ("radial", 10), ("iaf", 2)] {
        let run = format!("runs/{flow}");
        place
            .vae(&format!("{TRAIN} --posterior {flow} --out {run}"))
            .succeeds();
        let config = fs::read_to_string(place.path(format!("{run}/config.toml"))).unwrap();
        assert!(
            config.contains(&format!("flow-steps = {steps}\n")),
            "{config}"
        );
        for command in ["sample", "reconstruct"] {
            place
                .vae(&format!(
                    "{command} {run} --adapter reference -n 4 -o {flow}.npy"
                ))
                .succeeds();
            let drawn = fs::read(place.path(format!("{flow}.npy"))).unwrap();
            let (_, values) = drawn.split_at(drawn.len() - 4 * 4 * 6 * 5);
            let mut values = values
                .chunks(4)
                .map(|v| f32::from_le_bytes(v.try_into().unwrap()));
            assert!(
                values.all(|value| value > 0.0 && value < 1.0),
                "{command} {run}"
            );
        }
        place
            .vae(&format!("train --resume {run} --epochs 3"))
            .succeeds();
        place
            .vae(&format!("train --resume {run} --epochs 4 --flow-steps 3"))
            .fails(2, &["flow-steps", "the weights belong to the layers"]);
    }
}

/// The values of an array that a command wrote, of this many images.
fn drawn(place: &Place, file: &str, images: usize) -> Vec<f32> {
    let bytes = fs::read(place.path(file)).unwrap();
    let (_, values) = bytes.split_at(bytes.len() - images * 4 * 6 * 5);
    let values = values.chunks(4);
    values
        .map(|v| f32::from_le_bytes(v.try_into().unwrap()))
        .collect()
}

#[test]
fn a_run_with_a_trained_prior_continues_and_is_drawn_from() {
    let place = labelled();
    for (prior, args, tensors) in [
        (
            "mixture",
            "",
            &["prior.mean [100, 2]", "prior.logvar [100, 2]"][..],
        ),
        ("vamp", "--components 3", &["prior.pseudo_inputs [3, 30]"]),
        (
            "conditional",
            "--condition decoder",
            &["prior.mu.weight [2, 4]", "prior.logvar.weight [2, 4]"],
        ),
    ] {
        let run = format!("runs/{prior}");
        place
            .vae(&format!("{TRAIN} --prior {prior} {args} --out {run}"))
            .succeeds();
        let checkpoint = Checkpoint::load(&place.last_checkpoint(&run)).unwrap();
        let named = checkpoint.tensors.iter();
        let of_prior = named.filter(|(name, _)| name.starts_with("prior."));
        let of_prior: BTreeSet<_> = of_prior
            .map(|(name, tensor)| format!("{name} {:?}", tensor.shape))
            .collect();
        assert!(
            of_prior.iter().eq(BTreeSet::from_iter(tensors)),
            "{of_prior:?}"
        );
        let draw = |args: &str| {
            let sample = format!("sample {run} --adapter reference -n 4 -o z.npy {args}");
            place.vae(&sample).succeeds();
            drawn(&place, "z.npy", 4)
        };
        let (first, again, other) = (draw(""), draw(""), draw("--seed 1"));
        assert!(first.iter().all(|value| *value > 0.0 && *value < 1.0));
        assert!(first == again && first != other, "{prior}");
        place
            .vae(&format!("train --resume {run} --epochs 3"))
            .succeeds();
        place
            .vae(&format!("train --resume {run} --epochs 4 --prior standard"))
            .fails(2, &["prior", "the weights belong to the layers"]);
    }
    place
        .vae("train --resume runs/vamp --epochs 4 --components 4")
        .fails(2, &["components", "the weights belong to the layers"]);
    place
        .vae("sample runs/conditional --adapter reference -n 1 --label 4 -o z.npy")
        .fails(2, &["--label 4", "4 classes"]);
}

/// The file of a density that was fitted to a run.
fn fitted(place: &Place, run: &str) -> Checkpoint {
    Checkpoint::load(&place.path(format!("{run}/checkpoints/prior.safetensors"))).unwrap()
}

#[test]
fn a_fitted_prior_takes_the_place_of_the_models_until_the_weights_change() {
    let place = Place::with_run();
    place
        .vae("sample runs/a --adapter reference --prior fitted")
        .fails(2, &["no prior was fitted", "vae fit-prior runs/a"]);
    let draw = |args: &str| {
        let done = place.vae(&format!("sample runs/a --adapter cpu -n 4 -o z.npy {args}"));
        done.succeeds();
        drawn(&place, "z.npy", 4)
    };
    let before = draw("");
    for prior in ["mixture", "flow"] {
        let fit = format!("fit-prior runs/a --adapter cpu --threads 1 --steps 60 --prior {prior}");
        let said = place.vae(&fit).succeeds().out;
        assert!(said.contains("under the standard normal"), "{said}");
        assert!(place.path("runs/a/samples/fitted.png").exists());
        let first = fitted(&place, "runs/a");
        place.vae(&fit).succeeds();
        assert!(fitted(&place, "runs/a") == first, "{prior}");
        let (own, asked) = (draw(""), draw("--prior fitted"));
        assert!(own == asked && own != before, "{prior}");
        assert!(own != draw("--seed 1"), "{prior}");
        assert!(draw("--prior model") == before, "{prior}");
    }
    place.vae("train --resume runs/a --epochs 3").succeeds();
    let said = place.vae("sample runs/a --adapter cpu -n 4 -o z.npy");
    said.succeeds();
    place
        .vae("sample runs/a --adapter cpu --prior fitted")
        .fails(2, &["after step 10", "step 15", "vae fit-prior runs/a"]);
    place
        .vae("train --resume runs/a --epochs 4 --fit-prior mixture --adapter cpu")
        .succeeds();
    assert_eq!(fitted(&place, "runs/a").metadata["step"], "20");

    fs::write(place.path("runs/a/checkpoints/prior.safetensors"), [0; 9]).unwrap();
    place
        .vae("sample runs/a --adapter cpu -o z.png")
        .fails(1, &["prior.safetensors"]);
    place
        .vae("sample runs/a --adapter cpu -o z.png --prior model")
        .succeeds();
}

#[test]
fn what_cannot_be_fitted_is_refused_by_name() {
    let place = labelled();
    for (args, parts) in [
        (
            "--prior flow --components 3",
            &["a flow has no components", "--prior mixture"][..],
        ),
        ("--components 0", &["'0'", "--components"]),
        ("--steps 0", &["'0'", "--steps"]),
        ("--steps -3", &["'-3'", "--steps"]),
        ("--components 1001", &["'1001'", "1000"]),
        ("--prior standard", &["'standard'", "mixture, flow"]),
    ] {
        place
            .vae(&format!("fit-prior runs/a --adapter reference {args}"))
            .fails(2, parts);
    }
    let conditional = format!("{TRAIN} --prior conditional --condition both --out runs/b");
    let refused = &["the prior conditional is p(z | y)", "no label"][..];
    place
        .vae(&format!("{conditional} --fit-prior flow"))
        .fails(2, refused);
    assert!(!place.path("runs/b").exists());
    place.vae(&conditional).succeeds();
    place
        .vae("fit-prior runs/b --adapter reference")
        .fails(2, refused);
}

/// A preset's count of components is of its own prior.
#[test]
fn another_prior_than_the_presets_has_components_of_its_own() {
    let place = Place::new();
    let components = |args: &str| {
        let out = format!("runs/{}", args.replace([' ', '-'], ""));
        let sizes = "--hidden 8 --latent 2 --epochs 1 --batch-size 20 --kl-warmup 0";
        let train = "train --data tiny --adapter reference --preset vamp";
        place
            .vae(&format!("{train} {sizes} {args} --out {out}"))
            .succeeds();
        let config = fs::read_to_string(place.path(format!("{out}/config.toml"))).unwrap();
        let line = config.lines().find(|line| line.starts_with("components"));
        line.map(str::to_owned)
    };
    let some = |count: usize| Some(format!("components = {count}"));
    assert_eq!(components(""), some(500));
    assert_eq!(components("--prior mixture"), some(100));
    assert_eq!(components("--prior mixture --components 7"), some(7));
    assert_eq!(components("--components 9"), some(9));
    assert_eq!(components("--prior standard"), None);
}

#[test]
fn a_conditional_run_draws_and_reconstructs_by_label() {
    let place = labelled();
    place
        .vae(&format!(
            "{TRAIN} --condition both --likelihood laplace --scale per-pixel --out runs/a"
        ))
        .succeeds();
    let draw = |args: &str, file: &str| {
        place
            .vae(&format!(
                "sample runs/a --adapter reference -n 4 {args} -o {file}"
            ))
            .succeeds();
        fs::read(place.path(file)).unwrap()
    };
    let (ones, twos) = (draw("--label 1", "1.npy"), draw("--label 2", "2.npy"));
    assert!(ones != twos, "the label makes no difference");
    // Of each label in turn: the second image is the second of the ones.
    let (all, header) = (draw("", "all.npy"), 128);
    let image = 4 * 6 * 5;
    let second = header + image..header + 2 * image;
    assert_eq!(all[second.clone()], ones[second]);
    place
        .vae("reconstruct runs/a --adapter reference -o pairs.png")
        .succeeds();
    place
        .vae("sample runs/a --adapter reference --label 4")
        .fails(2, &["--label 4", "4 classes", "0 to 3"]);

    // Weights bring their model with them.
    place
        .vae("train --init runs/a --adapter reference --batch-size 8 --epochs 1 --out runs/b")
        .succeeds();
    place
        .vae("train --init runs/a --adapter reference --condition none --out runs/c")
        .fails(2, &["condition = \"both\"", "condition = \"none\""]);

    place.vae("train --resume runs/a --epochs 3").succeeds();
    // Without the file of labels.
    fs::remove_file(place.path("tiny/train-labels-idx1-ubyte")).unwrap();
    place
        .vae("reconstruct runs/a --adapter reference -o other.png")
        .fails(2, &["condition both reads the label"]);
    let plain = Place::with_run();
    plain
        .vae("sample runs/a --adapter reference --label 1")
        .fails(2, &["reads no labels", "--condition"]);
}

/// The setting of Burda, Grosse and Salakhutdinov (2016) with one stochastic layer, for a few steps.
const BURDA: &str = "train --data tiny --adapter reference --hidden 200,200 --latent 50 --activation tanh \
                     --objective iwae --samples 5 --binarize dynamic --batch-size 12 --eps 1e-4 \
                     --initial-weights glorot --output-bias data --epochs 1";

#[test]
fn a_run_begins_with_glorots_weights_and_the_logits_of_the_data() {
    let place = Place::new();
    // Without test images a tenth is held out; here the images to train on are known.
    place.images("test", 4, 6, 5);
    fs::rename(
        place.path("test/train-images-idx3-ubyte"),
        place.path("tiny/t10k-images-idx3-ubyte"),
    )
    .unwrap();
    place
        .vae(&format!("{BURDA} --lr 1e-6 --out runs/a"))
        .succeeds();
    let checkpoint = Checkpoint::load(&place.last_checkpoint("runs/a")).unwrap();
    let steps = 4;
    assert_eq!(checkpoint.metadata["step"], steps.to_string());
    // A step of Adam moves no value by more than a few times the rate, and rounding to f32 is as much.
    let close = |a: f32, b: f64| (f64::from(a) - b).abs() < 1e-5 * f64::from(steps);
    let bias = &checkpoint.tensors["decoder.output.bias"].data;
    for (pixel, &bias) in bias.iter().enumerate() {
        // As `Place::images` writes them.
        let values = (0..40).map(|image| (7 * (30 * image + pixel) % 251) as f64);
        let mean = values.sum::<f64>() / (40.0 * 255.0);
        let logit = (mean / (1.0 - mean)).ln();
        assert!(close(bias, logit), "pixel {pixel}: {bias}, {logit}");
    }
    for (name, tensor) in &checkpoint.tensors {
        let bound = match (name.starts_with("adam"), tensor.shape.as_slice()) {
            (false, &[fan_out, fan_in]) => (6.0 / (fan_in + fan_out) as f64).sqrt(),
            (false, &[_]) if name != "decoder.output.bias" => 0.0,
            _ => continue,
        };
        let largest = tensor
            .data
            .iter()
            .fold(0f32, |most, value| most.max(value.abs()));
        let n = tensor.data.len() as f64;
        assert!(
            f64::from(largest) < bound + 1e-4,
            "{name}: {largest}, {bound}"
        );
        // The largest of n uniform values is below b(1 - 30/n) once in e^30 seeds.
        assert!(
            f64::from(largest) >= bound * (1.0 - 30.0 / n) - 1e-4,
            "{name}: {largest}, {bound}"
        );
    }
}

#[test]
fn first_weights_are_fixed_where_a_run_has_begun_and_meaningless_where_they_are_given() {
    let place = Place::with_run();
    for (flag, parts) in [
        (
            "--initial-weights glorot",
            ["initial-weights", "\"glorot\""],
        ),
        ("--output-bias zero", ["output-bias", "\"zero\""]),
    ] {
        let fixed = ["has begun with its first weights"];
        place
            .vae(&format!("train --resume runs/a --epochs 3 {flag}"))
            .fails(2, &[&parts[..], &fixed].concat());
        let given = ["last.safetensors", "without --init"];
        place
            .vae(&format!("train --init runs/a --out runs/b {flag}"))
            .fails(2, &[&parts[..], &given].concat());
        assert!(!place.path("runs/b").exists());
    }
}
