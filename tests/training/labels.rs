//! Labels in part against PyTorch, against their definition, and what a training takes of its data.

use std::collections::HashMap;

use safetensors::SafeTensors;
use serde::Deserialize;
use vae_wgpu::data::{Dataset, digits};
use vae_wgpu::executor::{ExecutorError, ParameterSpec, Snapshot};
use vae_wgpu::gpu::GpuError;
use vae_wgpu::graph::{Activation, Adam, Graph, Ramp, TensorId};
use vae_wgpu::model::{
    Condition, Elbo, Flow, Inputs, Likelihood, Noise, Objective, Posterior, Scale, Vae, VaeConfig,
};
use vae_wgpu::rng::Stream;
use vae_wgpu::train::{Settings, TrainError, Trainer, labelled_rows};

use crate::support::harness::{Extent, Open, Test, tests};
use crate::truth::{BACKWARD, FORWARD, close};

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = tests!(executors:
        labels_in_part_match_pytorch,
        the_bound_is_the_mean_over_labels_given,
        a_training_with_labels_in_part_learns_to_classify
    );
    tests.extend(tests!(trainings:
        labelled_images_are_drawn_alike_and_from_the_labelled_alone
    ));
    tests
}

/// `tests/data/make_labels.py` says what it holds.
const FIXTURE: &[u8] = include_bytes!("../data/family_labels.safetensors");

const STEPS: usize = 5;
const BATCH: usize = 6;
const DIM: usize = 12;
const LATENT: usize = 3;
const CLASSES: usize = 4;

/// What a case is made of.
#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    hidden: Vec<usize>,
    activation: Activation,
    likelihood: Likelihood,
    scale: Scale,
    condition: Condition,
    samples: usize,
    beta: f64,
    schedule_steps: u32,
    posterior: Posterior,
    flow_steps: usize,
    weight: f64,
}

impl Case {
    fn vae(&self) -> Vae {
        let config = VaeConfig {
            input_dim: DIM,
            hidden: self.hidden.clone(),
            latent_dim: LATENT,
            activation: self.activation,
            posterior: self.posterior,
            flow: Flow {
                steps: self.flow_steps,
                ..Flow::default()
            },
            likelihood: self.likelihood,
            scale: self.scale,
            condition: self.condition,
            classes: CLASSES,
            labels_in_part: true,
            objective: Objective::Elbo(Elbo {
                beta: self.beta,
                ramp: Ramp {
                    steps: self.schedule_steps,
                    period: 0,
                },
                samples: self.samples,
                ..Elbo::default()
            }),
            ..VaeConfig::default()
        };
        Vae::new(config).unwrap()
    }

