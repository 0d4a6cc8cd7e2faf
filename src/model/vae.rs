//! The variational autoencoder of Kingma and Welling, *Auto-Encoding Variational Bayes* (2013), put
//! together from parts: a network, a posterior, a prior, a likelihood with its scale, labels, an objective.

use super::condition::Condition;
use super::error::VaeError;
use super::initial::{InitialWeights, OutputBias};
use super::likelihood::{Likelihood, Location, Scale};
use super::network::{Layer, Mlp, Mode, Network};
use super::objective::{self, Objective};
use super::posterior::{Drawn, Flow, Heads, Posterior};
use super::prior::Prior;
use crate::executor::{Initial, ParameterSpec};
use crate::expr::{Expr, constant, operand};
use crate::graph::{Activation, Graph, Operand, Ramp, TensorId};
use crate::rng::Stream;

/// The architecture and what is minimised.
#[derive(Clone, Debug, PartialEq)]
pub struct VaeConfig {
    /// Values of an image, D.
    pub input_dim: usize,
    /// Units of the encoder's hidden layers, in order; the decoder mirrors them.
    pub hidden: Vec<usize>,
    /// Dimensions of the latent, Z.
    pub latent_dim: usize,
    /// Between the layers: ReLU, or tanh as in the paper.
    pub activation: Activation,
    /// What hidden layers have besides.
    pub network: Network,
    /// q(z | x).
    pub posterior: Posterior,
    /// Sizes of the posterior where it is a flow.
    pub flow: Flow,
    /// p(z).
    pub prior: Prior,
    /// p(x | z).
    pub likelihood: Likelihood,
    /// The likelihood's scale.
    pub scale: Scale,
    /// Where labels enter.
    pub condition: Condition,
    /// Classes that a label is one of; 0 where there are none.
    pub classes: usize,
    /// What is minimised.
    pub objective: Objective,
    /// What weights and biases are before the first step.
    pub initial_weights: InitialWeights,
    /// What the bias of the decoder's output layer is before the first step.
    pub output_bias: OutputBias,
    /// Whether a graph that gathers images draws each pixel anew, 1 with its value as the probability.
    pub draws_pixels: bool,
}

impl Default for VaeConfig {
    /// 784-400-20 with ReLU and Bernoullis, and the ELBO with one sample.
    fn default() -> Self {
        Self {
            input_dim: 784,
            hidden: vec![400],
            latent_dim: 20,
            activation: Activation::Relu,
            network: Network::default(),
            posterior: Posterior::Gaussian,
            flow: Flow::default(),
            prior: Prior::Standard,
            likelihood: Likelihood::Bernoulli,
            scale: Scale::Unit,
            condition: Condition::None,
            classes: 0,
            objective: Objective::default(),
            initial_weights: InitialWeights::Pytorch,
            output_bias: OutputBias::Layer,
            draws_pixels: false,
        }
    }
}

/// What a pass is computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inputs {
    /// Images, `[B, D]`.
    pub x: TensorId,
    /// Their labels as rows of zeros with a 1, `[B, classes]`, where the model reads them.
    pub label: Option<TensorId>,
}

impl From<TensorId> for Inputs {
    fn from(x: TensorId) -> Self {
        Self { x, label: None }
    }
}

impl Inputs {
    /// The labels, each row so many times, where the decoder reads them.
    pub(super) fn repeated_label(self, g: &mut Graph, vae: &Vae, times: usize) -> Option<TensorId> {
        let label = self.label.filter(|_| vae.config.condition.decoder())?;
        if times == 1 {
            return Some(label);
        }
        let shape = g.shape(label);
        let shape = [times * shape.rows(), shape.columns()];
        let rows = [Operand::from(label).repeated(times)];
        Some(g.pointwise("label.repeated", shape, operand(0), &rows))
    }
}

/// Where ε comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noise {
    /// Drawn on the executor, from a stream.
    Stream(Stream),
    /// An input of the graph, `[batch · samples, latent_dim]`, for tests against other programs; the
    /// samples of an image follow one another.
    Given(TensorId),
}

/// What the decoder says of x.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outputs {
    /// The last layer's `[B, D]`: logits, means, or what the sigmoid makes means of.
    pub output: TensorId,
    /// The logarithm of the scale, before its bounds; `None` where the scale is 1.
    pub log_scale: Option<Operand>,
}

/// The tensors of a pass from x to the loss.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// μ, `[B, Z]`.
    pub mu: TensorId,
    /// log σ², `[B, Z]`.
    pub logvar: TensorId,
    /// z, `[B · samples, Z]`.
    pub z: TensorId,
    /// The decoder's outputs, `[B · samples, D]`.
    pub outputs: Outputs,
}

