//! Configuration files, and flags over them.
//!
//! A run's `config.toml` and a user's `--config` have one form; in a user's, every key is
//! optional. A flag wins over the file, the file over the preset, the preset over the defaults.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::{Deserialize, Serialize};
use vae_wgpu::checkpoint::CheckpointError;
use vae_wgpu::data::table::{Delimiter, Role};
use vae_wgpu::data::{Dataset, HoldOut, ImageSize, Labels, Source};
use vae_wgpu::graph::Activation;
use vae_wgpu::model::{
    Bound, Condition, EncoderInput, InitialWeights, Likelihood, Norm, OutputBias, Posterior, Prior,
    Scale,
};
use vae_wgpu::train::{
    Between, Binarize, Decay, Freeze, LrSchedule, Normalize, Observed, Settings,
};

use super::failure::Usage;
use super::features::FeaturesConfig;
use super::keeping::Keeping;
use super::options::DataOptions;
use super::picture_options::PictureFlags;
use super::place::{absolute, absolute_source, is_named};
use super::watching::Watching;

/// `config.toml` of a run: everything resolved.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct RunConfig {
    pub(crate) adapter: String,
    #[serde(default = "automatic")]
    pub(crate) plan: String,
    #[serde(default)]
    pub(crate) matrix_units: bool,
    /// Whose weights it began with, where not with its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) init: Option<PathBuf>,
    pub(crate) data: DataConfig,
    /// Whose latents it learned from in the place of the data's images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) features: Option<FeaturesConfig>,
    #[serde(default, skip_serializing_if = "Keeping::is_default")]
    pub(crate) checkpoints: Keeping,
    #[serde(default, skip_serializing_if = "Watching::is_default")]
    pub(crate) watching: Watching,
    /// As they are now.
    pub(crate) training: Settings,
    /// How they came to be so, where the run was continued with others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) changes: Vec<Change>,
}

/// A setting that a run has changed when it was continued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Change {
    /// Steps that were done before.
    pub(crate) after_step: u32,
    pub(crate) setting: String,
    /// As TOML writes it.
    pub(crate) from: String,
    pub(crate) to: String,
}

impl RunConfig {
    /// Records that the run goes on with `settings` after `step` steps, up to which it had those that
    /// its checkpoint says. Changes that were recorded for later steps were never used, or belong to
    /// what a run does again that continues from an earlier checkpoint.
    pub(crate) fn change(&mut self, until_now: &Settings, settings: &Settings, step: u32) {
        self.changes.retain(|change| change.after_step < step);
        let new = until_now.differences(settings).into_iter();
        self.changes.extend(new.map(|difference| Change {
            after_step: step,
            setting: difference.setting,
            from: difference.own,
            to: difference.other,
        }));
        self.training = settings.clone();
    }
}

fn automatic() -> String {
    "auto".to_owned()
}

/// The data of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct DataConfig {
    pub(crate) source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dir: Option<PathBuf>,
    /// Whether rows and columns of the stored images are exchanged.
    #[serde(default)]
    pub(crate) transpose: bool,
    /// What the seed held out for testing of each class, where there were no test images; a run of version 0.1.0
    /// does not say, and held out a tenth whatever the classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) holdout: Option<HoldOut>,
    /// How large an image is, as trained on.
    pub(crate) image: ImageSize,
    /// The labels whose examples were kept, where others were left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) only: Option<Labels>,
    /// Which array of a file was trained on, where its name did not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) array: Option<String>,
    /// Classes of the labels; 0 where there are none.
    #[serde(default)]
    pub(crate) classes: usize,
    /// Of the contents, by which moved data are told from exchanged ones; an older program's runs
    /// have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<String>,
    /// What separates the cells of a table, where its contents did not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) delimiter: Option<Delimiter>,
    /// Whether a table has a header, where its contents did not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) header: Option<bool>,
    /// Whether an array's rows are a table's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) table: bool,
    /// What columns of a table are, where their contents did not say it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) columns: BTreeMap<String, Role>,
    /// How picture files became images.
    #[serde(default, skip_serializing_if = "PictureFlags::is_empty")]
    pub(crate) pictures: PictureFlags,
}

/// The source of a run that has no data, since its weights are from elsewhere. Paths are absolute, so that it is none.
const NO_DATA: &str = "none";

