//! The variational autoencoder of Kingma and Welling, *Auto-Encoding Variational Bayes* (2013).

use super::likelihood::{Likelihood, Location};
use crate::executor::ParameterSpec;
use crate::expr::{constant, operand};
use crate::graph::{Activation, Graph, Optimizer, TensorId};
use crate::rng::Stream;
use crate::setting::{Remedy, Setting};

/// The architecture: layer sizes, non-linearity, likelihood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaeConfig {
    /// Values of an image, D.
    pub input_dim: usize,
    /// Units of the encoder's hidden layers, in order; the decoder mirrors them.
    pub hidden: Vec<usize>,
    /// Dimensions of the latent, Z.
    pub latent_dim: usize,
    /// Between the layers: ReLU, or tanh as in the paper.
    pub activation: Activation,
    /// p(x | z).
    pub likelihood: Likelihood,
}

/// A size that no model can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaeError {
    /// A layer without units, or with more than any adapter holds.
    #[error(
        "{what} of {size} {unit} cannot be: choose from 1 to {}",
        Vae::MAX_UNITS
    )]
    Size {
        /// Which size.
        what: &'static str,
        /// What it counts.
        unit: &'static str,
        /// What was asked for.
        size: usize,
        /// The setting that says it, where one does.
        setting: Option<Setting>,
    },
    /// No hidden layer.
    #[error("a VAE needs at least one hidden layer, such as one of 400 units")]
    NoHidden,
}

impl VaeError {
    /// Settings that would put it right.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::Size { setting, .. } => setting.map(Remedy::change).into_iter().collect(),
            Self::NoHidden => vec![Remedy::set(Setting::Hidden, 400)],
        }
    }
}

/// Where ε comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noise {
    /// Drawn on the executor, from a stream.
    Stream(Stream),
    /// An input of the graph, `[batch, latent_dim]`, for tests against other programs.
    Given(TensorId),
}

/// A variational autoencoder: writes encoder, decoder and loss into graphs.
///
/// ```
/// use vae_wgpu::graph::Activation;
/// use vae_wgpu::model::{Likelihood, Vae, VaeConfig};
///
/// let vae = Vae::new(VaeConfig {
///     input_dim: 784,
///     hidden: vec![32],
///     latent_dim: 16,
///     activation: Activation::Relu,
///     likelihood: Likelihood::Bernoulli,
/// })?;
/// let names: Vec<_> = vae.parameters().into_iter().map(|p| p.name).collect();
/// assert_eq!(names[0], "encoder.hidden.0.weight");
/// assert_eq!(names.len(), 10);
/// # Ok::<(), vae_wgpu::model::VaeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vae {
    config: VaeConfig,
}

impl Vae {
    /// The most units of a layer: beyond it no product fits any adapter's buffers.
    pub const MAX_UNITS: usize = 1 << 20;

    /// A model of this architecture.
    ///
    /// # Errors
    /// Where a size is zero or absurd.
    pub fn new(config: VaeConfig) -> Result<Self, VaeError> {
        if config.hidden.is_empty() {
            return Err(VaeError::NoHidden);
        }
        let hidden = config.hidden.iter();
        let hidden = hidden.map(|&size| ("a hidden layer", "units", size, Some(Setting::Hidden)));
        let latent = Some(Setting::Latent);
        let others = [
            ("an image", "pixels", config.input_dim, None),
            ("a latent", "dimensions", config.latent_dim, latent),
        ];
        for (what, unit, size, setting) in hidden.chain(others) {
            if !(1..=Self::MAX_UNITS).contains(&size) {
                return Err(VaeError::Size {
                    what,
                    unit,
                    size,
                    setting,
                });
            }
        }
        Ok(Self { config })
    }

    /// The architecture.
    pub fn config(&self) -> &VaeConfig {
        &self.config
    }

