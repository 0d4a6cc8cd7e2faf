//! `vae train`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use vae_wgpu::checkpoint::{Checkpoint, RunDir};
use vae_wgpu::data::{Dataset, Source};
use vae_wgpu::eval;
use vae_wgpu::gpu::AdapterChoice;
use vae_wgpu::train::{EpochEnd, EpochMetrics, Preset, Settings, TrainError, Trainer};

use super::config::{ConfigFile, DataConfig, Overrides, RunConfig};
use super::failure::Usage;
use super::options::{AdapterOption, DataOptions};
use super::progress::Reporter;
use super::{console, interrupt, pictures};

/// Images of the pictures that a training leaves.
const PICTURED: usize = 100;
const RECONSTRUCTED: usize = 20;

/// Train a variational autoencoder
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae train                                        built-in digits, best adapter
  vae train --preset blog --data mnist --download
  vae train --data photos/ --hidden 512,256 --latent 32 --epochs 50 --out runs/photos
  vae train --resume runs/photos --epochs 80       30 epochs more
  vae train --config runs/photos/config.toml       the same run again

Ctrl-C finishes the step, saves, and exits with 130; --resume continues to the same bits as if
nothing had happened.")]
pub(crate) struct Args {
    /// Settings with a source; other flags override them
    #[arg(long, value_name = "NAME", long_help = preset_help())]
    preset: Option<Preset>,
    /// A TOML file with settings, such as a run's config.toml; flags override it
    #[arg(long, value_name = "FILE.toml", conflicts_with = "resume")]
    config: Option<PathBuf>,
    /// Where the run goes [default: runs/DATA-N]
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    out: Option<PathBuf>,
    /// Continue a run, up to --epochs
    #[arg(long, value_name = "RUN", conflicts_with = "preset")]
    resume: Option<PathBuf>,
    /// Print the three losses of every N-th step
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    log_every: Option<u32>,
    /// Steps that share a submission to the GPU; changes no result [default: by their duration]
    #[arg(long, value_name = "N", hide_short_help = true)]
    steps_per_submission: Option<usize>,
    #[command(flatten)]
    adapter: AdapterOption,
    #[command(flatten)]
    data: DataOptions,
    #[command(flatten)]
    overrides: Overrides,
}

fn preset_help() -> String {
    let lines = Preset::ALL.map(|preset| format!("\n- {}: {}", preset.name(), preset.source()));
    format!(
        "Settings with a source; other flags override them:\n{}",
        lines.concat()
    )
}

/// What is to be trained, before anything is opened.
struct Job {
    settings: Settings,
    adapter: AdapterChoice,
    source: Source,
    data: DataOptions,
    resume: Option<Resume>,
}

/// A run that continues.
struct Resume {
    dir: RunDir,
    image: [usize; 2],
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        interrupt::listen()?;
        let job = match &self.resume {
            Some(run) => self.continued(run)?,
            None => self.fresh()?,
        };
        job.settings.check()?;
        let data = job.data.load(&job.source)?;
        let mut trainer = job.trainer(&data)?;
        if let Some(steps) = self.steps_per_submission {
            trainer.set_steps_per_submission(steps);
        }
        let dir = match job.resume {
            Some(Resume { dir, .. }) => dir,
            None => RunDir::create(self.out.unwrap_or_else(|| unused_name(&data.name)))?,
        };
        let _lock = dir.lock()?;
        let images = &data.train.images;
        dir.write_config(&RunConfig {
            adapter: job.adapter.to_string(),
            data: DataConfig {
                source: job.source.to_string(),
                dir: job.data.data_dir.clone(),
                image: [images.height, images.width],
            },
            training: job.settings.clone(),
        })?;
        dir.truncate_metrics(trainer.epochs_done().into())?;
        if trainer.steps_done() == 0 {
            trainer.checkpoint()?.save(&dir.last_checkpoint())?;
        }
        console::line(&format!(
            "{} on {}",
            data.name,
            trainer.model().executor().name()
        ));
        let mut reporter = Reporter::new(job.settings.epochs, self.log_every)?;
        let interrupted = train(&mut trainer, &dir, &mut reporter)?;
        reporter.finish();
        if interrupted {
            console::line(&format!(
                "interrupted after step {}; continue with: vae train --resume {}",
                trainer.steps_done(),
                dir.path().display()
            ));
            return Ok(ExitCode::from(interrupt::EXIT_CODE));
        }
        finish(&mut trainer, &dir, &data)?;
        Ok(ExitCode::SUCCESS)
    }

    /// A new run from flags, file and preset.
    fn fresh(&self) -> anyhow::Result<Job> {
        let file = self
            .config
            .as_deref()
            .map(ConfigFile::read)
            .transpose()?
            .unwrap_or_default();
        let mut data = self.data.clone();
        data.data_dir = data.data_dir.or(file.data.dir);
        let from_file = file
            .data
            .source
            .map(|source| match source.parse::<Source>() {
                Ok(source) => source,
                Err(never) => match never {},
            });
        Ok(Job {
            settings: self.overrides.resolve(&file.training, self.preset),
            adapter: self
                .adapter
                .resolve(file.adapter.map(|name| parse_adapter(&name)).transpose()?),
            source: data.data.take().or(from_file).unwrap_or(Source::Digits),
            data,
            resume: None,
        })
    }

    /// A run that continues, with its own settings; only the number of epochs can change.
    fn continued(&self, run: &Path) -> anyhow::Result<Job> {
        let dir = RunDir::open(run)?;
        let config: RunConfig = dir.read_config()?;
        let mut settings = config.training.clone();
        self.overrides.apply(&mut settings);
        let changed = Settings {
            epochs: config.training.epochs,
            ..settings.clone()
        };
        if changed != config.training {
            let difference = first_difference(&config.training, &changed);
            return Err(Usage(format!(
                "the run {} cannot be continued with other settings ({difference}); leave the flag \
                 out, or start a new run",
                run.display()
            ))
            .into());
        }
        let mut data = self.data.clone();
        data.data_dir = data.data_dir.or(config.data.dir);
        let own = match config.data.source.parse::<Source>() {
            Ok(source) => source,
            Err(never) => match never {},
        };
        if let Some(other) = data.data.take().filter(|other| *other != own) {
            let message = format!(
                "the run {} was trained on {own}, so it cannot be continued on {other}; leave --data \
                 out, or start a new run",
                run.display()
            );
            return Err(Usage(message).into());
        }
        Ok(Job {
            settings,
            adapter: self.adapter.resolve(Some(parse_adapter(&config.adapter)?)),
            source: own,
            data,
            resume: Some(Resume {
                dir,
                image: config.data.image,
            }),
        })
    }
}