    fn check(&self, file: &SafeTensors<'_>, open: &Open) {
        let vae = self.vae();
        let specs = vae.parameters();
        let mut executor = open(specs.clone(), 0);
        let floats = |name: &str| -> Vec<f32> {
            let found = file.tensor(name).unwrap_or_else(|e| panic!("{name}: {e}"));
            bytemuck::pod_collect_to_vec(found.data())
        };
        let own = |name: &str| floats(&format!("{}/{name}", self.name));
        let zeros = specs.iter().map(|spec| vec![0.0; spec.shape.len()]);
        let zeros: Vec<_> = zeros.collect();
        let initial = |spec: &ParameterSpec| own(&format!("init.{}", spec.name));
        executor
            .restore(&Snapshot {
                parameters: specs.iter().map(initial).collect(),
                m: zeros.clone(),
                v: zeros,
            })
            .unwrap();

        let mut g = Graph::new();
        let [x, x_labelled] = ["x", "labelled.x"].map(|name| g.input(name, [BATCH, DIM]));
        let label = g.input("labelled.label", [BATCH, CLASSES]);
        let rows = BATCH * self.samples;
        let eps = g.input("eps", [rows * CLASSES, LATENT]);
        let eps_labelled = g.input("labelled.eps", [rows, LATENT]);
        let labelled = Inputs {
            x: x_labelled,
            label: Some(label),
        };
        let noise = [eps, eps_labelled].map(Noise::Given);
        vae.objective_in_part(&mut g, x, labelled, noise, self.weight);
        g.minimize(Adam::default());
        let mut expected = Vec::new();
        for name in ["log_q", "bound"] {
            let tensor = g.find(name).unwrap();
            g.output(tensor);
            expected.push((format!("step0.{name}"), FORWARD));
        }
        assert_eq!(g.gradients().len(), specs.len(), "{}", self.name);
        for (parameter, gradient) in g.gradients().to_vec() {
            g.output(gradient);
            expected.push((format!("step0.grad.{}", g.tensor(parameter).name), BACKWARD));
        }
        let terms: Vec<_> = g.terms().iter().map(|term| term.name.as_str()).collect();
        assert_eq!(terms, TERMS);

        let bytes = |name: &str| file.tensor(name).unwrap().data();
        let noise = |name: &str| floats(&format!("{name}.{}", self.samples));
        let (noise, noise_labelled) = (noise("eps"), noise("labelled.eps"));
        let losses = file.tensor(&format!("{}/losses", self.name)).unwrap();
        let losses: Vec<f64> = bytemuck::pod_collect_to_vec(losses.data());
        let mut session = executor.session(g).unwrap();
        for step in 0..STEPS {
            let pixels = ["images", "labelled.images"].map(|name| {
                let bytes = bytes(name)[step * BATCH * DIM..][..BATCH * DIM].iter();
                let pixels = bytes.map(|&byte| f32::from(byte) / 255.0);
                pixels.collect::<Vec<_>>()
            });
            let hot = one_hot(&bytes("labelled.labels")[step * BATCH..][..BATCH]);
            let of_step = |values: &[f32]| {
                let len = values.len() / STEPS;
                values[step * len..][..len].to_vec()
            };
            let (noise, noise_labelled) = (of_step(&noise), of_step(&noise_labelled));
            let given = [
                (x, pixels[0].as_slice()),
                (x_labelled, &pixels[1]),
                (label, &hot),
                (eps, &noise),
                (eps_labelled, &noise_labelled),
            ];
            let result = session.run(step as u32, &given).unwrap();
            if step == 0 {
                for ((name, tolerance), actual) in expected.iter().zip(&result.tensors) {
                    close(
                        &format!("{}: {name}", self.name),
                        actual,
                        &own(name),
                        *tolerance,
                    );
                }
            }
            let expected = &losses[(1 + TERMS.len()) * step..];
            for (column, (&actual, expected)) in result.losses.iter().zip(expected).enumerate() {
                let error = (f64::from(actual) - expected).abs();
                assert!(
                    error <= FORWARD * expected.abs(),
                    "{}, step {step}, column {column}: {actual}, not {expected}: off by {error:e}",
                    self.name
                );
            }
        }
        let updated = executor.snapshot().unwrap().parameters;
        for (spec, actual) in specs.iter().zip(&updated) {
            let name = format!("final.{}", spec.name);
            close(
                &format!("{}: {name}", self.name),
                actual,
                &own(&name),
                BACKWARD,
            );
        }
    }
}

/// The terms of a training, in their order.
const TERMS: [&str; 8] = [
    "recon",
    "kl",
    "kl_label",
    "bound",
    "labelled_nll",
    "labelled_kl",
    "cross_entropy",
    "error",
];

/// Labels as rows of zeros with a 1.
fn one_hot(labels: &[u8]) -> Vec<f32> {
    let hot = |&label: &u8| (0..CLASSES).map(move |class| f32::from(class == usize::from(label)));
    labels.iter().flat_map(hot).collect()
}

fn labels_in_part_match_pytorch(open: &Open) {
    let (_, metadata) = SafeTensors::read_metadata(FIXTURE).unwrap();
    let cases = &metadata.metadata().as_ref().unwrap()["cases"];
    let cases: Vec<Case> = serde_json::from_str(cases).unwrap();
    assert!(cases.len() >= 7);
    let file = SafeTensors::deserialize(FIXTURE).unwrap();
    for case in cases {
        case.check(&file, open);
    }
}

