//! A new run that begins with the weights of another, or with those of a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use vae_wgpu::checkpoint::{Checkpoint, RunDir};
use vae_wgpu::data::table::Schema;
use vae_wgpu::data::{ImageSize, Source};
use vae_wgpu::train::{Settings, TrainError, check_architecture, table};

use super::config::RunConfig;
use super::failure::Usage;
use super::features::FeaturesConfig;
use super::options::DataOptions;
use super::run::{CheckpointOption, Found};

/// Where the weights are.
pub(crate) enum Init {
    /// Among a run's checkpoints.
    Run(Box<(Found, RunConfig)>, PathBuf),
    /// In a file that no run has, as PyTorch's safetensors writes it.
    File(PathBuf),
}

impl Init {
    /// Finds the weights of a run, of a checkpoint in it, or of another file.
    pub(crate) fn find(path: PathBuf, which: CheckpointOption) -> anyhow::Result<Self> {
        let is_alone = path.is_file() && RunDir::find(&path).is_err();
        if is_alone && which.checkpoint.is_none() {
            return Ok(Self::File(path));
        }
        let found = which.find(path)?;
        let config = found.dir.read_config()?;
        let path = found.path();
        Ok(Self::Run(Box::new((found, config)), path))
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Run(_, path) | Self::File(path) => path,
        }
    }

    /// Settings of a training with these weights, where nothing else is asked for: the model's are the
    /// run's, since the weights belong to it.
    pub(crate) fn settings(&self) -> Settings {
        match self {
            Self::Run(run, _) => Settings::default().with_model_of(&run.1.training),
            Self::File(_) => Settings::default(),
        }
    }

    /// The data of a training with these weights, where no other are asked for.
    pub(crate) fn source(&self, data: &mut DataOptions) -> Result<Source, Usage> {
        let Self::Run(run, _) = self else {
            return Ok(Source::Digits);
        };
        let config = &run.1.data;
        config.check_has_data(run.0.dir.path())?;
        if data.data_dir.is_none() {
            data.data_dir.clone_from(&config.dir);
        }
        data.repeat(config);
        Ok(config.source())
    }

    /// What the columns are of the table that the weights were trained on.
    pub(crate) fn table(&self) -> anyhow::Result<Option<Arc<Schema>>> {
        let Self::Run(_, path) = self else {
            return Ok(None);
        };
        let header = Checkpoint {
            metadata: Checkpoint::load_metadata(path)?,
            ..Checkpoint::default()
        };
        let schema = table(&header).map_err(|error| self.blame(error))?;
        Ok(schema.map(Arc::new))
    }

    /// Brings other pictures than the run's own to the size of its images.
    pub(crate) fn fit(&self, data: &mut DataOptions) {
        if let Self::Run(run, _) = self {
            let own = &run.1.data;
            data.pictures = data.pictures.or(own.pictures).for_images(own.image, false);
        }
    }

    /// Whose latents a training with these weights learns from, where no others are asked for.
    pub(crate) fn features(&self) -> Option<&FeaturesConfig> {
        match self {
            Self::Run(run, _) => run.1.features.as_ref(),
            Self::File(_) => None,
        }
    }

    /// Checks that the model is the one that the weights belong to, and that no other weights are asked for.
    pub(crate) fn check(&self, settings: &Settings) -> Result<(), Usage> {
        let drawn = Settings {
            initial_weights: settings.initial_weights,
            output_bias: settings.output_bias,
            ..Settings::default()
        };
        if let Some(difference) = Settings::default().differences(&drawn).first() {
            return Err(Usage(format!(
                "the first weights are those of {}, so that {} = {} has no meaning; leave that out, or \
                 start without --init",
                self.path().display(),
                difference.setting,
                difference.other,
            )));
        }
        let Self::Run(run, _) = self else {
            return Ok(());
        };
        let wanted = settings.with_model_of(&run.1.training);
        match wanted.differences(settings).first() {
            None => Ok(()),
            Some(difference) => Err(Usage(format!(
                "the weights of {} belong to a model with {key} = {}, and asked for is {key} = {}; \
                 leave that out, or start without --init",
                run.0.dir.path().display(),
                difference.own,
                difference.other,
                key = difference.setting,
            ))),
        }
    }

    /// Reads the weights.
    pub(crate) fn load(&self, settings: &Settings, image: ImageSize) -> anyhow::Result<Checkpoint> {
        let checkpoint = match self {
            Self::Run(run, _) => run.0.load()?,
            Self::File(path) => Checkpoint::load(path)?,
        };
        check_architecture(&checkpoint, settings, image).map_err(|error| self.blame(error))?;
        Ok(checkpoint)
    }

    /// Names the file in an error that lies in it.
    pub(crate) fn blame(&self, error: TrainError) -> anyhow::Error {
        match self {
            Self::Run(run, _) => run.0.blame(error),
            Self::File(path) => anyhow::Error::new(error).context(path.display().to_string()),
        }
    }
}
