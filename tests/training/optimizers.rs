//! Schedules, clipping, weight decay and groups of parameters against PyTorch, in fifty steps of whole passes.

use std::path::Path;

use safetensors::SafeTensors;
use vae_wgpu::executor::{Rows, Snapshot, Start};
use vae_wgpu::graph::{Activation, Adam, Curve, GroupUpdate, Optimizer, ParameterGroup, Schedule};
use vae_wgpu::model::{Likelihood, Vae, VaeConfig};

use crate::support::harness::{Extent, Open, Test, tests};
use crate::truth::{BACKWARD, FORWARD, close};

/// Of `tests/data/make_optimizers.py`, which says what is recorded.
const DIM: usize = 37;
const BATCH: usize = 13;
const PASSES: usize = 10;
const STEPS: u32 = 50;
const RATE: f64 = 1e-2;
const WARMUP: u32 = 6;

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = tests!(plain: schedules_are_those_of_pytorch);
    tests.extend(tests!(trainings: optimizers_match_pytorch));
    tests.extend(tests!(executors:
        clipping_and_groups_alone_add_launches,
        what_is_frozen_stays_as_it_is,
    ));
    tests
}

/// Each recorded case.
fn cases() -> Vec<(&'static str, Optimizer)> {
    let plain = || {
        Optimizer::from(Adam {
            lr: RATE,
            ..Adam::default()
        })
    };
    let of = |schedule| Optimizer {
        schedule,
        ..plain()
    };
    let cosine = || {
        let rates = [RATE, RATE / 100.0];
        let decay = Schedule::decay(Curve::Cosine, rates, WARMUP, STEPS - 1).unwrap();
        decay.with_warmup(WARMUP).unwrap()
    };
    let seventh = |i: i32| RATE * 10f64.powf(-f64::from(i) / 7.0);
    let table = [(0, seventh(0)), (5, seventh(1)), (20, seventh(2))];
    let table = || of(Schedule::table(&table).unwrap());
    let line = || of(Schedule::decay(Curve::Linear, [RATE, 0.0], 0, STEPS - 1).unwrap());
    let spared = |rate| GroupUpdate::Trained {
        rate,
        weight_decay: 0.0,
    };
    let frozen = |part: &'static str| group(GroupUpdate::Frozen, |name| name.starts_with(part));
    let biases = || group(spared(1.0), |name| name.ends_with("bias"));
    let slow = || group(spared(0.1), |name| name.starts_with("decoder"));
    vec![
        ("cosine", of(cosine())),
        ("linear", line()),
        ("table", table()),
        (
            "clipped",
            Optimizer {
                clip_norm: Some(2.0),
                ..plain()
            },
        ),
        (
            "decayed",
            Optimizer {
                weight_decay: 0.3,
                ..plain()
            },
        ),
        (
            "all",
            Optimizer {
                schedule: cosine(),
                weight_decay: 0.3,
                clip_norm: Some(2.0),
                ..plain()
            },
        ),
        (
            "decayed-weights",
            Optimizer {
                weight_decay: 0.3,
                groups: vec![biases()],
                ..plain()
            },
        ),
        (
            "frozen-encoder",
            Optimizer {
                weight_decay: 0.3,
                clip_norm: Some(2.0),
                groups: vec![frozen("encoder")],
                ..line()
            },
        ),
        (
            "frozen-decoder",
            Optimizer {
                weight_decay: 0.3,
                groups: vec![frozen("decoder"), biases()],
                ..plain()
            },
        ),
        (
            "slow-decoder",
            Optimizer {
                weight_decay: 0.3,
                clip_norm: Some(2.0),
                groups: vec![slow()],
                ..table()
            },
        ),
    ]
}

/// The parameters of these names.
fn group(update: GroupUpdate, belongs: impl Fn(&str) -> bool) -> ParameterGroup {
    let names = model().parameters().into_iter().map(|spec| spec.name);
    ParameterGroup {
        names: names.filter(|name| belongs(name)).collect(),
        update,
    }
}

fn bytes() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/optimizers.safetensors");
    std::fs::read(path).unwrap()
}

fn floats<T: bytemuck::Pod>(file: &SafeTensors<'_>, name: &str) -> Vec<T> {
    bytemuck::pod_collect_to_vec(file.tensor(name).unwrap().data())
}

fn schedules_are_those_of_pytorch() {
    let bytes = bytes();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    for (name, optimizer) in cases() {
        let rates: Vec<f64> = floats(&file, &format!("{name}/rates"));
        assert_eq!(rates.len(), STEPS as usize);
        for (step, expected) in (0..).zip(rates) {
            // PyTorch multiplies from step to step: a few roundings of f64 each.
            let error = (optimizer.schedule.rate(step) - expected).abs();
            assert!(
                error <= 1e-14 * RATE * f64::from(STEPS),
                "{name}, step {step}: {error:e}"
            );
        }
    }
}

