//! What `vae train` is to do, before anything is opened.

use std::path::{Path, PathBuf};

use vae_wgpu::checkpoint::{Checkpoint, CheckpointError, RunDir, RunLock};
use vae_wgpu::data::{Dataset, Source};
use vae_wgpu::eval::Device;
use vae_wgpu::executor::{ExecutorError, ParameterSpec};
use vae_wgpu::gpu::{AdapterChoice, GpuError, Options, Slice};
use vae_wgpu::plan::PlanChoice;
use vae_wgpu::threads;
use vae_wgpu::train::{Settings, TrainError, Trainer};

use super::config::{ConfigFile, DataConfig, RunConfig, parse_source};
use super::failure::Usage;
use super::options::{self, DataOptions};
use super::run::of_checkpoint;
use super::train::Args;

/// A training: settings, data, adapter, and the run that it continues, if it does.
pub(crate) struct Job {
    pub(crate) settings: Settings,
    pub(crate) adapter: AdapterChoice,
    pub(crate) plan: PlanChoice,
    pub(crate) matrix_units: bool,
    pub(crate) source: Source,
    pub(crate) data: DataOptions,
    pub(crate) resume: Option<Resume>,
}

/// A run that continues. It is locked before its checkpoint is read, so that nobody writes a newer
/// one in between.
pub(crate) struct Resume {
    pub(crate) dir: RunDir,
    pub(crate) lock: RunLock,
    image: [usize; 2],
}

impl Job {
    /// A new run from flags, file and preset.
    pub(crate) fn fresh(args: &Args) -> anyhow::Result<Self> {
        if let Some(out) = &args.out {
            // Said before anything is downloaded or computed.
            RunDir::check_vacant(out)?;
        }
        let file = args
            .config
            .as_deref()
            .map(ConfigFile::read)
            .transpose()?
            .unwrap_or_default();
        let mut data = args.data.clone();
        data.data_dir = data.data_dir.or(file.data.dir);
        data.transpose |= file.data.transpose;
        let from_file = file.data.source.as_deref().map(parse_source);
        let adapter = file.adapter.map(|name| parse_adapter(&name)).transpose()?;
        let plan = file.plan.map(|name| parse_plan(&name)).transpose()?;
        let source = data.data.take().or(from_file).unwrap_or(Source::Digits);
        check_recordable(&source, data.data_dir.as_deref())?;
        Ok(Self {
            settings: args.overrides.resolve(&file.training, args.preset),
            adapter: args.adapter.resolve(adapter),
            plan: args.plan.resolve(plan),
            matrix_units: args.plan.matrix_units(file.matrix_units),
            source,
            data,
            resume: None,
        })
    }

    /// A run that continues, with its own settings; only the number of epochs can change.
    pub(crate) fn continued(args: &Args, run: &Path) -> anyhow::Result<Self> {
        let dir = RunDir::open(run)?;
        let lock = dir.lock()?;
        let config: RunConfig = dir.read_config()?;
        let mut settings = config.training.clone();
        args.overrides.apply(&mut settings);
        if let Some((own, asked)) = config.training.first_difference(&settings) {
            return Err(Usage(format!(
                "the run {} cannot be continued with other settings (it has {own}, asked for is \
                 {asked}); leave the flag out, or start a new run",
                run.display()
            ))
            .into());
        }
        let own = absolute_source(&config.data.source());
        let mut data = args.data.clone();
        data.data_dir = data.data_dir.or(config.data.dir);
        if data.transpose && !config.data.transpose {
            return Err(Usage(format!(
                "the run {} was trained on images as they are stored, so it cannot be continued on \
                 transposed ones; leave --transpose out, or start a new run",
                run.display()
            ))
            .into());
        }
        data.transpose = config.data.transpose;
        let other = data.data.take().map(|source| absolute_source(&source));
        if let Some(other) = other.filter(|other| *other != own) {
            let message = format!(
                "the run {} was trained on {own}, so it cannot be continued on {other}; leave --data \
                 out, or start a new run (if the folder was moved, correct `source` in {})",
                run.display(),
                dir.config().display()
            );
            return Err(Usage(message).into());
        }
        Ok(Self {
            settings,
            adapter: args.adapter.resolve(Some(parse_adapter(&config.adapter)?)),
            plan: args.plan.resolve(Some(parse_plan(&config.plan)?)),
            matrix_units: args.plan.matrix_units(config.matrix_units),
            source: own,
            data,
            resume: Some(Resume {
                dir,
                lock,
                image: config.data.image,
            }),
        })
    }

    /// Everything resolved, for the run's `config.toml`.
    pub(crate) fn config(&self, data: &Dataset) -> RunConfig {
        let images = &data.train.images;
        let dir = self
            .data
            .data_dir
            .as_deref()
            .filter(|_| is_named(&self.source));
        RunConfig {
            adapter: self.adapter.to_string(),
            plan: self.plan.to_string(),
            matrix_units: self.matrix_units,
            data: DataConfig {
                source: absolute_source(&self.source).to_string(),
                dir: dir.map(absolute),
                transpose: self.data.transpose,
                image: [images.height, images.width],
            },
            training: self.settings.clone(),
        }
    }

    /// Loads the data while the adapter opens: both take a tenth of a second.
    pub(crate) fn load_and_open(&self) -> anyhow::Result<(Dataset, Result<Device, ExecutorError>)> {
        let options = Options {
            matrix_units: self.matrix_units,
            ..Options::default()
        };
        let open = || Device::open_with(&self.adapter, &options);
        let (device, data) =
            threads::both(open, || self.data.load(&self.source, self.settings.seed));
        Ok((data?, device))
    }