/// A variational autoencoder: writes encoder, decoder and loss into graphs.
///
/// ```
/// use vae_wgpu::model::{Vae, VaeConfig};
///
/// let vae = Vae::new(VaeConfig {
///     input_dim: 784,
///     hidden: vec![32],
///     latent_dim: 16,
///     ..VaeConfig::default()
/// })?;
/// let names: Vec<_> = vae.parameters().into_iter().map(|p| p.name).collect();
/// assert_eq!(names[0], "encoder.hidden.0.weight");
/// assert_eq!(names.len(), 10);
/// # Ok::<(), vae_wgpu::model::VaeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Vae {
    config: VaeConfig,
    mode: Mode,
}

impl Vae {
    /// The most units of a layer: beyond it no product fits any adapter's buffers.
    pub const MAX_UNITS: usize = 1 << 20;

    /// The bias of the decoder's output layer.
    pub(super) const OUTPUT_BIAS: &str = "decoder.output.bias";

    /// A model of this architecture, in [`Mode::Evaluation`].
    ///
    /// # Errors
    /// Where a size is zero or absurd, or parts have no meaning together.
    pub fn new(config: VaeConfig) -> Result<Self, VaeError> {
        config.check()?;
        let mode = Mode::Evaluation;
        Ok(Self { config, mode })
    }

    /// The architecture.
    pub fn config(&self) -> &VaeConfig {
        &self.config
    }

    /// The same model; the divergence's weight follows the step so while training.
    #[must_use]
    pub fn with_kl_ramp(mut self, ramp: Ramp) -> Self {
        if let Objective::Elbo(elbo) = &mut self.config.objective {
            elbo.ramp = ramp;
        }
        self
    }

    /// The same model; its encoder and decoder are those of this mode. [`Vae::training_graph`] and
    /// [`Vae::evaluation_graph`] choose their own, and what encodes, decodes and draws is for an evaluation.
    #[must_use]
    pub fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// What its encoder and decoder are for.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether its graphs read labels.
    pub fn reads_labels(&self) -> bool {
        self.config.condition != Condition::None
    }

    /// Every parameter, in the order of the layers; initial values depend on it. States, which are none, come
    /// last.
    pub fn parameters(&self) -> Vec<ParameterSpec> {
        let weights = self.config.initial_weights;
        let of_layer = |layer: Layer| layer.parameters(weights);
        let mut specs = self.encoder().parameters(self);
        specs.extend((self.config.posterior.family().parameters)(self));
        specs.extend(self.decoder().parameters(self));
        let [weight, mut bias] = self.output().parameters(weights);
        if self.config.output_bias != OutputBias::Layer {
            bias.initial = Initial::Constant(0.0);
        }
        specs.extend([weight, bias]);
        specs.extend(self.scale_head().into_iter().flat_map(of_layer));
        specs.extend(self.scale_parameter());
        specs.extend((self.config.prior.family().parameters)(self));
        specs.sort_by_key(ParameterSpec::is_state);
        specs
    }

    /// q(z | x) of images `[B, D]`.
    pub fn encode(&self, g: &mut Graph, inputs: Inputs) -> Heads {
        let label = inputs.label.filter(|_| self.config.condition.encoder());
        let input = beside(g, "encoder.input", inputs.x, label);
        let h = self.encoder().apply(self, g, input);
        (self.config.posterior.family().encode)(self, g, h)
    }

    /// p(x | z): `z [B, Z] → [B, D]`, with the labels `[B, classes]` where the decoder reads them.
    pub fn decode(&self, g: &mut Graph, z: TensorId, label: Option<TensorId>) -> Outputs {
        let label = label.filter(|_| self.config.condition.decoder());
        let input = beside(g, "decoder.input", z, label);
        let h = self.decoder().apply(self, g, input);
        let output = self.output().apply(g, h);
        let head = self.scale_head().map(|head| head.apply(g, h).into());
        let log_scale = head.or_else(|| {
            let spec = self.scale_parameter()?;
            let parameter = g.parameter(&spec.name, spec.shape);
            Some(match self.config.scale {
                Scale::Shared => Operand::scalar(parameter),
                _ => Operand::column(parameter),
            })
        });
        Outputs { output, log_scale }
    }

    /// E[x | z] from the decoder's outputs: what is drawn as a picture.
    pub fn mean(&self, g: &mut Graph, outputs: &Outputs) -> TensorId {
        let (output, location) = self.location(g, outputs);
        let mean = (self.config.likelihood.density().mean)(location);
        if mean == operand(0) {
            return output;
        }
        if mean == operand(0).sigmoid() {
            return g.activation("mean", Activation::Sigmoid, output);
        }
        g.pointwise("mean", self.pixels(g, outputs), mean, &[output.into()])
    }

