//! Settings of a training, resolved: enough to repeat it.

use std::str::FromStr;

use crate::named;
use serde::{Deserialize, Serialize};

use super::{Between, Decay, Freeze, LrSchedule, Normalize, TrainError};
use crate::data::Dataset;
use crate::data::table::Layout;
use crate::graph::{Activation, Adam, Optimizer, Ramp};
use crate::model::{
    BetaTc, Bound, Capacity, Ciwae, Condition, Elbo, EncoderInput, Flow, Info, InitialWeights,
    LEVELS, Likelihood, Network, Norm, Objective, OutputBias, Posterior, Prior, Scale, Stl, Vae,
    VaeConfig,
};

/// Everything that determines a training's result, besides the data and the adapter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// Units of the encoder's hidden layers; the decoder mirrors them.
    pub hidden: Vec<usize>,
    /// Dimensions of the latent; where there are stochastic layers, of the first.
    pub latent: usize,
    /// Dimensions of stochastic layers above each other, from x upward; none is one latent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stochastic_layers: Vec<usize>,
    /// Units of the hidden layers between them; `None` is one of twice the units of the layer below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub between: Option<Between>,
    /// Whether they are inferred by a ladder.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ladder: bool,
    /// Between the layers.
    pub activation: Activation,
    /// What hidden layers are normalised by.
    #[serde(default)]
    pub norm: Norm,
    /// The probability with which a step drops an output of a hidden layer.
    #[serde(default)]
    pub dropout: f64,
    /// Whether hidden layers add their input to their output.
    #[serde(default)]
    pub residual: bool,
    /// q(z | x).
    #[serde(default)]
    pub posterior: Posterior,
    /// Maps of a posterior that is a flow; `None` are as many as its family has by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_steps: Option<usize>,
    /// p(z).
    #[serde(default)]
    pub prior: Prior,
    /// Components of a prior that is a mixture; `None` are as many as it has by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub components: Option<usize>,
    /// p(x | z).
    pub likelihood: Likelihood,
    /// The likelihood's scale.
    #[serde(default)]
    pub scale: Scale,
    /// Levels of a pixel of a categorical likelihood; `None` are 256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub levels: Option<usize>,
    /// What the encoder sees of x; `None` is what goes with the likelihood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder_input: Option<EncoderInput>,
    /// Where labels enter.
    #[serde(default)]
    pub condition: Condition,
    /// How many images the training knows the labels of, equally many of each class, the first in the data's
    /// order; a classifier says those of the others. `None` are all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labelled: Option<usize>,
    /// α: the classifier's cross entropy on labelled images counts α · images / labelled ones.
    #[serde(default = "classifier_weight")]
    pub alpha: f64,
    /// What is minimised.
    #[serde(default)]
    pub objective: Bound,
    /// Draws of z for an image: L of the ELBO, K of an importance-weighted bound.
    #[serde(default = "one_sample")]
    pub samples: usize,
    /// M, how many importance-weighted bounds of so many draws an image has in the objectives that are a mean of
    /// several.
    #[serde(default = "one_sample")]
    pub outer_samples: usize,
    /// The weight of the divergence in the ELBO, or of the total correlation.
    #[serde(default = "full_weight")]
    pub beta: f64,
    /// Steps over which that weight rises from 0.
    #[serde(default)]
    pub kl_warmup: u32,
    /// So many times in the run that weight rises from 0, over half of each cycle.
    #[serde(default)]
    pub kl_cycles: u32,
    /// Nats that each dimension's divergence, as a mean over the batch, counts at least.
    #[serde(default)]
    pub free_bits: f64,
    /// The weight of the ELBO where the objective is a mean of it and of the importance-weighted bound.
    #[serde(default = "elbo_weight")]
    pub elbo_weight: f64,
    /// Nats at which the divergence is held where the objective has a capacity.
    #[serde(default = "capacity")]
    pub capacity: f64,
    /// Steps over which the capacity rises from 0; `None` are those of the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_steps: Option<u32>,
    /// The weight of the divergence's distance from the capacity.
    #[serde(default = "capacity_weight")]
    pub capacity_weight: f64,
    /// The InfoVAE's α: the divergence counts 1 − α.
    #[serde(default = "info_alpha")]
    pub info_alpha: f64,
    /// The InfoVAE's λ: the discrepancy from the prior counts α + λ − 1.
    #[serde(default = "info_lambda")]
    pub info_lambda: f64,
    /// What is done to values before the model sees them.
    #[serde(default)]
    pub normalize: Normalize,
    /// How grey pixels become binary ones.
    #[serde(default)]
    pub binarize: Binarize,
    /// What weights and biases are before the first step.
    #[serde(default)]
    pub initial_weights: InitialWeights,
    /// What the bias of the decoder's output layer is before the first step.
    #[serde(default)]
    pub output_bias: OutputBias,
    /// Images per step.
    pub batch_size: usize,
    /// Images that are on the device at once, of data that are larger: an epoch goes through windows of so many, a
    /// multiple of the batch size. `None` are all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<usize>,
    /// Passes over the training images.
    pub epochs: u32,
    /// Adam's learning rate, or where a schedule starts.
    pub lr: f64,
    /// How the rate goes on. Decays run from the end of the warm-up to the last step of `epochs`; a
    /// table's rates take the place of `lr`.
    #[serde(default)]
    pub lr_schedule: LrSchedule,
    /// Where a decay ends.
    #[serde(default)]
    pub lr_end: f64,
    /// Steps of a linear warm-up in front.
    #[serde(default)]
    pub warmup_steps: u32,
    /// Adam's decay of the first moment.
    pub beta1: f64,
    /// Adam's decay of the second moment.
    pub beta2: f64,
    /// Adam's ε.
    pub eps: f64,
    /// AdamW's λ; 0 is none.
    #[serde(default)]
    pub weight_decay: f64,
    /// What it takes from.
    #[serde(default)]
    pub decay: Decay,
    /// Whose parameters stay as they are.
    #[serde(default)]
    pub freeze: Freeze,
    /// The most that the norm of the whole gradient may be; it is scaled down to there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// The key of all randomness.
    pub seed: u64,
}