    /// Every parameter, in the order of the layers; initial values depend on it.
    pub fn parameters(&self) -> Vec<ParameterSpec> {
        let mut specs = Vec::new();
        for (name, [fan_out, fan_in]) in self.layers() {
            let spec = |suffix, shape| ParameterSpec {
                name: format!("{name}.{suffix}"),
                shape,
                fan_in,
            };
            specs.push(spec("weight", [fan_out, fan_in].into()));
            specs.push(spec("bias", [fan_out].into()));
        }
        specs
    }

    /// q(z | x): `x [B, D] → (mu [B, Z], logvar [B, Z])`.
    pub fn encode(&self, g: &mut Graph, x: TensorId) -> (TensorId, TensorId) {
        let mut h = x;
        for index in 0..self.config.hidden.len() {
            h = self.hidden(g, &format!("encoder.hidden.{index}"), h);
        }
        (
            self.linear(g, "encoder.mu", h),
            self.linear(g, "encoder.logvar", h),
        )
    }

    /// The decoder up to its last layer: `z [B, Z] → [B, D]`, logits or, for a Gaussian, means.
    pub fn decode(&self, g: &mut Graph, z: TensorId) -> TensorId {
        let mut h = z;
        for index in 0..self.config.hidden.len() {
            h = self.hidden(g, &format!("decoder.hidden.{index}"), h);
        }
        self.linear(g, "decoder.output", h)
    }

    /// E[x | z] from the decoder's outputs: what is drawn as a picture.
    pub fn mean(&self, g: &mut Graph, outputs: TensorId) -> TensorId {
        let density = self.config.likelihood.density();
        let location = self.location(g, outputs);
        let mean = (density.mean)(operand(0));
        if mean == operand(0) {
            return location;
        }
        if mean == operand(0).sigmoid() {
            return g.activation("mean", Activation::Sigmoid, location);
        }
        g.pointwise("mean", self.pixels(g, outputs), mean, &[location.into()])
    }

    /// −log p(x | z) per row, in nats (for [`Likelihood::SquaredError`], the squared error).
    pub fn reconstruction(&self, g: &mut Graph, outputs: TensorId, x: TensorId) -> TensorId {
        let density = self.config.likelihood.density();
        let location = self.location(g, outputs);
        let nll = (density.nll)(operand(0), constant(0.0), operand(1));
        let operands = [location.into(), x.into()];
        g.row_sum("recon", self.pixels(g, outputs), nll, &operands)
    }

    /// The pixels' locations from the decoder's outputs.
    fn location(&self, g: &mut Graph, outputs: TensorId) -> TensorId {
        match self.config.likelihood.density().location {
            Location::Output | Location::SigmoidIfScaled => outputs,
            Location::Sigmoid => g.activation("location", Activation::Sigmoid, outputs),
        }
    }

    /// Rows and columns of the decoder's outputs.
    fn pixels(&self, g: &Graph, outputs: TensorId) -> [usize; 2] {
        [g.shape(outputs).rows(), self.config.input_dim]
    }

    /// The negative evidence lower bound with one sample of z, as terms `recon` and `kl`.
    ///
    /// Returns what the pass computed on its way.
    pub fn negative_elbo(&self, g: &mut Graph, x: TensorId, noise: Noise) -> Elbo {
        let (mu, logvar) = self.encode(g, x);
        let eps = match noise {
            Noise::Stream(stream) => g.normal("eps", stream, g.shape(mu)),
            Noise::Given(eps) => eps,
        };
        let z = g.reparameterize("z", mu, logvar, eps);
        let outputs = self.decode(g, z);
        let recon = self.reconstruction(g, outputs, x);
        let kl = g.kl("kl", mu, logvar);
        g.add_term("recon", recon, 1.0);
        g.add_term("kl", kl, 1.0);
        Elbo {
            mu,
            logvar,
            z,
            outputs,
        }
    }

    /// A training step over the data set, `batch` images at a time.
    pub fn training_graph(&self, batch: usize, optimizer: impl Into<Optimizer>) -> Graph {
        let mut g = self.elbo_graph(batch, Stream::Noise);
        g.minimize(optimizer);
        g
    }

