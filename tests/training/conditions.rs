//! Graphs that read labels or whose divergence is ramped: the same training on every plan.

use vae_wgpu::data::digits;
use vae_wgpu::executor::{Executor, Initial, ParameterSpec, Rows, Snapshot, Start};
use vae_wgpu::gpu::{Gpu, Options};
use vae_wgpu::graph::{Activation, Adam, Graph, Ramp, TensorId};
use vae_wgpu::kernels::rows::Score;
use vae_wgpu::plan::{GpuExecutor, PlanChoice};
use vae_wgpu::reference::ReferenceExecutor;
use vae_wgpu::rng::{self, Stream};

use super::plans::reopened;
use super::truth::BACKWARD;
use crate::support::harness::{Open, Test, tests};

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = tests!(executors:
        a_ramped_divergence_trains_alike,
        a_conditional_encoder_trains_alike,
        a_conditional_decoder_trains_alike,
        a_conditional_vae_trains_alike,
        a_conditional_vae_without_hidden_layers_trains_alike,
    );
    tests.extend(tests![gpu: programs_say_why_they_refuse]);
    tests
}

const BATCH: usize = 32;
/// The last of four batches has fewer images.
const IMAGES: usize = 3 * BATCH + 12;
const CLASSES: usize = 10;

/// Which halves of a VAE read the labels, and what else differs.
#[derive(Clone)]
struct Model {
    encoder: bool,
    decoder: bool,
    hidden: Vec<usize>,
    latent: usize,
    beta: f32,
    ramp: Ramp,
    /// Of the reconstruction.
    other_ramp: Ramp,
    dim: usize,
}

impl Model {
    fn new(dim: usize) -> Self {
        Self {
            encoder: false,
            decoder: false,
            hidden: vec![19, 11],
            latent: 3,
            beta: 1.0,
            ramp: Ramp::NONE,
            other_ramp: Ramp::NONE,
            dim,
        }
    }

    /// Parameters are pushed to `specs` by the layers in their order.
    fn graph(&self, batch: usize, specs: &mut Vec<ParameterSpec>) -> Graph {
        let mut g = Graph::new();
        let mut layer = |g: &mut Graph, name: &str, x: TensorId, fan_out: usize| {
            let fan_in = g.shape(x).columns();
            let mut parameter = |g: &mut Graph, part: &str, shape: vae_wgpu::graph::Shape| {
                let name = format!("{name}.{part}");
                specs.push(ParameterSpec {
                    name: name.clone(),
                    shape,
                    initial: Initial::Uniform { fan_in },
                });
                g.parameter(&name, shape)
            };
            let weight = parameter(g, "weight", [fan_out, fan_in].into());
            let bias = parameter(g, "bias", [fan_out].into());
            g.linear(name, x, weight, bias)
        };
        let x = g.gather("x", batch, self.dim);
        let labelled = self.encoder || self.decoder;
        let label = labelled.then(|| g.one_hot("label", batch, CLASSES));
        let with_label = |g: &mut Graph, name: &str, values, reads: bool| match label {
            Some(label) if reads => g.concat(name, values, label),
            _ => values,
        };
        let mut h = with_label(&mut g, "encoder.input", x, self.encoder);
        for (index, &width) in self.hidden.iter().enumerate() {
            let y = layer(&mut g, &format!("encoder.{index}"), h, width);
            h = g.activation("relu", Activation::Relu, y);
        }
        let mu = layer(&mut g, "encoder.mu", h, self.latent);
        let logvar = layer(&mut g, "encoder.logvar", h, self.latent);
        let eps = g.normal("eps", Stream::Noise, [batch, self.latent]);
        let z = g.reparameterize("z", mu, logvar, eps);
        let mut h = with_label(&mut g, "decoder.input", z, self.decoder);
        for (index, &width) in self.hidden.iter().rev().enumerate() {
            let y = layer(&mut g, &format!("decoder.{index}"), h, width);
            h = g.activation("relu", Activation::Relu, y);
        }
        let logits = layer(&mut g, "decoder.output", h, self.dim);
        let nll = Score::BernoulliNll.expr();
        let recon = g.row_sum("recon", [batch, self.dim], nll, &[logits.into(), x.into()]);
        let kl = g.kl("kl", mu, logvar);
        g.add_ramped_term("recon", recon, 1.0, self.other_ramp);
        g.add_ramped_term("kl", kl, self.beta, self.ramp);
        g.minimize(Adam {
            lr: 3e-3,
            ..Adam::default()
        });
        g
    }

    /// The log of a pass over all images, and the parameters after it.
    fn train(&self, executor: &mut dyn Executor) -> (Vec<f32>, Snapshot) {
        let digits = digits::generate(1, 0, IMAGES);
        let images = &digits.images;
        let mut rows = Rows::new(&images.pixels, images.dim());
        if self.encoder || self.decoder {
            rows = rows.with_labels(digits.labels.clone().unwrap());
        }
        let specs = executor.specs().to_vec();
        executor.restore(&Snapshot::initial(&specs, 1)).unwrap();
        let graph = |batch| self.graph(batch, &mut Vec::new());
        let mut pass = executor.pass(rows, BATCH, &graph).unwrap();
        let order = rng::permutation(1, 0, IMAGES);
        let start = Start {
            step: 0,
            position: 0,
            order: &order,
        };
        pass.begin(start).unwrap();
        while pass.advance(10).unwrap() > 0 {}
        let losses = pass.losses().unwrap();
        drop(pass);
        (losses, executor.snapshot().unwrap())
    }

