//! The variational autoencoder of Kingma and Welling, *Auto-Encoding Variational Bayes* (2013), put
//! together from parts: a network, a posterior, a prior, a likelihood with its scale, labels, an objective.

use std::sync::Arc;

use super::classifier::Classifier;
use super::condition::Condition;
use super::encoder_input::EncoderInput;
use super::error::VaeError;
use super::hierarchy::Hierarchy;
use super::initial::{InitialWeights, OutputBias};
use super::likelihood::{LEVELS, Likelihood, LogScale, Outputs, Scale};
use super::network::{Layer, Mlp, Mode, Network};
use super::objective::Objective;
use super::posterior::{Flow, Heads, Posterior};
use super::prior::Prior;
use super::semi_supervised::Labelled;
use super::table;
use crate::data::table::Layout;
use crate::executor::{Initial, ParameterSpec};
use crate::expr::operand;
use crate::graph::{Activation, Graph, Operand, Ramp, TensorId};
use crate::rng::Stream;

/// The architecture and what is minimised.
#[derive(Clone, Debug, PartialEq)]
pub struct VaeConfig {
    /// Values of an image, D.
    pub input_dim: usize,
    /// What the values are, where an image is a row of a table: its likelihood is that of each column
    /// (`table/`), and the fields `likelihood` and `scale` are those of its numbers.
    pub table: Option<Layout>,
    /// Units of the encoder's hidden layers, in order; the decoder mirrors them.
    pub hidden: Vec<usize>,
    /// Dimensions of the latent, Z; of a hierarchy those of z₁.
    pub latent_dim: usize,
    /// The stochastic layers above z₁, where there are any.
    pub hierarchy: Option<Hierarchy>,
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
    /// Components of the prior, where it is a mixture.
    pub components: usize,
    /// p(x | z).
    pub likelihood: Likelihood,
    /// The likelihood's scale.
    pub scale: Scale,
    /// Levels of a pixel, where the likelihood is of levels: K.
    pub levels: usize,
    /// What the encoder sees of x; of a row of a table, of its counts.
    pub encoder_input: EncoderInput,
    /// Where labels enter.
    pub condition: Condition,
    /// Classes that a label is one of; 0 where there are none.
    pub classes: usize,
    /// Whether a training knows the labels of some images alone, and a classifier says those of the others
    /// (`semi_supervised.rs`).
    pub labels_in_part: bool,
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
            table: None,
            hidden: vec![400],
            latent_dim: 20,
            hierarchy: None,
            activation: Activation::Relu,
            network: Network::default(),
            posterior: Posterior::Gaussian,
            flow: Flow::default(),
            prior: Prior::Standard,
            components: 100,
            likelihood: Likelihood::Bernoulli,
            scale: Scale::Unit,
            levels: LEVELS[1],
            encoder_input: EncoderInput::Values,
            condition: Condition::None,
            classes: 0,
            labels_in_part: false,
            objective: Objective::default(),
            initial_weights: InitialWeights::Pytorch,
            output_bias: OutputBias::Layer,
            draws_pixels: false,
        }
    }
}

impl VaeConfig {
    /// Units of the decoder's output layer: one for each value of an image, or for each of its levels; of a row of a
    /// table, for each value of its cells.
    pub fn outputs(&self) -> usize {
        match (&self.table, self.likelihood) {
            (Some(layout), _) => layout.values(),
            (None, Likelihood::Categorical) => self.input_dim.saturating_mul(self.levels),
            (None, _) => self.input_dim,
        }
    }

    /// Values of what a decoder says of an image, D; of a row of a table, those of its cells.
    pub fn mean_dim(&self) -> usize {
        self.table.as_ref().map_or(self.input_dim, Layout::values)
    }

    /// How many independent parts p(x | z) has: a value of an image each, or a cell of a row of a table.
    pub fn cells(&self) -> usize {
        self.table.as_ref().map_or(self.input_dim, Layout::columns)
    }

    /// Values whose likelihood has the scale: of a row of a table, its numbers.
    fn scaled(&self) -> usize {
        self.table
            .as_ref()
            .map_or(self.input_dim, |layout| layout.numbers)
    }