    /// The same loss without an update, with noise of its own that is the same each time.
    pub fn evaluation_graph(&self, batch: usize) -> Graph {
        self.elbo_graph(batch, Stream::Evaluation)
    }

    /// `x [B, D] → mu, logvar [B, Z]`; returns the graph and its input.
    pub fn encoder_graph(&self, batch: usize) -> (Graph, TensorId) {
        let mut g = Graph::new();
        let x = g.input("x", [batch, self.config.input_dim]);
        let (mu, logvar) = self.encode(&mut g, x);
        g.output(mu);
        g.output(logvar);
        (g, x)
    }

    /// `z [B, Z] → E[x | z] [B, D]`; returns the graph and its input.
    pub fn decoder_graph(&self, batch: usize) -> (Graph, TensorId) {
        let mut g = Graph::new();
        let z = g.input("z", [batch, self.config.latent_dim]);
        let outputs = self.decode(&mut g, z);
        let mean = self.mean(&mut g, outputs);
        g.output(mean);
        (g, z)
    }

    /// z ~ N(0, 1) `[B, Z]`, then E[x | z] `[B, D]`: both are outputs.
    pub fn prior_graph(&self, batch: usize) -> Graph {
        let mut g = Graph::new();
        let z = g.normal("z", Stream::Sampling, [batch, self.config.latent_dim]);
        let outputs = self.decode(&mut g, z);
        let mean = self.mean(&mut g, outputs);
        g.output(z);
        g.output(mean);
        g
    }

    fn elbo_graph(&self, batch: usize, stream: Stream) -> Graph {
        let mut g = Graph::new();
        let x = g.gather("x", batch, self.config.input_dim);
        self.negative_elbo(&mut g, x, Noise::Stream(stream));
        g
    }

    /// Name and `[out, in]` of every layer.
    fn layers(&self) -> Vec<(String, [usize; 2])> {
        let VaeConfig {
            input_dim,
            hidden,
            latent_dim,
            ..
        } = &self.config;
        let mut layers = Vec::new();
        let mut fan_in = *input_dim;
        for (index, &units) in hidden.iter().enumerate() {
            layers.push((format!("encoder.hidden.{index}"), [units, fan_in]));
            fan_in = units;
        }
        layers.push(("encoder.mu".to_owned(), [*latent_dim, fan_in]));
        layers.push(("encoder.logvar".to_owned(), [*latent_dim, fan_in]));
        fan_in = *latent_dim;
        for (index, &units) in hidden.iter().rev().enumerate() {
            layers.push((format!("decoder.hidden.{index}"), [units, fan_in]));
            fan_in = units;
        }
        layers.push(("decoder.output".to_owned(), [*input_dim, fan_in]));
        layers
    }

    fn hidden(&self, g: &mut Graph, name: &str, x: TensorId) -> TensorId {
        let linear = self.linear(g, name, x);
        g.activation(
            &format!("{name}.activation"),
            self.config.activation,
            linear,
        )
    }

    fn linear(&self, g: &mut Graph, name: &str, x: TensorId) -> TensorId {
        let layers = self.layers();
        let Some((_, [fan_out, fan_in])) = layers.iter().find(|(layer, _)| layer == name) else {
            unreachable!("{name} is a layer of this model")
        };
        let weight = g.parameter(&format!("{name}.weight"), [*fan_out, *fan_in]);
        let bias = g.parameter(&format!("{name}.bias"), [*fan_out]);
        g.linear(name, x, weight, bias)
    }
}

/// The tensors of a pass from x to the loss.
#[derive(Clone, Copy, Debug)]
pub struct Elbo {
    /// μ, `[B, Z]`.
    pub mu: TensorId,
    /// log σ², `[B, Z]`.
    pub logvar: TensorId,
    /// z = μ + σ·ε, `[B, Z]`.
    pub z: TensorId,
    /// The decoder's outputs, `[B, D]`: logits or means.
    pub outputs: TensorId,
}
