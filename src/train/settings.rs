//! Settings of a training, resolved: enough to repeat it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{LrSchedule, TrainError};
use crate::graph::{Activation, Adam, Optimizer};
use crate::model::{Likelihood, Vae, VaeConfig};
use crate::setting::Setting;

/// Everything that determines a training's result, besides the data and the adapter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// Units of the encoder's hidden layers; the decoder mirrors them.
    pub hidden: Vec<usize>,
    /// Dimensions of the latent.
    pub latent: usize,
    /// Between the layers.
    pub activation: Activation,
    /// p(x | z).
    pub likelihood: Likelihood,
    /// Images per step.
    pub batch_size: usize,
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
    /// The most that the norm of the whole gradient may be; it is scaled down to there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// The key of all randomness.
    pub seed: u64,
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
            activation: Activation::Relu,
            likelihood: Likelihood::Bernoulli,
            batch_size: 128,
            epochs: 10,
            lr,
            lr_schedule: LrSchedule::Constant,
            lr_end: 0.0,
            warmup_steps: 0,
            beta1,
            beta2,
            eps,
            weight_decay: 0.0,
            clip_norm: None,
            seed: 0,
        }
    }
}

impl Settings {
    /// The optimiser of a training on so many images.
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
        })
    }

    /// The model, for images of `input_dim` pixels.
    ///
    /// # Errors
    /// Where a size is zero or absurd.
    pub fn vae(&self, input_dim: usize) -> Result<Vae, TrainError> {
        Ok(Vae::new(VaeConfig {
            input_dim,
            hidden: self.hidden.clone(),
            latent_dim: self.latent,
            activation: self.activation,
            likelihood: self.likelihood,
        })?)
    }

    /// The settings in which two differ, by name.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let table = |settings: &Self| toml::Table::try_from(settings).unwrap_or_default();
        let (own, other) = (table(self), table(other));
        let keys: BTreeSet<_> = own.keys().chain(other.keys()).collect();
        let text = |table: &toml::Table, key: &str| match table.get(key) {
            Some(value) => value.to_string(),
            None => "unset".to_owned(),
        };
        keys.into_iter()
            .filter(|key| own.get(*key) != other.get(*key))
            .map(|key| Difference {
                setting: key.clone(),
                own: text(&own, key),
                other: text(&other, key),
            })
            .collect()
    }

    /// Checks that there are enough images to train on.
    ///
    /// # Errors
    /// Where the batch is larger than the data.
    pub fn check_images(&self, images: usize) -> Result<(), TrainError> {
        let batch = self.batch_size;
        if batch > images {
            return Err(TrainError::Batch { batch, images });
        }
        Ok(())
    }

    /// Checks every range.
    ///
    /// # Errors
    /// With the first setting that is out of its range.
    pub fn check(&self) -> Result<(), TrainError> {
        let fail = |setting, value: &dyn fmt::Display, expected: &str| {
            Err(TrainError::setting(setting, value, expected))
        };
        // The layers, before there are images to say how many inputs they have.
        self.vae(1)?;
        if self.batch_size == 0 {
            return fail(Setting::BatchSize, &0, "a batch has at least one image");
        }
        if self.epochs == 0 {
            return fail(Setting::Epochs, &0, "train for at least one epoch");
        }
        if !is_positive(self.lr) {
            return fail(
                Setting::Lr,
                &self.lr,
                "choose a positive number such as 1e-3",
            );
        }
        for (setting, beta) in [(Setting::Beta1, self.beta1), (Setting::Beta2, self.beta2)] {
            if !(0.0..1.0).contains(&beta) {
                return fail(setting, &beta, "choose a number from 0 to less than 1");
            }
        }
        if !is_positive(self.eps) {
            return fail(
                Setting::Eps,
                &self.eps,
                "choose a positive number such as 1e-8",
            );
        }
        for (setting, value) in [
            (Setting::LrEnd, self.lr_end),
            (Setting::WeightDecay, self.weight_decay),
        ] {
            if value != 0.0 && !is_positive(value) {
                return fail(setting, &value, "choose 0 or a positive number");
            }
        }
        if let Some(norm) = self.clip_norm.filter(|&norm| !is_positive(norm)) {
            return fail(
                Setting::ClipNorm,
                &norm,
                "choose a positive number such as 1",
            );
        }
        if let LrSchedule::Table(rates) = &self.lr_schedule
            && !rates
                .iter()
                .all(|&(passes, rate)| passes > 0 && is_positive(rate))
        {
            let expected = "each rate is a positive number, for one pass at least";
            return fail(Setting::LrSchedule, &self.lr_schedule, expected);
        }
        Ok(())
    }
}