impl DataConfig {
    /// That of data that were loaded from a source by these options.
    pub(crate) fn new(
        source: &Source,
        options: &DataOptions,
        data: &Dataset,
        digest: Option<String>,
    ) -> Self {
        let images = &data.train.images;
        let dir = options.data_dir.as_deref();
        let dir = dir.filter(|_| is_named(source));
        let mut config = Self {
            source: absolute_source(source).to_string(),
            dir: dir.map(absolute),
            transpose: options.transpose,
            holdout: options.held_out(data),
            image: images.size(),
            only: options.only.clone(),
            array: options.array.clone(),
            classes: data.train.classes(),
            digest,
            delimiter: None,
            header: None,
            table: false,
            columns: BTreeMap::new(),
            pictures: options.pictures,
        };
        options.table.record(&mut config);
        config
    }

    /// That of a run without data, whose model is of images of this size and of so many classes.
    pub(crate) fn without(image: ImageSize, classes: usize) -> Self {
        Self {
            source: NO_DATA.to_owned(),
            dir: None,
            transpose: false,
            holdout: None,
            image,
            only: None,
            array: None,
            classes,
            digest: None,
            delimiter: None,
            header: None,
            table: false,
            columns: BTreeMap::new(),
            pictures: PictureFlags::default(),
        }
    }

    /// Refuses to look for the data of a run that has none.
    pub(crate) fn check_has_data(&self, run: &Path) -> Result<(), Usage> {
        if self.source != NO_DATA {
            return Ok(());
        }
        Err(Usage(format!(
            "the run {} was made of weights from elsewhere and has no data of its own: say which with --data",
            run.display()
        )))
    }

    /// What a model's layers depend on.
    pub(crate) fn observed(&self) -> Observed {
        Observed {
            dim: self.image.dim(),
            classes: self.classes,
            table: None,
        }
    }

    /// Which data.
    pub(crate) fn source(&self) -> Source {
        parse_source(&self.source)
    }
}

/// A source by the text of a file.
pub(crate) fn parse_source(text: &str) -> Source {
    match text.parse() {
        Ok(source) => source,
        Err(never) => match never {},
    }
}

/// A user's file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct ConfigFile {
    pub(crate) adapter: Option<String>,
    pub(crate) plan: Option<String>,
    pub(crate) matrix_units: bool,
    pub(crate) init: Option<PathBuf>,
    pub(crate) data: PartialData,
    pub(crate) features: Option<FeaturesConfig>,
    pub(crate) checkpoints: Keeping,
    pub(crate) watching: Watching,
    pub(crate) training: Overrides,
    /// A run's, which a new one does not repeat.
    pub(crate) changes: Vec<Change>,
}

/// The data of a user's file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct PartialData {
    pub(crate) source: Option<String>,
    pub(crate) dir: Option<PathBuf>,
    pub(crate) transpose: bool,
    pub(crate) holdout: Option<HoldOut>,
    pub(crate) image: Option<ImageSize>,
    pub(crate) only: Option<Labels>,
    pub(crate) array: Option<String>,
    pub(crate) classes: usize,
    pub(crate) digest: Option<String>,
    pub(crate) delimiter: Option<Delimiter>,
    pub(crate) header: Option<bool>,
    pub(crate) table: bool,
    pub(crate) columns: BTreeMap<String, Role>,
    pub(crate) pictures: PictureFlags,
}

impl ConfigFile {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes = std::fs::read(path).map_err(|cause| CheckpointError::Read {
            path: path.to_owned(),
            cause,
        })?;
        toml::from_slice(&bytes).map_err(|error| {
            let reason = error.to_string();
            Usage(format!(
                "in the configuration {}: {}",
                path.display(),
                reason.trim_end()
            ))
            .into()
        })
    }
}

