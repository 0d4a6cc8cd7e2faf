//! A trained run, opened for use.

use std::path::PathBuf;
use std::sync::Arc;

use vae_wgpu::checkpoint::{Checkpoint, RunDir, Which};
use vae_wgpu::data::table::Schema;
use vae_wgpu::data::{Dataset, Part, Source, Stream};
use vae_wgpu::eval::Autoencoder;
use vae_wgpu::executor::{Executor, ParameterSpec};
use vae_wgpu::train::{
    Observed, Scaling, Settings, TrainError, check_architecture, check_fixed, load_parameters,
    scaling, table,
};

use super::config::RunConfig;
use super::failure::Usage;
use super::features::{Features, Lens};
use super::options::{self, AdapterOption, DataOptions};
use super::pictures::Shown;
use super::place::absolute_source;

/// A run, and which of its checkpoints.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RunArg {
    /// The run's folder, or a checkpoint in it
    run: PathBuf,
    #[command(flatten)]
    checkpoint: CheckpointOption,
}

impl RunArg {
    /// Finds the run and its checkpoint.
    pub(crate) fn find(self) -> anyhow::Result<Found> {
        self.checkpoint.find(self.run)
    }
}

/// Which of a run's checkpoints.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct CheckpointOption {
    /// Which of the run's checkpoints: last, best (by test loss) or the number of an epoch that
    /// --save-every kept [default: last]
    #[arg(long, value_name = "WHICH")]
    pub(crate) checkpoint: Option<Which>,
}

/// A checkpoint of a run, found and not yet read.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) dir: RunDir,
    pub(crate) which: Which,
}

impl CheckpointOption {
    /// Finds the run of a path. The option wins over a path that leads to a checkpoint.
    pub(crate) fn find(self, run: impl Into<PathBuf>) -> anyhow::Result<Found> {
        let (dir, named) = RunDir::find(run)?;
        let which = self.checkpoint.or(named).unwrap_or_default();
        Ok(Found { dir, which })
    }
}

impl Found {
    /// The checkpoint's file.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.checkpoint(self.which)
    }

    /// Reads the checkpoint.
    pub(crate) fn load(&self) -> anyhow::Result<Checkpoint> {
        Checkpoint::load(&self.path()).map_err(|error| self.blame(error.into()))
    }

    /// Checks the settings that a run keeps to its end against the checkpoint, of which the header alone
    /// is read.
    pub(crate) fn check_fixed(&self, settings: &Settings) -> anyhow::Result<()> {
        let metadata = Checkpoint::load_metadata(&self.path());
        let header = Checkpoint {
            metadata: metadata.map_err(|error| self.blame(error.into()))?,
            ..Checkpoint::default()
        };
        check_fixed(&header, settings).map_err(|error| self.blame(error))
    }

    /// Whether the checkpoint says that its model is of a table. One that cannot be read says nothing: whoever opens it
    /// says why.
    pub(crate) fn is_of_table(&self) -> bool {
        let Ok(metadata) = Checkpoint::load_metadata(&self.path()) else {
            return false;
        };
        let header = Checkpoint {
            metadata,
            ..Checkpoint::default()
        };
        table(&header).is_ok_and(|table| table.is_some())
    }

    /// Where the checkpoint is at fault, names its file and what else the run has.
    pub(crate) fn blame(&self, error: TrainError) -> anyhow::Error {
        match error {
            TrainError::Foreign { .. }
            | TrainError::OtherSettings { .. }
            | TrainError::Spoiled { .. } => {
                let path = self.path();
                anyhow::anyhow!("{}: {error}{}", path.display(), self.others())
            }
            TrainError::Checkpoint(_) => anyhow::anyhow!("{error}{}", self.others()),
            error => error.into(),
        }
    }

    /// The run's other checkpoints, as the end of a message.
    fn others(&self) -> String {
        let others = self.dir.saved().into_iter();
        let others: Vec<_> = others.filter(|which| *which != self.which).collect();
        let Some(first) = others.first() else {
            return String::new();
        };
        let names: Vec<_> = others.iter().map(Which::to_string).collect();
        format!(
            " (this run also has {}: --checkpoint {first})",
            names.join(", ")
        )
    }
}

/// A run's model and what it was trained on.
pub(crate) struct TrainedRun {
    pub(crate) dir: RunDir,
    pub(crate) config: RunConfig,
    pub(crate) model: Autoencoder,
    /// How the model sees the values of images.
    pub(crate) scaling: Scaling,
    /// What the columns of its rows are, where it was trained on a table.
    pub(crate) table: Option<Arc<Schema>>,
    /// What makes latents of images, where the model is one of latents.
    lens: Option<Lens>,
}