    /// The scale of the likelihood, where it has one and there are values that it is of.
    fn log_scale(&self) -> Option<LogScale> {
        let scale = self.likelihood.density().scale;
        scale.filter(|_| self.scaled() > 0)
    }
}

/// What a pass is computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inputs {
    /// Images, `[B, D]`.
    pub x: TensorId,
    /// Their labels as rows of zeros with a 1, `[B, classes]`, where the model reads them; or n of an image,
    /// one behind the other, which its encoder reads: `[B · n, classes]`.
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
        Some(repeated(g, label, times))
    }

    /// The same, where the encoder reads them.
    pub(super) fn repeated_for_encoder(
        self,
        g: &mut Graph,
        vae: &Vae,
        times: usize,
    ) -> Option<TensorId> {
        let label = self.label.filter(|_| vae.config.condition.encoder())?;
        Some(repeated(g, label, times))
    }
}

/// Where ε comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noise {
    /// Drawn on the executor, from a stream.
    Stream(Stream),
    /// An input of the graph, `[batch · samples, latent_dim]`, for tests against other programs; the
    /// samples of an image follow one another. Of a hierarchy the columns of its layers lie side by side,
    /// those of z₁ first. An objective that draws from the prior, too, then reads these draws as another input
    /// of that shape, `prior.z`.
    Given(TensorId),
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
    library: f64,
    /// What a training with labels in part draws from.
    pub(super) labelled: Option<Arc<Labelled>>,
    mode: Mode,
    /// What the deviations of draws from the prior are multiplied with.
    temperature: f32,
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
        Ok(Self::of_checked(config))
    }

    /// A model of an architecture that is part of a checked one.
    pub(super) fn of_checked(config: VaeConfig) -> Self {
        Self {
            config,
            library: 1.0,
            labelled: None,
            mode: Mode::Evaluation,
            temperature: 1.0,
        }
    }

    /// The architecture.
    pub fn config(&self) -> &VaeConfig {
        &self.config
    }

    /// The same model; the divergence's weight, or its capacity, follows the step so while training.
    #[must_use]
    pub fn with_kl_ramp(mut self, ramp: Ramp) -> Self {
        self.config.objective.set_ramp(ramp);
        self
    }

    /// The same model, for a training on so many images.
    #[must_use]
    pub fn with_training_images(mut self, count: usize) -> Self {
        self.config.objective.set_images(count);
        self
    }

    /// The same model; a count image that is drawn, without one to say it, has counts of this sum: that of the
    /// training images in the mean.
    ///
    /// # Panics
    /// Where it is not positive.
    #[must_use]
    pub fn with_library(mut self, library: f64) -> Self {
        assert!(library > 0.0, "a sum of counts of {library}");
        self.library = library;
        self
    }

    /// The sum of the counts of an image that is drawn; 1 where nobody said it.
    pub fn library(&self) -> f64 {
        self.library
    }

    /// The same model; its encoder and decoder are those of this mode. [`Vae::training_graph`] and
    /// [`Vae::evaluation_graph`] choose their own, and what encodes, decodes and draws is for an evaluation.
    #[must_use]
    pub fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// The same model; its samples are drawn with the prior's standard deviations times this: within the components of
    /// a mixture, and in each layer of a hierarchy. At 1 they are the prior's own.
    #[must_use]
    pub fn with_temperature(mut self, temperature: f32) -> Self {
        self.temperature = temperature;
        self
    }

    /// What the deviations of draws from the prior are multiplied with.
    pub fn temperature(&self) -> f32 {
        self.temperature
    }

    /// Normal noise `[rows, columns]` of a draw from the prior, times the temperature where it is not 1.
    pub(super) fn prior_noise(&self, g: &mut Graph, name: &str, shape: [usize; 2]) -> TensorId {
        match self.temperature {
            1.0 => g.normal(name, Stream::Sampling, shape),
            temperature => {
                let eps = g.normal(&format!("{name}.unit"), Stream::Sampling, shape);
                let scaled = f64::from(temperature) * operand(0);
                g.pointwise(name, shape, scaled, &[eps.into()])
            }
        }
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
        let counts = self.config.table.as_ref().map_or(0, |layout| layout.counts);
        specs.extend(table::dispersion(counts));
        specs.extend(self.second_head().into_iter().flat_map(of_layer));
        specs.extend(self.parameters_above());
        specs.extend((self.config.prior.family().parameters)(&self.top()));
        specs.extend(self.classifier().iter().flat_map(Classifier::parameters));
        specs.sort_by_key(ParameterSpec::is_state);
        specs
    }

    /// q(z | x) of images `[B, D]`; where each has several labels in the place of one, for each of these.
    pub fn encode(&self, g: &mut Graph, inputs: Inputs) -> Heads {
        let label = inputs.label.filter(|_| self.config.condition.encoder());
        let x = match (&self.config.table, self.config.encoder_input) {
            (Some(layout), EncoderInput::Log1p) => table::encoder_input(g, layout, inputs.x),
            (_, input) => input.of_images(g, inputs.x),
        };
        let h = match label {
            Some(label) if g.shape(label).rows() != g.shape(x).rows() => {
                self.encoder().apply_beside(self, g, x, Some(label))
            }
            label => {
                let input = beside(g, "encoder.input", x, label);
                self.encoder().apply(self, g, input)
            }
        };
        let heads = (self.config.posterior.family().encode)(self, g, h);
        self.with_above(g, heads, h, inputs)
    }

    /// p(x | z): `z [B, Z] → `[`Outputs`], with the labels `[B, classes]` where the decoder reads them.
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
        let head = self.second_head().map(|head| head.apply(g, h));
        Outputs {
            output,
            log_scale,
            head,
        }
    }

    /// The objective's terms of a pass. Returns what the pass computed on its way.
    pub fn objective(&self, g: &mut Graph, inputs: impl Into<Inputs>, noise: Noise) -> Pass {
        let inputs = inputs.into();
        self.config.objective.add_terms(self, g, inputs, noise)
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
        self.decoder_head("output", self.config.outputs())
    }

    /// A layer `decoder.NAME` of so many units on the decoder's last hidden layer.
    fn decoder_head(&self, name: &str, units: usize) -> Layer {
        let inputs = self.config.hidden.first().copied().unwrap_or_default();
        Layer::new(format!("decoder.{name}"), [units, inputs])
    }

    /// The layer whose outputs are the second of each pixel, where the likelihood has one.
    fn second_head(&self) -> Option<Layer> {
        let head = self.config.likelihood.density().head?;
        Some(self.decoder_head(head.name, self.config.input_dim))
    }

    /// The layer whose outputs are the logarithms of scales, if it is one.
    fn scale_head(&self) -> Option<Layer> {
        let scale = self.config.log_scale()?;
        let per_pixel = self.config.scale == Scale::PerPixel;
        per_pixel.then(|| self.decoder_head(scale.parameter, self.config.scaled()))
    }

    /// The parameter that is the logarithm of the scale, if it is one.
    fn scale_parameter(&self) -> Option<ParameterSpec> {
        let scale = self.config.log_scale()?;
        let len = match self.config.scale {
            Scale::Unit | Scale::PerPixel | Scale::Optimal => return None,
            Scale::Shared => 1,
            Scale::PerDimension => self.config.scaled(),
        };
        Some(ParameterSpec {
            name: format!("decoder.{}", scale.parameter),
            shape: [len].into(),
            initial: Initial::Constant(0.0),
        })
    }

    pub(super) fn label_columns(&self, read: bool) -> usize {
        if read { self.config.classes } else { 0 }
    }
}

/// Each row of labels so many times.
fn repeated(g: &mut Graph, label: TensorId, times: usize) -> TensorId {
    if times == 1 {
        return label;
    }
    let shape = g.shape(label);
    let shape = [times * shape.rows(), shape.columns()];
    let rows = [Operand::from(label).repeated(times)];
    g.pointwise("label.repeated", shape, operand(0), &rows)
}

/// Labels behind what is there, where there are any.
pub(super) fn beside(g: &mut Graph, name: &str, of: TensorId, label: Option<TensorId>) -> TensorId {
    match label {
        Some(label) => g.concat(name, of, label),
        None => of,
    }
}