/// A setting in which two trainings differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The setting, as `config.toml` calls it.
    pub setting: String,
    /// Its value, as TOML writes it; `unset` where there is none.
    pub own: String,
    /// The other's.
    pub other: String,
}

/// Settings that a run may change from one step on: they say where the weights go next and nothing
/// of what they are.
const CHANGEABLE: [&str; 10] = [
    "epochs",
    "lr",
    "lr-schedule",
    "lr-end",
    "warmup-steps",
    "beta1",
    "beta2",
    "eps",
    "weight-decay",
    "clip-norm",
];

impl Difference {
    /// Why a run that continues must keep this setting; `None` where it may change it.
    pub fn why_fixed(&self) -> Option<&'static str> {
        match self.setting.as_str() {
            key if CHANGEABLE.contains(&key) => None,
            "hidden" | "latent" | "activation" => {
                Some("the weights belong to the layers that the run has")
            }
            "likelihood" => Some("the losses before and after would not be of one kind"),
            "batch-size" | "seed" => Some("the order of the images and all noise follow from it"),
            _ => Some("what the run has learned rests on it"),
        }
    }
}

/// Whether the kernels, which compute in f32, see a positive number.
fn is_positive(value: f64) -> bool {
    value > 0.0 && (value as f32).is_normal()
}

/// Settings with a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// The PyTorch walk-through.
    Blog,
    /// A university text's MNIST chapter.
    Textbook,
    /// Kingma and Welling (2013).
    Aevb,
    /// The same, figure 4.
    Aevb2d,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 4] = [Self::Blog, Self::Textbook, Self::Aevb, Self::Aevb2d];

    /// Its name, which [`FromStr`] reads.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blog => "blog",
            Self::Textbook => "textbook",
            Self::Aevb => "aevb",
            Self::Aevb2d => "aevb-2d",
        }
    }

    /// Where it comes from and what it sets, in a line.
    pub fn source(self) -> &'static str {
        match self {
            Self::Blog => {
                "the PyTorch walk-through of a small VAE: hidden 32, latent 16, batch 128, \
                 10 epochs, Adam 1e-3, Bernoulli"
            }
            Self::Textbook => {
                "a university text's MNIST chapter: hidden 200, latent 20, batch 32, 15 epochs, \
                 Adam 1e-3, squared error of sigmoid outputs + KL"
            }
            Self::Aevb => {
                "Kingma and Welling 2013: hidden 500 tanh, latent 20, batch 100, Bernoulli"
            }
            Self::Aevb2d => "Kingma and Welling 2013, figure 4: aevb with latent 2",
        }
    }

    /// Its settings; what the source does not say is the default.
    pub fn settings(self) -> Settings {
        let defaults = Settings::default();
        match self {
            Self::Blog => Settings {
                hidden: vec![32],
                latent: 16,
                ..defaults
            },
            Self::Textbook => Settings {
                hidden: vec![200],
                likelihood: Likelihood::SquaredError,
                batch_size: 32,
                epochs: 15,
                ..defaults
            },
            Self::Aevb => Settings {
                hidden: vec![500],
                activation: Activation::Tanh,
                batch_size: 100,
                ..defaults
            },
            Self::Aevb2d => Settings {
                latent: 2,
                ..Self::Aevb.settings()
            },
        }
    }
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let names = Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|preset| preset.name() == name)
            .ok_or_else(|| format!("there is no preset '{name}'; choose one of {names}"))
    }
}
