//! What hidden layers have besides: which outputs a training drops, and what an evaluation sees of it.

use vae_wgpu::graph::{Activation, Adam, Graph, TensorId};
use vae_wgpu::model::{Mode, Network, Noise, Norm, Vae, VaeConfig};
use vae_wgpu::rng::Stream;

use crate::support::harness::{Open, Test, tests};

pub(crate) fn tests() -> Vec<Test> {
    tests![executors: dropout_keeps_its_share_and_scales_it, an_evaluation_normalises_each_row_alone]
}

const BATCH: usize = 100;
const DIM: usize = 6;
const UNITS: usize = 80;

fn vae(network: Network) -> Vae {
    Vae::new(VaeConfig {
        input_dim: DIM,
        hidden: vec![UNITS, UNITS],
        latent_dim: 3,
        // No output is zero by itself.
        activation: Activation::Sigmoid,
        network,
        ..VaeConfig::default()
    })
    .unwrap()
}

/// Some values from 0 to 1, no two rows alike.
fn images(seed: usize, rows: usize) -> Vec<f32> {
    let value = |i: usize| ((i * 37 + seed * 101 + i * i % 53) % 97) as f32 / 97.0;
    (0..rows * DIM).map(value).collect()
}

/// How many deviations a count of n independent events of probability p is off.
fn deviations(count: usize, n: usize, p: f64) -> f64 {
    let (count, n) = (count as f64, n as f64);
    (count - n * p) / (n * p * (1.0 - p)).sqrt()
}

/// Of each hidden layer and two steps, which outputs are dropped: as many as P says, others scaled, and any two
/// of these draws alike as often as independent ones are. Five deviations are exceeded once in two million
/// seeds; the seed is fixed.
fn dropout_keeps_its_share_and_scales_it(open: &Open) {
    const P: f64 = 0.3;
    let vae = vae(Network {
        dropout: P,
        ..Network::default()
    });
    let specs = vae.parameters();
    let mut executor = open(specs, 7);
    let initial = vae.initial(7, || vec![0.5; DIM]).unwrap();
    executor.restore(&initial).unwrap();
    let graph = |mode| {
        let mut g = Graph::new();
        let x = g.input("x", [BATCH, DIM]);
        let vae = vae.clone().with_mode(mode);
        vae.objective(&mut g, x, Noise::Stream(Stream::Noise));
        (g, x)
    };
    let layers = [
        "encoder.hidden.0",
        "encoder.hidden.1",
        "decoder.hidden.0",
        "decoder.hidden.1",
    ];
    let of = |g: &Graph, layer: &str, what: &str| g.find(&format!("{layer}.{what}"));
    let (g, _) = graph(Mode::Evaluation);
    for layer in layers {
        assert_eq!(of(&g, layer, "dropout"), None, "{layer}");
    }

    let (mut g, x) = graph(Mode::Training);
    for layer in layers {
        for what in ["activation", "dropout"] {
            let id: TensorId = of(&g, layer, what).unwrap();
            g.output(id);
        }
    }
    let mut session = executor.session(g).unwrap();
    let mut dropped: Vec<(String, Vec<bool>)> = Vec::new();
    for step in [4, 5] {
        let outputs = session
            .run(step, &[(x, &images(1, BATCH))])
            .unwrap()
            .tensors;
        for (layer, pair) in layers.iter().zip(outputs.chunks(2)) {
            let [h, kept] = pair else { unreachable!() };
            for (&h, &kept) in h.iter().zip(kept) {
                let scaled = f64::from(h) / (1.0 - P);
                // A quotient rounds once on any executor, or is a product with a rounded reciprocal.
                let close = (f64::from(kept) / scaled - 1.0).abs() < 4.0 * f64::from(f32::EPSILON);
                assert!(kept == 0.0 || close, "{layer}: {kept} of {h}");
            }
            let mask: Vec<bool> = kept.iter().map(|&kept| kept == 0.0).collect();
            dropped.push((format!("{layer} at step {step}"), mask));
        }
    }
    let n = BATCH * UNITS;
    let alike = P * P + (1.0 - P) * (1.0 - P);
    for (index, (name, mask)) in dropped.iter().enumerate() {
        let off = deviations(mask.iter().filter(|&&dropped| dropped).count(), n, P);
        assert!(off.abs() < 5.0, "{name}: {off:.2} deviations off");
        for (other, of_other) in &dropped[..index] {
            let equal = mask.iter().zip(of_other).filter(|(a, b)| a == b).count();
            let off = deviations(equal, n, alike);
            assert!(
                off.abs() < 5.0,
                "{name} and {other}: {off:.2} deviations off"
            );
        }
        for shift in [1, 4, UNITS] {
            let shifted = mask.iter().zip(&mask[shift..]);
            let equal = shifted.filter(|(a, b)| a == b).count();
            let off = deviations(equal, n - shift, alike);
            assert!(
                off.abs() < 5.0,
                "{name} and {shift} further: {off:.2} deviations off"
            );
        }
    }
}

/// In a training the rows of a batch depend on one another, and running statistics follow them; an evaluation
/// sees each row alone, and leaves the state as it is.
fn an_evaluation_normalises_each_row_alone(open: &Open) {
    let vae = vae(Network {
        norm: Norm::Batch,
        ..Network::default()
    });
    let specs = vae.parameters();
    let states = specs.iter().filter(|spec| spec.is_state()).count();
    assert_eq!(states, 8);
    assert!(
        specs[specs.len() - states..]
            .iter()
            .all(|spec| spec.is_state())
    );
    let mut executor = open(specs.clone(), 7);
    let initial = vae.initial(7, || vec![0.5; DIM]).unwrap();
    executor.restore(&initial).unwrap();

    let mut g = Graph::new();
    let x = g.input("x", [BATCH, DIM]);
    let training = vae.clone().with_mode(Mode::Training);
    training.objective(&mut g, x, Noise::Stream(Stream::Noise));
    g.minimize(Adam::default());
    let mut session = executor.session(g).unwrap();
    for step in 0..3 {
        session
            .run(step, &[(x, &images(step as usize, BATCH))])
            .unwrap();
    }
    drop(session);
    let trained = executor.snapshot().unwrap();
    for (index, spec) in specs.iter().enumerate() {
        assert_ne!(
            trained.parameters[index], initial.parameters[index],
            "{}",
            spec.name
        );
        let moved = trained.m[index]
            .iter()
            .chain(&trained.v[index])
            .any(|&m| m != 0.0);
        assert_eq!(moved, !spec.is_state(), "{}", spec.name);
    }

    let rows = images(9, BATCH);
    let mut encode = |rows: &[f32]| {
        let (g, inputs) = vae.encoder_graph(rows.len() / DIM);
        let mut session = executor.session(g).unwrap();
        session
            .run(0, &[(inputs.x, rows)])
            .unwrap()
            .tensors
            .swap_remove(0)
    };
    let together = encode(&rows);
    for row in [0, 1, BATCH - 1] {
        let alone = encode(&rows[row * DIM..][..DIM]);
        for (a, b) in alone.iter().zip(&together[row * 3..]) {
            // Products of other shapes may sum in another order.
            assert!((a - b).abs() < 1e-5, "row {row}: {a}, {b}");
        }
    }
    assert_eq!(executor.snapshot().unwrap(), trained);
}