impl TrainedRun {
    /// Opens a run's checkpoint on an adapter; `seed` is the key of samples.
    pub(crate) fn open(found: Found, adapter: &AdapterOption, seed: u64) -> anyhow::Result<Self> {
        let config: RunConfig = found.dir.read_config()?;
        let features = config.features.as_ref();
        let features = features.map(Features::recorded).transpose()?;
        let mut run = Self::with(found, config, |specs| options::open(adapter, specs, seed))?;
        let lens = features.map(|of| of.open(|specs| options::open(adapter, specs, seed)));
        run.lens = lens.transpose()?;
        Ok(run)
    }

    /// A run's checkpoint on an executor for these parameters.
    pub(crate) fn with(
        found: Found,
        config: RunConfig,
        open: impl FnOnce(Vec<ParameterSpec>) -> anyhow::Result<Box<dyn Executor>>,
    ) -> anyhow::Result<Self> {
        let image = config.data.image;
        let checkpoint = found.load()?;
        let table = table(&checkpoint).map_err(|error| found.blame(error))?;
        let vae = config.training.vae(Observed {
            table: table.as_ref().map(Schema::layout),
            ..config.data.observed()
        })?;
        check_architecture(&checkpoint, &config.training, image)
            .map_err(|error| found.blame(error))?;
        let scaling = scaling(&checkpoint, &config.training).map_err(|error| found.blame(error))?;
        let mut executor = open(vae.parameters())?;
        load_parameters(&mut *executor, checkpoint).map_err(|error| found.blame(error))?;
        Ok(Self {
            dir: found.dir,
            config,
            model: Autoencoder::new(vae.with_library(scaling.library()), executor),
            scaling,
            table: table.map(Arc::new),
            lens: None,
        })
    }

    /// How its values become images; asked for once.
    pub(crate) fn shown(&mut self) -> Shown {
        let shown = Shown::new(self.scaling, self.config.data.image, self.lens.take());
        match &self.table {
            Some(_) => shown.of_rows(),
            None => shown,
        }
    }

    /// The data that the options name, else those that the run was trained on; of the size of its images.
    /// Of a model of latents, the latents.
    pub(crate) fn data(&mut self, mut options: DataOptions) -> anyhow::Result<Dataset> {
        let source = self.take_source(&mut options)?;
        let data = options.load(&source, self.config.training.seed)?;
        if let Some(lens) = &mut self.lens {
            return lens.latents(data);
        }
        let images = &data.test.images;
        let size = self.config.data.image;
        if images.size() != size {
            return Err(TrainError::ImageSize {
                found: images.size().to_string(),
                expected: size.to_string(),
            }
            .into());
        }
        Ok(data)
    }

    /// The examples of a part of these data, block by block, of which nobody has seen yet whether they are of the size of the
    /// run's images; where nobody says which part, those to measure with, or of another file or folder all.
    pub(crate) fn examples(
        &mut self,
        mut options: DataOptions,
        part: Option<Part>,
    ) -> anyhow::Result<Stream> {
        let other = matches!(options.data, Some(Source::Path(_)));
        let source = self.take_source(&mut options)?;
        let other = other && source != self.source();
        let part = part.unwrap_or(if other { Part::All } else { Part::Test });
        let seed = self.config.training.seed;
        if let Some(lens) = &mut self.lens {
            let latents = lens.latents(options.load(&source, seed)?)?;
            return Ok(Stream::of(latents, part));
        }
        options.examples(&source, part, seed)
    }

    /// The same as the data have them: of a model of latents the images that these come from.
    pub(crate) fn images(
        &mut self,
        mut options: DataOptions,
        part: Part,
    ) -> anyhow::Result<Stream> {
        let source = self.take_source(&mut options)?;
        options.examples(&source, part, self.config.training.seed)
    }

    /// What makes latents of images, where the model is one of latents.
    pub(crate) fn lens(&mut self) -> Option<&mut Lens> {
        self.lens.as_mut()
    }

    /// The source that the options name, else that of the run's own data. The options are completed by what the run says
    /// of its data, where these are meant.
    fn take_source(&self, options: &mut DataOptions) -> Result<Source, Usage> {
        let own = &self.config.data;
        let given = options.data.take();
        if given.is_none() {
            own.check_has_data(self.dir.path())?;
        }
        let is_own = given
            .as_ref()
            .is_none_or(|given| absolute_source(given) == self.source());
        if is_own {
            options.repeat(own);
        }
        // Other pictures than the run's own are brought to the size of its images, as its own were.
        let image = self.lens.as_ref().map_or(own.image, |lens| lens.image);
        options.pictures = options.pictures.or(own.pictures).for_images(image, is_own);
        options.transpose |= given.is_none() && own.transpose;
        options.schema.clone_from(&self.table);
        options.data_dir = options.data_dir.take().or_else(|| own.dir.clone());
        Ok(given.unwrap_or_else(|| self.source()))
    }

    /// The data that the run was trained on.
    pub(crate) fn source(&self) -> Source {
        self.config.data.source()
    }
}