/// The same weights in a model that is given every label, with the same noise: a graph for each label, whose
/// terms are weighed by hand. Of sums of so few terms in f32, 10⁻⁵ is a hundred roundings.
fn the_bound_is_the_mean_over_labels_given(open: &Open) {
    let config = VaeConfig {
        input_dim: DIM,
        hidden: vec![7],
        latent_dim: LATENT,
        condition: Condition::Both,
        classes: CLASSES,
        labels_in_part: true,
        ..VaeConfig::default()
    };
    let part = Vae::new(config.clone()).unwrap();
    let given = Vae::new(VaeConfig {
        labels_in_part: false,
        ..config
    });
    let given = given.unwrap();
    let specs = part.parameters();
    // Those of the classifier are behind the others.
    assert_eq!(specs[..specs.len() - 4], given.parameters());
    let state = Snapshot::initial(&specs, 3);
    let mut executor = open(specs, 3);
    executor.restore(&state).unwrap();

    let value = |index: usize| ((7 * index) % 31) as f32 / 31.0;
    let pixels: Vec<_> = (0..BATCH * DIM).map(value).collect();
    let noise: Vec<_> = (0..BATCH * CLASSES * LATENT)
        .map(|i| 3.0 * value(i) - 1.5)
        .collect();
    let mut run = |g: Graph, given: &[(TensorId, &[f32])]| {
        executor.session(g).unwrap().run(0, given).unwrap().tensors
    };

    let mut g = Graph::new();
    let x = g.input("x", [BATCH, DIM]);
    let eps = g.input("eps", [BATCH * CLASSES, LATENT]);
    let labelled = Inputs {
        x,
        label: Some(g.constant("label", [BATCH, CLASSES], 0.25)),
    };
    let other = Noise::Stream(Stream::Noise);
    part.objective_in_part(&mut g, x, labelled, [Noise::Given(eps), other], 1.0);
    for name in ["log_q", "bound"] {
        let id = g.find(name).unwrap();
        g.output(id);
    }
    let [log_q, bound] = <[_; 2]>::try_from(run(g, &[(x, &pixels), (eps, &noise)])).unwrap();

    let mut expected = [0.0; BATCH];
    for class in 0..CLASSES {
        let mut g = Graph::new();
        let x = g.input("x", [BATCH, DIM]);
        let label = g.input("label", [BATCH, CLASSES]);
        let eps = g.input("eps", [BATCH, LATENT]);
        let inputs = Inputs {
            x,
            label: Some(label),
        };
        given.objective(&mut g, inputs, Noise::Given(eps));
        let rows: Vec<_> = g.terms().iter().map(|term| term.rows).collect();
        rows.into_iter().for_each(|rows| g.output(rows));
        let hot = one_hot(&[class as u8; BATCH]);
        let of_class = noise.chunks(LATENT).skip(class).step_by(CLASSES);
        let of_class = of_class.flatten().copied().collect::<Vec<_>>();
        let terms = run(g, &[(x, &pixels), (label, &hot), (eps, &of_class)]);
        for (row, expected) in expected.iter_mut().enumerate() {
            let log_q = f64::from(log_q[row * CLASSES + class]);
            let nll: f64 = terms.iter().map(|rows| f64::from(rows[row])).sum();
            *expected += log_q.exp() * (nll + (CLASSES as f64).ln() + log_q);
        }
    }
    let expected = expected.map(|bound| bound as f32);
    close("the bound", &bound, &expected, FORWARD);
    // Labels matter, or nothing would be tested.
    assert!(log_q.iter().any(|value| (value - log_q[0]).abs() > 0.01));
}

fn data() -> Dataset {
    Dataset {
        name: "few digits".to_owned(),
        train: digits::generate(3, 0, 400),
        test: digits::generate(4, 0, 100),
        notes: Vec::new(),
        held_out: false,
        classes: Vec::new(),
        table: None,
    }
}

fn settings() -> Settings {
    Settings {
        hidden: vec![48],
        latent: 4,
        condition: Condition::Both,
        labelled: Some(50),
        batch_size: 40,
        epochs: 6,
        lr: 3e-3,
        seed: 5,
        ..Settings::default()
    }
}

