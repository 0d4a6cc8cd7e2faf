//! Against PyTorch: forward values, gradients, losses and parameters of ten Adam steps.

use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use vae_wgpu::data::idx;
use vae_wgpu::executor::Snapshot;
use vae_wgpu::graph::{Activation, Adam, Graph};
use vae_wgpu::kernels::KernelActivation;
use vae_wgpu::model::{Likelihood, Noise, Vae, VaeConfig};

use crate::support::harness::{Open, Test, tests};

/// ‖a − b‖ / ‖b‖ of forward values and losses: f32 rounds to 6e-8, and the longest sums here have
/// 784 terms, whose rounding errors add like a random walk, √784 · 6e-8 = 2e-6 at the most.
pub(crate) const FORWARD: f64 = 1e-5;
/// Gradients and updated parameters pass through three to five such sums.
pub(crate) const BACKWARD: f64 = 1e-4;

const STEPS: usize = 10;

pub(crate) fn tests() -> Vec<Test> {
    let mut list = tests!(executors: small_vaes_match_pytorch);
    let name = "truth::the_mnist_reference_matches_pytorch";
    list.push(match mnist_files() {
        Some(_) => Test::executors(name, the_mnist_reference_matches_pytorch),
        None => Test::ignored(name, "VAE_MNIST_REFERENCE and VAE_MNIST_DIR name no files"),
    });
    list
}

/// One recorded training.
struct Case<'a> {
    file: SafeTensors<'a>,
    prefix: &'a str,
    config: VaeConfig,
    batch: usize,
    adam: Adam,
    /// `[STEPS, batch, input_dim]`
    images: Vec<u8>,
}

impl Case<'_> {
    fn bytes(&self, name: &str) -> Vec<u8> {
        self.file
            .tensor(&format!("{}{name}", self.prefix))
            .unwrap()
            .data()
            .to_vec()
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        bytemuck::pod_collect_to_vec(&self.bytes(name))
    }

    fn check(&self, open: &Open) {
        let vae = Vae::new(self.config.clone()).unwrap();
        let specs = vae.parameters();
        let mut executor = open(specs.clone(), 0);
        let zeros: Vec<_> = specs
            .iter()
            .map(|spec| vec![0.0; spec.shape.len()])
            .collect();
        let initial = specs
            .iter()
            .map(|spec| self.floats(&format!("init.{}", spec.name)));
        executor
            .restore(&Snapshot {
                parameters: initial.collect(),
                m: zeros.clone(),
                v: zeros,
            })
            .unwrap();

        let (dim, latent) = (self.config.input_dim, self.config.latent_dim);
        let mut g = Graph::new();
        let x = g.input("x", [self.batch, dim]);
        let eps = g.input("eps", [self.batch, latent]);
        let elbo = vae.objective(&mut g, x, Noise::Given(eps));
        g.minimize(self.adam);
        let mut expected = Vec::new();
        let outputs = if self.prefix.is_empty() {
            "logits"
        } else {
            "outputs"
        };
        let forward = [
            ("mu", elbo.mu),
            ("logvar", elbo.logvar),
            ("z", elbo.z),
            (outputs, elbo.outputs.output),
        ];
        for (name, tensor) in forward {
            g.output(tensor);
            expected.push((format!("step0.{name}"), FORWARD));
        }
        assert_eq!(g.gradients().len(), specs.len());
        for (parameter, gradient) in g.gradients().to_vec() {
            g.output(gradient);
            expected.push((format!("step0.grad.{}", g.tensor(parameter).name), BACKWARD));
        }

        let noise = self.floats("eps");
        let losses: Vec<f64> = bytemuck::pod_collect_to_vec(&self.bytes("losses"));
        let mut session = executor.session(g).unwrap();
        for step in 0..STEPS {
            let images = &self.images[step * self.batch * dim..][..self.batch * dim];
            let images: Vec<f32> = images.iter().map(|&byte| f32::from(byte) / 255.0).collect();
            let noise = &noise[step * self.batch * latent..][..self.batch * latent];
            let result = session
                .run(step as u32, &[(x, &images), (eps, noise)])
                .unwrap();
            if step == 0 {
                for ((name, tolerance), actual) in expected.iter().zip(&result.tensors) {
                    close(name, actual, &self.floats(name), *tolerance);
                }
            }
            for (actual, expected) in result.losses.iter().zip(&losses[3 * step..]) {
                let error = (f64::from(*actual) / expected - 1.0).abs();
                assert!(
                    error <= FORWARD,
                    "step {step}: {actual}, not {expected}: off by {error:e}"
                );
            }
        }
        let updated = executor.snapshot().unwrap().parameters;
        for (spec, actual) in specs.iter().zip(&updated) {
            let name = format!("final.{}", spec.name);
            close(&name, actual, &self.floats(&name), BACKWARD);
        }
    }
}