/// How grey pixels become binary ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Binarize {
    /// They stay grey.
    #[default]
    None,
    /// Each is drawn once, 1 with its value as the probability.
    Static,
    /// Each is drawn anew whenever its image is used.
    Dynamic,
}

impl Binarize {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Static, Self::Dynamic];

    /// Their names, as settings give them.
    pub const NAMES: [&'static str; 3] = ["none", "static", "dynamic"];

    /// What it is and where it comes from, in a line.
    pub fn source(self) -> &'static str {
        match self {
            Self::None => "pixels stay grey: x = value / 255",
            Self::Static => {
                "x is 1 with the probability value / 255, drawn once: Larochelle and Murray 2011"
            }
            Self::Dynamic => {
                "the same, drawn anew at each use: Salakhutdinov and Murray 2008; Burda, Grosse and \
                 Salakhutdinov 2016"
            }
        }
    }

    /// Its name, as settings give it.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl FromStr for Binarize {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        named::find(&Self::ALL, Self::name, name, "no way to make pixels binary")
    }
}

/// What a model learns from, as far as its layers depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Pixels of an image.
    pub dim: usize,
    /// Classes of labels; 0 where there are none.
    pub classes: usize,
    /// Where the columns lie in a row, where the images are rows of a table.
    pub table: Option<Layout>,
}

impl From<usize> for Observed {
    /// Images of so many pixels, without labels.
    fn from(dim: usize) -> Self {
        Self {
            dim,
            classes: 0,
            table: None,
        }
    }
}