/// A trainer; none on a plan that says that it cannot run these parts.
fn trainer(open: &Open, settings: &Settings, data: &Dataset) -> Option<Trainer> {
    let vae = settings.vae(data).unwrap();
    let executor = open(vae.parameters(), settings.seed);
    match Trainer::new(vae, executor, settings.clone(), data) {
        Err(TrainError::Executor(ExecutorError::Gpu(GpuError::Plan { .. }))) => None,
        trainer => Some(trainer.unwrap()),
    }
}

/// What the labels of images that are not labelled say makes no difference to a training, and what those of
/// labelled ones say does.
fn labelled_images_are_drawn_alike_and_from_the_labelled_alone(open: &Open, extent: Extent) {
    let settings = Settings {
        epochs: 1,
        // Four steps in the place of ten.
        batch_size: if extent == Extent::Short { 100 } else { 40 },
        ..settings()
    };
    let weights = |data: &Dataset, settings: &Settings| {
        let mut trainer = trainer(open, settings, data)?;
        trainer.run(|_| {}).unwrap();
        Some(trainer.checkpoint().unwrap().tensors)
    };
    let mut data = data();
    let Some(first) = weights(&data, &settings) else {
        return;
    };
    let weights = |data: &Dataset, settings: &Settings| weights(data, settings).unwrap();
    let labels = data.train.labels.as_deref().unwrap().to_vec();
    let known = labelled_rows(&labels, 10, 50).unwrap();
    let each: HashMap<u8, usize> = known.iter().fold(HashMap::new(), |mut each, &row| {
        *each.entry(labels[row]).or_default() += 1;
        each
    });
    assert!(each.len() == 10 && each.values().all(|&count| count == 5));
    let last = *known.last().unwrap();
    let mut hidden = labels.clone();
    hidden[last + 1..].fill(0);
    data.train.labels = Some(hidden);
    assert!(
        weights(&data, &settings) == first,
        "a label that is not known is read"
    );
    let mut other = labels;
    let twin = *known
        .iter()
        .find(|&&row| other[row] != other[known[0]])
        .unwrap();
    other.swap(known[0], twin);
    data.train.labels = Some(other);
    assert!(
        weights(&data, &settings) != first,
        "a label that is known is not read"
    );
    let seed = settings.seed + 1;
    let reseeded = Settings { seed, ..settings };
    assert!(weights(&data, &reseeded) != first);
}

/// Fifty labels of four hundred images: far from guessing, which errs nine times of ten.
fn a_training_with_labels_in_part_learns_to_classify(open: &Open) {
    let data = data();
    let Some(mut trainer) = trainer(open, &settings(), &data) else {
        return;
    };
    let mut epochs = Vec::new();
    trainer.run(|epoch| epochs.push(epoch.clone())).unwrap();
    let of = |index: usize, name: &str| epochs[index].test.term(name).unwrap();
    let last = epochs.len() - 1;
    assert!(of(last, "bound") < of(0, "bound"));
    assert!(of(last, "error") < 0.5, "{}", of(last, "error"));
    let sum = of(last, "recon") + of(last, "kl") + of(last, "kl_label");
    assert!((of(last, "bound") / sum - 1.0).abs() < FORWARD);
    assert!((epochs[last].test.objective / sum - 1.0).abs() < FORWARD);
    // The classifier says of the test images what the evaluation counted.
    let labels = data.test.labels.as_deref().unwrap();
    let values = trainer.scaling().model_values(&data.test.images.pixels);
    let log_q = trainer.model().classify(&values).unwrap().unwrap();
    let found = log_q.chunks(10).map(|row| {
        let largest = |a: &(usize, &f32), b: &(usize, &f32)| a.1.total_cmp(b.1);
        row.iter().enumerate().max_by(largest).unwrap().0
    });
    let wrong = found
        .zip(labels)
        .filter(|(found, label)| *found != usize::from(**label));
    assert_eq!(wrong.count(), (100.0 * of(last, "error")).round() as usize);
    for row in log_q.chunks(10) {
        let sum: f32 = row.iter().map(|value| value.exp()).sum();
        assert!((sum - 1.0).abs() < 1e-5, "{sum}");
    }
}