    /// Four steps are fewer than the ten after which the bound of the comparison with PyTorch holds.
    fn compare(&self, open: &Open) {
        let mut specs = Vec::new();
        self.graph(1, &mut specs);
        let (losses, snapshot) = self.train(&mut *open(specs.clone(), 1));
        let mut reference = ReferenceExecutor::new(specs.clone(), 1);
        let (expected, expected_snapshot) = self.train(&mut reference);
        let steps = IMAGES.div_ceil(BATCH);
        assert_eq!(losses.len(), steps * 3);
        close("losses", &losses, &expected);
        let parameters = snapshot.parameters.iter();
        let pairs = parameters.zip(&expected_snapshot.parameters);
        for (spec, (found, expected)) in specs.iter().zip(pairs) {
            close(&spec.name, found, expected);
        }
    }
}

/// ‖found − expected‖ ≤ [`BACKWARD`]·‖expected‖.
pub(crate) fn close(what: &str, found: &[f32], expected: &[f32]) {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let pairs = found.iter().zip(expected);
    let off = norm(&mut pairs.map(|(&a, &b)| f64::from(a) - f64::from(b)));
    let size = norm(&mut expected.iter().map(|&v| f64::from(v)));
    assert!(off <= BACKWARD * size, "{what}: {off:e} of {size:e}");
}

fn a_ramped_divergence_trains_alike(open: &Open) {
    for [steps, period] in [[3, 0], [2, 3]] {
        let ramp = Ramp { steps, period };
        let model = Model {
            beta: 4.0,
            ramp,
            ..Model::new(784)
        };
        model.compare(open);
    }
}

fn a_conditional_encoder_trains_alike(open: &Open) {
    let model = Model {
        encoder: true,
        ..Model::new(784)
    };
    model.compare(open);
}

fn a_conditional_decoder_trains_alike(open: &Open) {
    let model = Model {
        decoder: true,
        ..Model::new(784)
    };
    model.compare(open);
}

fn a_conditional_vae_trains_alike(open: &Open) {
    let ramp = Ramp {
        steps: 3,
        period: 0,
    };
    let both = Model {
        encoder: true,
        decoder: true,
        ramp,
        ..Model::new(784)
    };
    both.compare(open);
    // A latent of whole vectors.
    Model { latent: 8, ..both }.compare(open);
}

/// Then both heads read the images with their labels, and the output the latent with them.
fn a_conditional_vae_without_hidden_layers_trains_alike(open: &Open) {
    let model = Model {
        encoder: true,
        decoder: true,
        hidden: vec![],
        ..Model::new(784)
    };
    model.compare(open);
}

/// Each of these graphs runs by the plan `general` alone.
fn programs_say_why_they_refuse(gpu: &Gpu) {
    let gpu = reopened(gpu, Options::default());
    let images = digits::generate(1, 0, BATCH).images;
    let refused = |model: &Model, change: &dyn Fn(&mut Graph), reason: &str| {
        let mut specs = Vec::new();
        model.graph(1, &mut specs);
        let executor = GpuExecutor::new(gpu.clone(), specs, 1).unwrap();
        let mut executor = executor.with_plan(PlanChoice::TwoLaunch);
        let graph = |batch| {
            let mut graph = model.graph(batch, &mut Vec::new());
            change(&mut graph);
            graph
        };
        let rows = Rows::new(&images.pixels, images.dim());
        let Err(error) = executor.pass(rows, BATCH, &graph) else {
            panic!("not refused: {reason}")
        };
        assert!(error.to_string().contains(reason), "{error}");
    };
    let plain = Model::new(784);
    let as_it_is = |_: &mut Graph| {};
    let ramped = Model {
        other_ramp: Ramp {
            steps: 2,
            period: 0,
        },
        ..plain.clone()
    };
    refused(&ramped, &as_it_is, "follows the step");
    let without_divergence = Model {
        beta: 0.0,
        ..plain.clone()
    };
    refused(&without_divergence, &as_it_is, "launch of its own");
    let conditional = Model {
        encoder: true,
        ..plain.clone()
    };
    refused(&conditional, &as_it_is, "the data set has none");
    let twice = |graph: &mut Graph| {
        let kl = graph.find("kl").unwrap();
        graph.add_term("again", kl, 0.0);
    };
    refused(&plain, &twice, "no stage computes the term again");
    let of_columns = |graph: &mut Graph| {
        let mu = graph.find("encoder.mu").unwrap();
        let sums = graph.column_sum("sums", mu);
        graph.add_term("sums", sums, 0.0);
    };
    refused(&plain, &of_columns, "sums has 3 values");
}
