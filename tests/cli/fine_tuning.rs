//! Runs that leave a part of the model as it is, and weights that decay by themselves.

use vae_wgpu::checkpoint::Checkpoint;

use crate::{Place, TRAIN};

impl Place {
    /// The tensors of a run's last checkpoint that both runs have alike, and those that they have not.
    fn alike(&self, runs: [&str; 2]) -> [Vec<String>; 2] {
        let [a, b] = runs.map(|run| Checkpoint::load(&self.last_checkpoint(run)).unwrap());
        let names = a.tensors.keys().cloned();
        let (alike, other) = names.partition(|name| a.tensors[name] == b.tensors[name]);
        [alike, other]
    }
}

#[test]
fn a_frozen_part_keeps_the_weights_that_it_was_given() {
    let place = Place::with_run();
    for (part, out) in [("encoder", "runs/b"), ("decoder", "runs/c")] {
        place
            .vae(&format!(
                "train --init runs/a --adapter reference --batch-size 8 --epochs 1 --freeze {part} --out {out}"
            ))
            .succeeds();
        assert_eq!(place.settings(out)["freeze"].as_str(), Some(part));
        let [alike, other] = place.alike(["runs/a", out]);
        let of_part = |name: &String| name.starts_with(part);
        assert!(!alike.is_empty() && alike.iter().all(of_part), "{alike:?}");
        // Moments begin anew.
        assert!(!other.iter().any(of_part), "{other:?}");
        let checkpoint = Checkpoint::load(&place.last_checkpoint(out)).unwrap();
        for (name, tensor) in &checkpoint.tensors {
            if name.starts_with("adam.") {
                let untouched = tensor.data.iter().all(|&value| value == 0.0);
                assert_eq!(untouched, name.contains(&format!(".{part}.")), "{name}");
            }
        }
    }
}

#[test]
fn a_run_keeps_what_it_freezes_and_may_change_what_decays() {
    let place = Place::with_run();
    place
        .vae("train --resume runs/a --epochs 3 --freeze encoder")
        .fails(2, &["freeze", "\"encoder\"", "from the run's first"]);
    let sizes = |run: &str| {
        let checkpoint = Checkpoint::load(&place.last_checkpoint(run)).unwrap();
        let tensors = checkpoint.tensors.into_iter();
        let parameters = tensors.filter(|(name, _)| !name.starts_with("adam."));
        let size = |values: Vec<f32>| values.iter().map(|v| f64::from(v.abs())).sum::<f64>();
        let sizes = parameters.map(|(name, tensor)| (name, size(tensor.data)));
        sizes.collect::<Vec<_>>()
    };
    let mut before = sizes("runs/a");
    for (epochs, decay) in [(3, "weights"), (4, "all")] {
        // Adam alone moves nothing by as much as rounding does.
        place
            .vae(&format!(
                "train --resume runs/a --epochs {epochs} --lr 1e-9 --weight-decay 1e6 --decay {decay}"
            ))
            .succeeds();
        assert_eq!(place.settings("runs/a")["decay"].as_str(), Some(decay));
        let after = sizes("runs/a");
        for ((name, before), (_, after)) in before.iter().zip(&after) {
            // Five steps, each of which takes a thousandth.
            let decays = decay == "all" || name.ends_with("weight");
            let expected = if decays { 0.999f64.powi(5) } else { 1.0 };
            let share = after / before;
            assert!(
                (share / expected - 1.0).abs() < 1e-5,
                "{decay}: {name}, {share}"
            );
        }
        before = after;
    }
}

#[test]
fn what_cannot_be_frozen_or_decay_is_refused_by_name() {
    let place = Place::new();
    for (flag, parts) in [
        ("--freeze both", ["'both'", "none, encoder, decoder"]),
        ("--decay biases", ["'biases'", "all, weights"]),
    ] {
        place
            .vae(&format!("{TRAIN} {flag} --out runs/a"))
            .fails(2, &parts);
    }
    assert!(!place.path("runs").exists());
}