    /// Puts the model on the adapter, new or from the checkpoint. Whether the adapter could be
    /// opened counts only once the data is seen to fit.
    pub(crate) fn trainer(
        &self,
        data: Dataset,
        device: Result<Device, ExecutorError>,
    ) -> anyhow::Result<Trainer> {
        let images = &data.train.images;
        let found = [images.height, images.width];
        if let Some(Resume { image, .. }) = &self.resume
            && *image != found
        {
            return Err(TrainError::ImageSize {
                found: format!("{}×{}", found[0], found[1]),
                expected: format!("{}×{}", image[0], image[1]),
            }
            .into());
        }
        self.settings.check_images(images.count)?;
        let dim = images.dim();
        let vae = self.settings.vae(dim)?;
        let executor = options::executor(
            device?.with_plan(self.plan),
            vae.parameters(),
            self.settings.seed,
        )
        .map_err(|error| self.with_layers_that_fit(error, dim))?;
        let settings = self.settings.clone();
        let Some(Resume { dir, .. }) = &self.resume else {
            return Ok(Trainer::new(vae, executor, settings, data)?);
        };
        let path = dir.last_checkpoint();
        let checkpoint = Checkpoint::load(&path)?;
        let trainer = Trainer::resume(vae, executor, settings, data, checkpoint)
            .map_err(|error| of_checkpoint(error, &path))?;
        let (done, asked) = (trainer.epochs_done(), trainer.settings().epochs);
        if done > asked {
            return Err(Usage(format!(
                "the run {} has done {done} epochs, so it cannot end after {asked}; --epochs counts \
                 from the start: give {done} or more",
                dir.path().display()
            ))
            .into());
        }
        Ok(trainer)
    }

    /// Names layers whose parameters fit into what an adapter or the reference executor allows, where
    /// these do not.
    fn with_layers_that_fit(&self, mut error: ExecutorError, dim: usize) -> ExecutorError {
        let ExecutorError::Gpu(GpuError::TooLarge { limit, remedy, .. }) = &mut error else {
            return error;
        };
        let mut smaller = self.settings.clone();
        let values = |settings: &Settings| -> Option<u64> {
            let specs = settings.vae(dim).ok()?.parameters();
            let room = |spec: &ParameterSpec| spec.shape.len().next_multiple_of(Slice::ALIGNMENT);
            Some(specs.iter().map(room).sum::<usize>() as u64)
        };
        while values(&smaller).is_some_and(|values| values > *limit / 4) {
            let sizes = smaller.hidden.iter_mut().chain([&mut smaller.latent]);
            match sizes.max().filter(|size| **size > 1) {
                Some(largest) => *largest /= 2,
                // The images alone are too large.
                None => return error,
            }
        }
        let hidden: Vec<_> = smaller.hidden.iter().map(usize::to_string).collect();
        *remedy = format!(
            "--hidden {} --latent {} would fit",
            hidden.join(","),
            smaller.latent
        );
        error
    }
}

/// A folder for a new run, and the right to write it.
pub(crate) fn claim(path: &Path) -> Result<(RunDir, RunLock), CheckpointError> {
    let dir = RunDir::create(path)?;
    let lock = dir.lock()?;
    // Another training may have come and gone since it was created.
    RunDir::check_vacant(path)?;
    Ok((dir, lock))
}

/// `runs/DATA-N` with the first N that is free.
pub(crate) fn claim_unused(data: &str) -> Result<(RunDir, RunLock), CheckpointError> {
    let plain = |c: char| {
        if c.is_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    let name: String = data.chars().map(plain).collect();
    let mut number = 1_u32;
    loop {
        let path = Path::new("runs").join(format!("{name}-{number}"));
        if !path.exists() {
            match claim(&path) {
                // Somebody else was as quick.
                Err(CheckpointError::Locked { .. } | CheckpointError::RunExists { .. }) => {}
                claimed => return claimed,
            }
        }
        number += 1;
    }
}

fn parse_adapter(name: &str) -> Result<AdapterChoice, Usage> {
    name.parse()
        .map_err(|error| Usage(format!("in the configuration, adapter '{name}': {error}")))
}

fn parse_plan(name: &str) -> Result<PlanChoice, Usage> {
    name.parse()
        .map_err(|error| Usage(format!("in the configuration, plan '{name}': {error}")))
}

/// Whether the data set lies where `--data-dir` says.
fn is_named(source: &Source) -> bool {
    !matches!(source, Source::Digits | Source::Directory(_))
}

/// Refuses data whose place a run could not record, so that it could never be resumed: TOML is UTF-8.
fn check_recordable(source: &Source, data_dir: Option<&Path>) -> Result<(), Usage> {
    let place = match source {
        Source::Directory(path) => Some(path.as_path()),
        named => data_dir.filter(|_| is_named(named)),
    };
    match place.map(absolute) {
        Some(path) if path.to_str().is_none() => Err(Usage(format!(
            "the path {} is not UTF-8, so that the run could not record where its data lie; rename \
             the folder, or name it by a link whose path is UTF-8",
            path.display()
        ))),
        _ => Ok(()),
    }
}

/// The same source, whatever the working directory.
fn absolute_source(source: &Source) -> Source {
    match source {
        Source::Directory(path) => Source::Directory(absolute(path)),
        named => named.clone(),
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