    /// −log p(x | z) per row, in nats (for [`Likelihood::SquaredError`], the squared error).
    pub fn reconstruction(&self, g: &mut Graph, outputs: &Outputs, x: Operand) -> TensorId {
        let density = self.config.likelihood.density();
        let (output, location) = self.location(g, outputs);
        let log_scale = match density.scale.filter(|_| outputs.log_scale.is_some()) {
            Some(scale) => operand(2).clamp(-scale.bound, scale.bound),
            None => constant(0.0),
        };
        let nll = (density.nll)(location, log_scale, operand(1));
        let operands = [output.into(), x].into_iter().chain(outputs.log_scale);
        let operands: Vec<_> = operands.collect();
        g.row_sum("recon", self.pixels(g, outputs), nll, &operands)
    }

    /// The objective's terms of a pass. Returns what the pass computed on its way.
    pub fn objective(&self, g: &mut Graph, inputs: impl Into<Inputs>, noise: Noise) -> Pass {
        let inputs = inputs.into();
        match self.config.objective {
            Objective::Elbo(elbo) => elbo.add_terms(self, g, inputs, noise),
            Objective::Iwae { samples } => objective::iwae(self, g, inputs, noise, samples, false),
            Objective::Dreg { samples } => objective::iwae(self, g, inputs, noise, samples, true),
        }
    }

    /// A draw of z `[B · samples, Z]` for each sample of each image.
    pub(super) fn draw(&self, g: &mut Graph, heads: &Heads, noise: Noise, samples: usize) -> Drawn {
        let shape = g.shape(heads.mu);
        let eps = match noise {
            Noise::Stream(stream) => {
                g.normal("eps", stream, [samples * shape.rows(), shape.columns()])
            }
            Noise::Given(eps) => eps,
        };
        (self.config.posterior.family().draw)(self, g, heads, eps, samples)
    }

    /// The tensor that locations are made of, and the expression that makes them of it (operand 0).
    fn location(&self, g: &mut Graph, outputs: &Outputs) -> (TensorId, Expr) {
        let scaled = outputs.log_scale.is_some();
        match self.config.likelihood.density().location {
            Location::SigmoidIfScaled if scaled => (outputs.output, operand(0).sigmoid()),
            Location::Output | Location::SigmoidIfScaled => (outputs.output, operand(0)),
            Location::Sigmoid => {
                let location = g.activation("location", Activation::Sigmoid, outputs.output);
                (location, operand(0))
            }
        }
    }

    /// Rows and columns of the decoder's outputs.
    fn pixels(&self, g: &Graph, outputs: &Outputs) -> [usize; 2] {
        [g.shape(outputs.output).rows(), self.config.input_dim]
    }

    fn encoder(&self) -> Mlp {
        let label = self.label_columns(self.config.condition.encoder());
        let inputs = self.config.input_dim + label;
        Mlp::new("encoder", inputs, &self.config.hidden)
    }

    fn decoder(&self) -> Mlp {
        let label = self.label_columns(self.config.condition.decoder());
        let mirrored: Vec<_> = self.config.hidden.iter().rev().copied().collect();
        Mlp::new("decoder", self.config.latent_dim + label, &mirrored)
    }

    fn output(&self) -> Layer {
        Layer::new("decoder.output", self.output_shape())
    }

    fn output_shape(&self) -> [usize; 2] {
        let inputs = self.config.hidden.first().copied().unwrap_or_default();
        [self.config.input_dim, inputs]
    }

    /// The layer whose outputs are the logarithms of scales, if it is one.
    fn scale_head(&self) -> Option<Layer> {
        let scale = self.config.likelihood.density().scale?;
        let name = format!("decoder.{}", scale.parameter);
        let per_pixel = self.config.scale == Scale::PerPixel;
        per_pixel.then(|| Layer::new(name, self.output_shape()))
    }

    /// The parameter that is the logarithm of the scale, if it is one.
    fn scale_parameter(&self) -> Option<ParameterSpec> {
        let scale = self.config.likelihood.density().scale?;
        let len = match self.config.scale {
            Scale::Unit | Scale::PerPixel => return None,
            Scale::Shared => 1,
            Scale::PerDimension => self.config.input_dim,
        };
        Some(ParameterSpec {
            name: format!("decoder.{}", scale.parameter),
            shape: [len].into(),
            initial: Initial::Constant(0.0),
        })
    }

    fn label_columns(&self, read: bool) -> usize {
        if read { self.config.classes } else { 0 }
    }
}

/// Labels behind what is there, where there are any.
fn beside(g: &mut Graph, name: &str, of: TensorId, label: Option<TensorId>) -> TensorId {
    match label {
        Some(label) => g.concat(name, of, label),
        None => of,
    }
}