pub(crate) fn close(name: &str, actual: &[f32], expected: &[f32], tolerance: f64) {
    assert_eq!(actual.len(), expected.len(), "{name}: lengths");
    let square = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
    let pairs = actual.iter().zip(expected);
    let difference = square(&mut pairs.map(|(&a, &b)| f64::from(a) - f64::from(b)));
    let size = square(&mut expected.iter().map(|&b| f64::from(b)));
    // What is to be zero is zero.
    let error = (difference / size.max(f64::MIN_POSITIVE)).sqrt();
    assert!(
        error <= tolerance,
        "{name}: relative error {error:e}, {tolerance:e} allowed"
    );
}

/// `tests/data/make_vae_small.py` says what these are.
pub(crate) fn small_vaes_match_pytorch(open: &Open) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/vae_small.safetensors");
    let bytes = std::fs::read(path).unwrap();
    let cases = [
        (
            "relu-bernoulli/",
            vec![23],
            5,
            Activation::Relu,
            Likelihood::Bernoulli,
        ),
        (
            "tanh-gaussian/",
            vec![19, 11],
            3,
            Activation::Tanh,
            Likelihood::Gaussian,
        ),
        (
            "sigmoid-squared/",
            vec![17],
            7,
            Activation::Sigmoid,
            Likelihood::SquaredError,
        ),
    ];
    let covers = |function: &Activation| cases.iter().any(|case| case.3 == *function);
    assert!(
        KernelActivation::ALL
            .map(KernelActivation::activation)
            .iter()
            .all(covers),
        "an activation of the kernels without a case"
    );
    for (prefix, hidden, latent_dim, activation, likelihood) in cases {
        let config = VaeConfig {
            input_dim: 37,
            hidden,
            latent_dim,
            activation,
            likelihood,
            ..VaeConfig::default()
        };
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let adam = Adam {
            lr: 1e-2,
            ..Adam::default()
        };
        let mut case = Case {
            file,
            prefix,
            config,
            batch: 13,
            adam,
            images: Vec::new(),
        };
        case.images = case.bytes("images");
        case.check(open);
    }
}

/// The recorded values and the training images of MNIST, where the environment names both.
fn mnist_files() -> Option<(PathBuf, PathBuf)> {
    let reference = PathBuf::from(std::env::var_os("VAE_MNIST_REFERENCE")?);
    let images =
        PathBuf::from(std::env::var_os("VAE_MNIST_DIR")?).join("train-images-idx3-ubyte.gz");
    (reference.exists() && images.exists()).then_some((reference, images))
}

/// The first 1,280 images of MNIST, 784-32-16, batch 128.
fn the_mnist_reference_matches_pytorch(open: &Open) {
    let (reference, images) = mnist_files().unwrap();
    let bytes = std::fs::read(reference).unwrap();
    let config = VaeConfig {
        input_dim: 784,
        hidden: vec![32],
        latent_dim: 16,
        activation: Activation::Relu,
        likelihood: Likelihood::Bernoulli,
        ..VaeConfig::default()
    };
    let case = Case {
        file: SafeTensors::deserialize(&bytes).unwrap(),
        prefix: "",
        config,
        batch: 128,
        adam: Adam::default(),
        images: idx::read_images(&images)
            .unwrap()
            .pixels
            .as_bytes()
            .unwrap()
            .to_vec(),
    };
    case.check(open);
}