/// Settings that a flag or a file gives.
#[derive(Clone, Debug, Default, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[command(next_help_heading = "Model and training")]
pub(crate) struct Overrides {
    /// Units of the encoder's hidden layers, such as 512,256; the decoder mirrors them
    #[arg(long, value_delimiter = ',', value_name = "UNITS")]
    pub(crate) hidden: Option<Vec<usize>>,
    /// Dimensions of the latent
    #[arg(long, value_name = "DIM")]
    pub(crate) latent: Option<usize>,
    /// Dimensions of stochastic layers above each other, from x upward, such as 100,50, in the place of one
    /// latent
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "DIMS",
        conflicts_with = "latent"
    )]
    pub(crate) stochastic_layers: Option<Vec<usize>>,
    /// Units of the hidden layers between stochastic layers, such as 100,100; a list for each gap, from x
    /// upward, is separated by colons [default: one of twice the units of the layer below]
    #[arg(long, value_name = "UNITS")]
    pub(crate) between: Option<Between>,
    /// Infer the stochastic layers from the top down, each by an estimate from x and by its prior
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) ladder: Option<bool>,
    /// Non-linearity between the layers
    #[arg(long, value_parser = PossibleValuesParser::new(Activation::NAMES).try_map(|s| s.parse::<Activation>()))]
    pub(crate) activation: Option<Activation>,
    /// What hidden layers are normalised by, before their non-linearity
    #[arg(long, value_parser = PossibleValuesParser::new(Norm::NAMES).try_map(|s| s.parse::<Norm>()))]
    pub(crate) norm: Option<Norm>,
    /// Probability with which training drops an output of a hidden layer
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    pub(crate) dropout: Option<f64>,
    /// Whether hidden layers of one width add their input to their output
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub(crate) residual: Option<bool>,
    /// Family that the distribution of z for an image is chosen from
    #[arg(long, value_parser = PossibleValuesParser::new(Posterior::NAMES).try_map(|s| s.parse::<Posterior>()))]
    pub(crate) posterior: Option<Posterior>,
    /// Maps of a posterior that is a flow [default: 10 planar or radial ones, 2 of iaf]
    #[arg(long, value_name = "N")]
    pub(crate) flow_steps: Option<usize>,
    /// Distribution of z before an image is seen
    #[arg(long, value_parser = PossibleValuesParser::new(Prior::NAMES).try_map(|s| s.parse::<Prior>()))]
    pub(crate) prior: Option<Prior>,
    /// Components of a prior that is a mixture [default: 100]
    #[arg(long, value_name = "N")]
    pub(crate) components: Option<usize>,
    /// What the decoder's outputs mean
    #[arg(long, value_parser = PossibleValuesParser::new(Likelihood::NAMES).try_map(|s| s.parse::<Likelihood>()))]
    pub(crate) likelihood: Option<Likelihood>,
    /// Scale of the likelihoods that have one: 1, trained for all pixels together, for each, or for each of
    /// each image, or the best one of a batch
    #[arg(long, value_parser = PossibleValuesParser::new(Scale::NAMES).try_map(|s| s.parse::<Scale>()))]
    pub(crate) scale: Option<Scale>,
    /// Levels of a pixel of the likelihood categorical, 2 to 256 [default: 256]
    #[arg(long, value_name = "K")]
    pub(crate) levels: Option<usize>,
    /// What the encoder sees of x [default: log1p of counts, else values]
    #[arg(long, value_parser = PossibleValuesParser::new(EncoderInput::NAMES).try_map(|s| s.parse::<EncoderInput>()))]
    pub(crate) encoder_input: Option<EncoderInput>,
    /// Where the label of an image enters
    #[arg(long, value_parser = PossibleValuesParser::new(Condition::NAMES).try_map(|s| s.parse::<Condition>()))]
    pub(crate) condition: Option<Condition>,
    /// Know the labels of so many training images alone, equally many of each class, and have a classifier
    /// say the others' (M2)
    #[arg(long, value_name = "N")]
    pub(crate) labelled: Option<usize>,
    /// Weight of that classifier: its cross entropy counts ALPHA times images / labelled images
    #[arg(long, value_name = "ALPHA", allow_negative_numbers = true)]
    pub(crate) alpha: Option<f64>,
    /// What is minimised: the ELBO or an importance-weighted bound, with one gradient or another, or the ELBO
    /// with something else in the place of its divergence; `vae parts objective` says what each is
    #[arg(long, value_parser = PossibleValuesParser::new(Bound::NAMES).try_map(|s| s.parse::<Bound>()))]
    pub(crate) objective: Option<Bound>,
    /// Draws of z for an image; in miwae and piwae, for each of its bounds
    #[arg(long, value_name = "K")]
    pub(crate) samples: Option<usize>,
    /// Importance-weighted bounds of --samples draws each for an image, in miwae and piwae
    #[arg(long, value_name = "M")]
    pub(crate) outer_samples: Option<usize>,
    /// Weight of the divergence in the ELBO; of the total correlation in beta-tc
    #[arg(long, value_name = "BETA", allow_negative_numbers = true)]
    pub(crate) beta: Option<f64>,
    /// Steps over which that weight rises from 0
    #[arg(long, value_name = "STEPS")]
    pub(crate) kl_warmup: Option<u32>,
    /// So many times in the run that weight rises from 0, over the first half of each cycle
    #[arg(long, value_name = "N")]
    pub(crate) kl_cycles: Option<u32>,
    /// Nats that each latent dimension's divergence, as a mean over the batch, counts at least
    #[arg(long, value_name = "LAMBDA", allow_negative_numbers = true)]
    pub(crate) free_bits: Option<f64>,
    /// Weight of the ELBO in ciwae, from 0 to 1; the importance-weighted bound has the rest
    #[arg(long, value_name = "BETA", allow_negative_numbers = true)]
    pub(crate) elbo_weight: Option<f64>,
    /// Nats an image that the divergence is held at, with the objective capacity
    #[arg(long, value_name = "NATS", allow_negative_numbers = true)]
    pub(crate) capacity: Option<f64>,
    /// Steps over which the capacity rises from 0 [default: those of the whole run]
    #[arg(long, value_name = "STEPS")]
    pub(crate) capacity_steps: Option<u32>,
    /// Weight of the divergence's distance from the capacity
    #[arg(long, value_name = "GAMMA", allow_negative_numbers = true)]
    pub(crate) capacity_weight: Option<f64>,
    /// With the objective info, the divergence counts 1 - ALPHA: at 1 it is only reported
    #[arg(long, value_name = "ALPHA", allow_negative_numbers = true)]
    pub(crate) info_alpha: Option<f64>,
    /// With the objective info, the discrepancy of z from the prior counts ALPHA + LAMBDA - 1
    #[arg(long, value_name = "LAMBDA", allow_negative_numbers = true)]
    pub(crate) info_lambda: Option<f64>,
    /// What is done to values before the model sees them: nothing, or the training images' least becomes 0
    /// and their greatest 1
    #[arg(long, value_parser = PossibleValuesParser::new(Normalize::NAMES).try_map(|s| s.parse::<Normalize>()))]
    pub(crate) normalize: Option<Normalize>,
    /// Draw each pixel as 0 or 1, with its value as the probability: once, or anew at each use
    #[arg(long, value_parser = PossibleValuesParser::new(Binarize::NAMES).try_map(|s| s.parse::<Binarize>()))]
    pub(crate) binarize: Option<Binarize>,
    /// Weights and biases before the first step: PyTorch's, or Glorot's with biases of zero
    #[arg(long, value_parser = PossibleValuesParser::new(InitialWeights::NAMES).try_map(|s| s.parse::<InitialWeights>()))]
    pub(crate) initial_weights: Option<InitialWeights>,
    /// Bias of the decoder's output layer before the first step: as any layer's, zero, or where the
    /// likelihood's mean is the training images'
    #[arg(long, value_parser = PossibleValuesParser::new(OutputBias::NAMES).try_map(|s| s.parse::<OutputBias>()))]
    pub(crate) output_bias: Option<OutputBias>,
    /// Images per step
    #[arg(long, value_name = "N")]
    pub(crate) batch_size: Option<usize>,
    /// Images that are on the device at once, a multiple of the batch size: an epoch goes through data that are larger
    /// in shuffled windows of so many [default: what --data-memory allows]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub(crate) window: Option<usize>,
    /// Passes over the training images
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<u32>,
    /// Adam's learning rate, or where a schedule starts
    #[arg(long, allow_negative_numbers = true)]
    pub(crate) lr: Option<f64>,
    /// How the rate goes on: constant, linear or cosine to the last epoch's end, or a table of rates
    /// for so many passes each, such as 1:1e-3,3:7e-4
    #[arg(long, value_name = "SCHEDULE")]
    pub(crate) lr_schedule: Option<LrSchedule>,
    /// Where a linear or cosine decay of the rate ends
    #[arg(long, value_name = "LR", allow_negative_numbers = true)]
    pub(crate) lr_end: Option<f64>,
    /// Steps of a linear warm-up of the rate
    #[arg(long, value_name = "N")]
    pub(crate) warmup_steps: Option<u32>,
    /// Adam's decay of the first moment
    #[arg(long, value_name = "BETA", allow_negative_numbers = true)]
    pub(crate) beta1: Option<f64>,
    /// Adam's decay of the second moment
    #[arg(long, value_name = "BETA", allow_negative_numbers = true)]
    pub(crate) beta2: Option<f64>,
    /// Adam's ε
    #[arg(long, allow_negative_numbers = true)]
    pub(crate) eps: Option<f64>,
    /// AdamW's decay: each step takes this times the rate off every parameter
    #[arg(long, value_name = "LAMBDA", allow_negative_numbers = true)]
    pub(crate) weight_decay: Option<f64>,
    /// What decays: every parameter, or the layers' weights alone, without biases and scales
    #[arg(long, value_parser = PossibleValuesParser::new(Decay::NAMES).try_map(|s| s.parse::<Decay>()))]
    pub(crate) decay: Option<Decay>,
    /// Leave the parameters of the encoder or of the decoder as they are, as in a fine-tuning with --init
    #[arg(long, value_parser = PossibleValuesParser::new(Freeze::NAMES).try_map(|s| s.parse::<Freeze>()))]
    pub(crate) freeze: Option<Freeze>,
    /// Scale the whole gradient down to this norm where its own is larger; 0 is never, as without
    #[arg(long, value_name = "NORM", allow_negative_numbers = true)]
    pub(crate) clip_norm: Option<f64>,
    /// Key of all randomness: the same seed gives the same bits
    #[arg(long)]
    pub(crate) seed: Option<u64>,
}