impl From<&Dataset> for Observed {
    /// The images that there are to train on.
    fn from(data: &Dataset) -> Self {
        Self {
            dim: data.train.images.dim(),
            classes: data.train.classes(),
            table: data.table.as_ref().map(|schema| schema.layout()),
        }
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

const fn one_sample() -> usize {
    1
}

/// That of Kingma et al. (2014), section 4.2.
pub(super) const fn classifier_weight() -> f64 {
    0.1
}

const fn full_weight() -> f64 {
    1.0
}

fn elbo_weight() -> f64 {
    Ciwae::default().elbo_weight
}

fn capacity() -> f64 {
    Capacity::default().nats
}

fn capacity_weight() -> f64 {
    Capacity::default().weight
}

fn info_alpha() -> f64 {
    Info::default().alpha
}

fn info_lambda() -> f64 {
    Info::default().lambda
}

impl Default for Settings {
    /// A model that trains in seconds and draws well: 784-400-20 in size, batch 128, 10 epochs.
    fn default() -> Self {
        let Adam {
            lr,
            beta1,
            beta2,
            eps,
        } = Adam::default();
        Self {
            hidden: vec![400],
            latent: 20,
            stochastic_layers: Vec::new(),
            between: None,
            ladder: false,
            activation: Activation::Relu,
            norm: Norm::None,
            dropout: 0.0,
            residual: false,
            posterior: Posterior::Gaussian,
            flow_steps: None,
            prior: Prior::Standard,
            components: None,
            likelihood: Likelihood::Bernoulli,
            scale: Scale::Unit,
            levels: None,
            encoder_input: None,
            condition: Condition::None,
            labelled: None,
            alpha: classifier_weight(),
            objective: Bound::Elbo,
            samples: one_sample(),
            outer_samples: one_sample(),
            beta: full_weight(),
            kl_warmup: 0,
            kl_cycles: 0,
            free_bits: 0.0,
            elbo_weight: elbo_weight(),
            capacity: capacity(),
            capacity_steps: None,
            capacity_weight: capacity_weight(),
            info_alpha: info_alpha(),
            info_lambda: info_lambda(),
            normalize: Normalize::None,
            binarize: Binarize::None,
            initial_weights: InitialWeights::Pytorch,
            output_bias: OutputBias::Layer,
            batch_size: 128,
            window: None,
            epochs: 10,
            lr,
            lr_schedule: LrSchedule::Constant,
            lr_end: 0.0,
            warmup_steps: 0,
            beta1,
            beta2,
            eps,
            weight_decay: 0.0,
            decay: Decay::All,
            freeze: Freeze::None,
            clip_norm: None,
            seed: 0,
        }
    }
}

impl Settings {
    /// The optimiser of a training on so many images, as it updates parameters outside of all groups:
    /// [`Settings::optimizer_of`] is that of a model.
    ///
    /// # Errors
    /// Where the schedule does not fit the run's steps.
    pub fn optimizer(&self, images: usize) -> Result<Optimizer, TrainError> {
        Ok(Optimizer {
            schedule: self.schedule(images)?,
            beta1: self.beta1,
            beta2: self.beta2,
            eps: self.eps,
            weight_decay: self.weight_decay,
            clip_norm: self.clip_norm,
            groups: Vec::new(),
        })
    }

    /// What is minimised, before [`Settings::in_training`] says what it takes from a training.
    fn objective_with_numbers(&self) -> Objective {
        let (beta, ramp) = (self.beta, Ramp::NONE);
        let (groups, samples) = (self.outer_samples, self.samples);
        match self.objective {
            Bound::Elbo => Objective::Elbo(Elbo {
                beta,
                ramp,
                free_bits: self.free_bits,
                samples,
            }),
            Bound::Iwae => Objective::Iwae { samples },
            Bound::Dreg => Objective::Dreg { samples },
            Bound::Stl => Objective::Stl(Stl {
                beta,
                ramp,
                samples,
            }),
            Bound::IwaeStl => Objective::IwaeStl { samples },
            Bound::Miwae => Objective::Miwae { groups, samples },
            Bound::Piwae => Objective::Piwae { groups, samples },
            Bound::Ciwae => Objective::Ciwae(Ciwae {
                elbo_weight: self.elbo_weight,
                samples,
            }),
            Bound::Capacity => Objective::Capacity(Capacity {
                weight: self.capacity_weight,
                nats: self.capacity,
                ramp,
                samples,
            }),
            Bound::BetaTc => Objective::BetaTc(BetaTc {
                beta,
                samples,
                ..BetaTc::default()
            }),
            Bound::Info => Objective::Info(Info {
                alpha: self.info_alpha,
                lambda: self.info_lambda,
                samples,
            }),
        }
    }

    /// The model of [`Settings::vae`] as a training on so many images has it: how the divergence's weight or
    /// capacity follows the step, and what counts the images.
    #[must_use]
    pub fn in_training(&self, vae: Vae, images: usize) -> Vae {
        vae.with_kl_ramp(self.kl_ramp(images))
            .with_training_images(images)
    }

    /// The model, for such data; what it takes from a training is the trainer's to add.
    ///
    /// # Errors
    /// Where a size is zero or absurd, parts have no meaning together, or labels are read and there are
    /// none.
    pub fn vae(&self, observed: impl Into<Observed>) -> Result<Vae, TrainError> {
        let Observed {
            dim,
            classes,
            table,
        } = observed.into();
        if table.is_some() {
            self.check_table_values()?;
        }
        let counts = table.as_ref().is_some_and(|layout| layout.counts > 0);
        let encoder_input = match self.encoder_input {
            None if counts => EncoderInput::Log1p,
            _ => self.own_encoder_input(),
        };
        let flow = Flow::default();
        let own = self.posterior.family().flow_steps;
        let steps = self.flow_steps.or(own).unwrap_or(flow.steps);
        let own = self.prior.family().components;
        let components = self.components.or(own).unwrap_or_default();
        Ok(Vae::new(VaeConfig {
            input_dim: dim,
            table,
            hidden: self.hidden.clone(),
            latent_dim: self
                .stochastic_layers
                .first()
                .copied()
                .unwrap_or(self.latent),
            hierarchy: self.hierarchy(),
            activation: self.activation,
            network: Network {
                norm: self.norm,
                dropout: self.dropout,
                residual: self.residual,
            },
            posterior: self.posterior,
            flow: Flow { steps, ..flow },
            prior: self.prior,
            components,
            likelihood: self.likelihood,
            scale: self.scale,
            levels: self.own_levels().unwrap_or(LEVELS[1]),
            encoder_input,
            condition: self.condition,
            classes: match self.condition {
                Condition::None => 0,
                _ => classes,
            },
            labels_in_part: self.labelled.is_some(),
            objective: self.objective_with_numbers(),
            initial_weights: self.initial_weights,
            output_bias: self.output_bias,
            draws_pixels: self.binarize == Binarize::Dynamic,
        })?)
    }

    /// The same settings for rows of a table, where nobody has chosen a likelihood: Gaussians of the numbers, with a
    /// trained scale for each column unless it is given.
    #[must_use]
    pub fn for_table(&self, scale: Option<Scale>) -> Self {
        Self {
            likelihood: Likelihood::Gaussian,
            scale: scale.unwrap_or(Scale::PerDimension),
            levels: None,
            encoder_input: None,
            ..self.clone()
        }
    }

    /// Levels of a pixel, as given or as many as a byte has; `None` where the likelihood is not of levels.
    pub fn own_levels(&self) -> Option<usize> {
        let own = self.likelihood == Likelihood::Categorical;
        self.levels.or(own.then_some(LEVELS[1]))
    }

    /// What the encoder sees, as given or as it goes with the likelihood.
    pub fn own_encoder_input(&self) -> EncoderInput {
        let own = EncoderInput::of(self.likelihood);
        self.encoder_input.unwrap_or(own)
    }

    /// How the divergence's weight, or its capacity, follows the step of a training on so many images.
    pub fn kl_ramp(&self, images: usize) -> Ramp {
        let steps = self.epochs as usize * images.div_ceil(self.batch_size.max(1));
        if self.objective == Bound::Capacity {
            let whole = u32::try_from(steps).unwrap_or(u32::MAX);
            let steps = self.capacity_steps.unwrap_or(whole);
            return Ramp { steps, period: 0 };
        }
        if self.kl_cycles == 0 {
            let steps = self.kl_warmup;
            return Ramp { steps, period: 0 };
        }
        let period = steps.div_ceil(self.kl_cycles as usize).max(2) as u32;
        Ramp {
            steps: period / 2,
            period,
        }
    }

    /// The same settings for another's model: what its weights belong to.
    #[must_use]
    pub fn with_model_of(&self, other: &Self) -> Self {
        Self {
            hidden: other.hidden.clone(),
            latent: other.latent,
            stochastic_layers: other.stochastic_layers.clone(),
            between: other.between.clone(),
            ladder: other.ladder,
            activation: other.activation,
            norm: other.norm,
            residual: other.residual,
            posterior: other.posterior,
            flow_steps: other.flow_steps,
            prior: other.prior,
            components: other.components,
            likelihood: other.likelihood,
            scale: other.scale,
            levels: other.levels,
            encoder_input: other.encoder_input,
            condition: other.condition,
            // Which layers there are follows from whether labels are known in part, not from how many.
            labelled: other.labelled.and(self.labelled.or(other.labelled)),
            normalize: other.normalize,
            ..self.clone()
        }
    }
}