/// For the norm and, where it is else part of the update, Adam: one for each run of parameters that are
/// updated alike.
fn clipping_and_groups_alone_add_launches(open: &Open) {
    let vae = model();
    let pixels = vec![7; 2 * BATCH * DIM];
    let order: Vec<u32> = (0..2 * BATCH as u32).collect();
    let launches = |optimizer: Optimizer| {
        let mut executor = open(vae.parameters(), 0);
        let graph = |rows| vae.training_graph(rows, optimizer.clone());
        let mut pass = executor
            .pass(Rows::new(&pixels, DIM), BATCH, &graph)
            .unwrap();
        let start = Start {
            step: 0,
            position: 0,
            order: &order,
        };
        pass.begin(start).unwrap();
        Some(pass.profile(1).unwrap()?.dispatches)
    };
    // The reference executor has none.
    let Some(plain) = launches(Adam::default().into()) else {
        return;
    };
    for (case, optimizer) in cases() {
        let clips = optimizer.clip_norm.is_some();
        let added = launches(optimizer.clone()).unwrap() as isize - plain as isize;
        let expected = match case {
            // Ten weights and biases in turn, in the place of all at once or of none.
            "decayed-weights" => 9..=10,
            // The encoder before the decoder, and the norm.
            "slow-decoder" => 3..=4,
            // Fewer products.
            "frozen-encoder" | "frozen-decoder" => isize::MIN..=7,
            _ if clips => 2..=3,
            _ => 0..=0,
        };
        assert!(
            expected.contains(&added),
            "{case}: {added} more than {plain}"
        );
    }
}

/// Parameters and moments, whatever they were, though a pass of the same executor has left the gradients of
/// all of them behind, which neither count for the norm.
fn what_is_frozen_stays_as_it_is(open: &Open) {
    let vae = model();
    let specs = vae.parameters();
    let mut initial = Snapshot::initial(&specs, 1);
    initial.m = Snapshot::initial(&specs, 2).parameters;
    let squares = |values: &Vec<f32>| values.iter().map(|value| value * value).collect();
    initial.v = initial.m.iter().map(squares).collect();
    let pixels: Vec<u8> = (0..3 * BATCH * DIM).map(|i| (37 * i % 251) as u8).collect();
    let order: Vec<u32> = (0..3 * BATCH as u32).collect();
    let clipped = Optimizer {
        clip_norm: Some(0.5),
        ..Adam::default().into()
    };
    for part in ["encoder", "decoder"] {
        let frozen = Optimizer {
            groups: vec![group(GroupUpdate::Frozen, |name| name.starts_with(part))],
            ..clipped.clone()
        };
        let [alone, after_all] = [&[&frozen][..], &[&clipped, &frozen]].map(|optimizers| {
            let mut executor = open(specs.clone(), 0);
            for &optimizer in optimizers {
                executor.restore(&initial).unwrap();
                let graph = |rows| vae.training_graph(rows, optimizer.clone());
                let mut pass = executor
                    .pass(Rows::new(&pixels, DIM), BATCH, &graph)
                    .unwrap();
                let start = Start {
                    step: 0,
                    position: 0,
                    order: &order,
                };
                pass.begin(start).unwrap();
                while pass.advance(3).unwrap() > 0 {}
                pass.losses().unwrap();
            }
            executor.snapshot().unwrap()
        });
        assert!(alone == after_all, "{part}: gradients of an earlier pass");
        for (index, spec) in specs.iter().enumerate() {
            let kinds = [
                (&alone.parameters, &initial.parameters),
                (&alone.m, &initial.m),
                (&alone.v, &initial.v),
            ];
            for (after, before) in kinds {
                let stays = after[index] == before[index];
                assert_eq!(stays, spec.group() == part, "{part}: {}", spec.name);
            }
        }
    }
}

/// Of `tests/data/make_optimizers.py`.
fn model() -> Vae {
    let config = VaeConfig {
        input_dim: DIM,
        hidden: vec![19],
        latent_dim: 3,
        activation: Activation::Tanh,
        likelihood: Likelihood::Bernoulli,
        ..VaeConfig::default()
    };
    Vae::new(config).unwrap()
}

/// With kernels for GPUs on a software adapter, whose update kernels are compiled for each case in seconds, two cases that
/// have everything between them: a warm-up, two schedules, decay, clipping and groups.
pub(crate) fn optimizers_match_pytorch(open: &Open, extent: Extent) {
    let bytes = bytes();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let images = file.tensor("images").unwrap().data();
    let vae = model();
    let specs = vae.parameters();
    let mut initial = Snapshot::initial(&specs, 0);
    for (values, spec) in initial.parameters.iter_mut().zip(&specs) {
        *values = floats(&file, &format!("init.{}", spec.name));
    }
    let order: Vec<u32> = (0..(images.len() / DIM) as u32).collect();
    let runs = |case: &str| extent == Extent::Full || ["all", "slow-decoder"].contains(&case);
    for (case, optimizer) in cases().into_iter().filter(|(case, _)| runs(case)) {
        let mut executor = open(specs.clone(), 0);
        executor.restore(&initial).unwrap();
        let graph = |rows| vae.training_graph(rows, optimizer.clone());
        let mut pass = executor
            .pass(Rows::new(images, DIM), BATCH, &graph)
            .unwrap();
        let mut losses = Vec::new();
        for _ in 0..PASSES {
            let start = Start {
                step: (losses.len() / 3) as u32,
                position: 0,
                order: &order,
            };
            pass.begin(start).unwrap();
            while pass.advance(2).unwrap() > 0 {}
            losses.extend(pass.losses().unwrap());
        }
        let expected: Vec<f64> = floats(&file, &format!("{case}/losses"));
        assert_eq!(losses.len(), expected.len());
        for (index, (actual, expected)) in losses.iter().zip(expected).enumerate() {
            let error = (f64::from(*actual) / expected - 1.0).abs();
            let step = index / 3;
            assert!(
                error <= FORWARD,
                "{case}, step {step}: {actual}, not {expected}: {error:e}"
            );
        }
        let updated = executor.snapshot().unwrap().parameters;
        for (spec, actual) in specs.iter().zip(&updated) {
            let name = format!("{case}/final.{}", spec.name);
            close(&name, actual, &floats(&file, &name), BACKWARD);
        }
    }
}