impl Overrides {
    /// These over `other`'s over `settings`; a flow whose maps nobody counts has as many as its family has by
    /// itself, a prior that is a mixture components, gaps between stochastic layers hidden layers, and pixels
    /// levels. Counts are seen by the encoder as they go with it.
    pub(crate) fn resolve(&self, other: &Self, mut settings: Settings) -> Settings {
        for given in [other, self] {
            if given.prior.is_some_and(|prior| prior != settings.prior) {
                // A count is of the prior that it was given with.
                settings.components = None;
            }
            given.apply(&mut settings);
        }
        let own = settings.posterior.family().flow_steps;
        settings.flow_steps = settings.flow_steps.or(own);
        let between = settings.between.take();
        settings.between = between.or_else(|| settings.default_between());
        settings.levels = settings.own_levels();
        if settings.likelihood.is_of_counts() {
            settings.encoder_input = Some(settings.own_encoder_input());
        }
        let own = settings.prior.family().components;
        settings.components = settings.components.or(own);
        settings
    }

    /// Overwrites what is given.
    pub(crate) fn apply(&self, settings: &mut Settings) {
        /// Takes a value that is given.
        fn set<T: Clone>(target: &mut T, given: &Option<T>) {
            if let Some(value) = given {
                target.clone_from(value);
            }
        }
        set(&mut settings.hidden, &self.hidden);
        set(&mut settings.latent, &self.latent);
        if let Some(layers) = &self.stochastic_layers {
            settings.stochastic_layers.clone_from(layers);
            let first = layers.first().filter(|_| self.latent.is_none());
            settings.latent = first.copied().unwrap_or(settings.latent);
            if layers.len() < 2 {
                settings.between = None;
            }
        }
        settings.between = self.between.clone().or(settings.between.take());
        set(&mut settings.ladder, &self.ladder);
        set(&mut settings.activation, &self.activation);
        set(&mut settings.norm, &self.norm);
        set(&mut settings.dropout, &self.dropout);
        set(&mut settings.residual, &self.residual);
        set(&mut settings.posterior, &self.posterior);
        settings.flow_steps = self.flow_steps.or(settings.flow_steps);
        set(&mut settings.prior, &self.prior);
        settings.components = self.components.or(settings.components);
        set(&mut settings.likelihood, &self.likelihood);
        set(&mut settings.scale, &self.scale);
        settings.levels = self.levels.or(settings.levels);
        settings.encoder_input = self.encoder_input.or(settings.encoder_input);
        set(&mut settings.condition, &self.condition);
        settings.labelled = self.labelled.or(settings.labelled);
        set(&mut settings.alpha, &self.alpha);
        set(&mut settings.objective, &self.objective);
        set(&mut settings.samples, &self.samples);
        set(&mut settings.outer_samples, &self.outer_samples);
        set(&mut settings.beta, &self.beta);
        set(&mut settings.kl_warmup, &self.kl_warmup);
        set(&mut settings.kl_cycles, &self.kl_cycles);
        set(&mut settings.free_bits, &self.free_bits);
        set(&mut settings.elbo_weight, &self.elbo_weight);
        set(&mut settings.capacity, &self.capacity);
        settings.capacity_steps = self.capacity_steps.or(settings.capacity_steps);
        set(&mut settings.capacity_weight, &self.capacity_weight);
        set(&mut settings.info_alpha, &self.info_alpha);
        set(&mut settings.info_lambda, &self.info_lambda);
        set(&mut settings.normalize, &self.normalize);
        set(&mut settings.binarize, &self.binarize);
        set(&mut settings.initial_weights, &self.initial_weights);
        set(&mut settings.output_bias, &self.output_bias);
        set(&mut settings.batch_size, &self.batch_size);
        settings.window = self.window.or(settings.window);
        set(&mut settings.epochs, &self.epochs);
        set(&mut settings.lr, &self.lr);
        set(&mut settings.lr_schedule, &self.lr_schedule);
        set(&mut settings.lr_end, &self.lr_end);
        set(&mut settings.warmup_steps, &self.warmup_steps);
        set(&mut settings.beta1, &self.beta1);
        set(&mut settings.beta2, &self.beta2);
        set(&mut settings.eps, &self.eps);
        set(&mut settings.weight_decay, &self.weight_decay);
        set(&mut settings.decay, &self.decay);
        set(&mut settings.freeze, &self.freeze);
        if let Some(norm) = self.clip_norm {
            settings.clip_norm = Some(norm).filter(|&norm| norm != 0.0);
        }
        set(&mut settings.seed, &self.seed);
    }
}