impl Job {
    fn trainer(&self, data: &Dataset) -> anyhow::Result<Trainer> {
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
        let vae = self.settings.vae(images.dim())?;
        let opened = eval::open(&self.adapter, vae.parameters(), self.settings.seed)?;
        if let Some(warning) = &opened.warning {
            console::warning(warning);
        }
        let settings = self.settings.clone();
        Ok(match &self.resume {
            Some(Resume { dir, .. }) => {
                let checkpoint = Checkpoint::load(&dir.last_checkpoint())?;
                Trainer::resume(vae, opened.executor, settings, data, checkpoint)?
            }
            None => Trainer::new(vae, opened.executor, settings, data)?,
        })
    }
}

/// Trains to the last epoch or until interrupted; returns whether it was.
fn train(trainer: &mut Trainer, dir: &RunDir, reporter: &mut Reporter) -> anyhow::Result<bool> {
    while trainer.epochs_done() < trainer.settings().epochs {
        reporter.begin(trainer.steps_of_epoch());
        let watches = reporter.watches();
        let mut watch = |progress: vae_wgpu::train::Progress<'_>| reporter.progress(progress);
        let end = trainer.epoch(watches.then_some(&mut watch), &mut || !interrupt::asked())?;
        if let EpochEnd::Complete(metrics) = end {
            // The line first: a crash between the two repeats the epoch and replaces the line.
            dir.append_metrics(&metrics)?;
            reporter.epoch(&metrics);
        }
        trainer.checkpoint()?.save(&dir.last_checkpoint())?;
        if interrupt::asked() && trainer.epochs_done() < trainer.settings().epochs {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Draws the pictures and says where everything is.
fn finish(trainer: &mut Trainer, dir: &RunDir, data: &Dataset) -> anyhow::Result<()> {
    let prior = dir.samples().join("prior.png");
    let pairs = dir.samples().join("reconstructions.png");
    let images = &data.test.images;
    pictures::samples(
        trainer.model(),
        PICTURED,
        [images.height, images.width],
        &prior,
    )?;
    pictures::reconstructions(trainer.model(), images, RECONSTRUCTED, &pairs)?;
    let metrics: Vec<EpochMetrics> = dir.read_metrics()?;
    if let Some(last) = metrics.last() {
        console::line(&format!(
            "test loss {:.2} nats after {} epochs",
            last.test_loss, last.epoch
        ));
    }
    console::line(&format!("run              {}", dir.path().display()));
    console::line(&format!(
        "checkpoint       {}",
        dir.last_checkpoint().display()
    ));
    console::line(&format!("samples          {}", prior.display()));
    console::line(&format!("reconstructions  {}", pairs.display()));
    Ok(())
}

/// `runs/DATA-N` with the first N that is free.
fn unused_name(data: &str) -> PathBuf {
    let name: String = data
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || c == '-' {
                c
            } else {
                '_'
            }
        })
        .collect();
    let mut paths = (1..).map(|n: u32| Path::new("runs").join(format!("{name}-{n}")));
    paths
        .find(|path| !path.exists())
        .unwrap_or_else(|| PathBuf::from("runs/new"))
}

fn parse_adapter(name: &str) -> Result<AdapterChoice, Usage> {
    name.parse()
        .map_err(|error| Usage(format!("in the configuration, adapter '{name}': {error}")))
}

/// The first setting in which two differ, as both write it.
fn first_difference(own: &Settings, other: &Settings) -> String {
    let lines = |settings| toml::to_string(settings).unwrap_or_default();
    let (own, other) = (lines(own), lines(other));
    let pair = own.lines().zip(other.lines()).find(|(a, b)| a != b);
    pair.map_or_else(String::new, |(a, b)| {
        format!("it has {a}, asked for is {b}")
    })
}