#[cfg(test)]
mod tests {
    use vae_wgpu::train::Preset;

    use super::*;

    #[test]
    fn flags_win_over_the_file_over_the_preset_over_the_defaults() {
        let flags = Overrides {
            epochs: Some(3),
            ..Overrides::default()
        };
        let file: ConfigFile = toml::from_str("[training]\nepochs = 4\nlatent = 5\n").unwrap();
        let settings = flags.resolve(&file.training, Preset::Textbook.settings());
        assert_eq!((settings.epochs, settings.latent), (3, 5));
        assert_eq!((settings.batch_size, settings.lr), (32, 1e-3));
    }

    #[test]
    fn a_runs_configuration_is_a_users_configuration() {
        let config = RunConfig {
            adapter: "auto".to_owned(),
            plan: automatic(),
            matrix_units: false,
            init: Some("runs/digits-1".into()),
            data: DataConfig {
                source: "digits".to_owned(),
                dir: None,
                transpose: false,
                holdout: Some(HoldOut::TENTH),
                image: [28, 28].into(),
                only: None,
                array: Some("x".to_owned()),
                classes: 10,
                digest: Some("00ff".to_owned()),
                delimiter: Some(Delimiter(b'\t')),
                header: Some(false),
                table: false,
                columns: [("3".to_owned(), Role::Label)].into(),
                pictures: toml::from_str("size = '8x8'").unwrap(),
            },
            features: None,
            checkpoints: Keeping::default(),
            watching: Watching::default(),
            training: Preset::Aevb2d.settings(),
            changes: Vec::new(),
        };
        let mut config = config;
        let slower = Settings {
            lr: 1e-4,
            ..config.training.clone()
        };
        config.change(&Preset::Aevb2d.settings(), &slower, 40);
        assert_eq!(config.changes.len(), 1);
        let text = toml::to_string(&config).unwrap();
        let file: ConfigFile = toml::from_str(&text).unwrap();
        assert_eq!(
            Overrides::default().resolve(&file.training, Settings::default()),
            config.training
        );
        assert_eq!(file.data.delimiter, config.data.delimiter);
        assert_eq!(file.data.columns, config.data.columns);
        assert!(toml::from_str::<ConfigFile>("[training]\nepoch = 4\n").is_err());
    }
}
