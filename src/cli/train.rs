//! `vae train`

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use anyhow::anyhow;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;
use vae_wgpu::checkpoint::{RunDir, RunLock, Which};
use vae_wgpu::data::Split;
use vae_wgpu::model::FittedPrior;
use vae_wgpu::threads::{self, Beside};
use vae_wgpu::train::{
    EpochEnd, EpochMetrics, LrSchedule, Preset, Progress, Settings, TrainError, Trainer,
};

use super::config::Overrides;
use super::failure::Usage;
use super::job::{Job, Loaded};
use super::keeping::{Keeper, Keeping};
use super::options::{AdapterOption, DataOptions, PlanOption};
use super::output::Output;
use super::progress::Reporter;
use super::run::{CheckpointOption, Found};
use super::{console, fit_prior, interrupt, pictures};

/// Images of the pictures that a training leaves.
const PICTURED: usize = 100;
const RECONSTRUCTED: usize = 20;

/// A KL divergence below which the latent has collapsed onto its prior, in nats an image.
const COLLAPSED: f64 = 0.01;
/// The term that says how much.
const KL: &str = "kl";

/// Train a variational autoencoder
#[derive(Debug, Default, clap::Args)]
#[command(after_help = "\
Examples:
  vae train                                        built-in digits, best adapter
  vae train --preset blog --data mnist --download
  vae train --beta 4 --kl-warmup 2000              a heavier divergence, raised slowly
  vae train --condition both                       labels into encoder and decoder
  vae train --objective iwae --samples 5 --binarize dynamic
  vae train --likelihood laplace --scale per-pixel
  vae train --prior vamp --fit-prior mixture       a trained prior, and one fitted in the end
  vae train --data glyphs/ --hidden 512,256 --latent 32 --epochs 50 --out runs/glyphs
  vae train --resume runs/glyphs --epochs 80       30 epochs more
  vae train --resume runs/glyphs --lr 1e-4         from here on with a lower learning rate
  vae train --init runs/glyphs --data letters/     a new run with that one's weights
  vae train --init runs/a --data letters/ --freeze encoder      only its decoder is trained
  vae train --config runs/glyphs/config.toml       the same run again

Ctrl-C finishes the step, saves, and exits with 130; --resume continues to the same bits as if
nothing had happened. SIGUSR1 saves and goes on. Where there is no terminal, an epoch longer than a
minute prints a line a minute.")]
pub(crate) struct Args {
    /// Settings with a source; other flags override them
    #[arg(long, value_name = "NAME", long_help = preset_help())]
    pub(super) preset: Option<Preset>,
    /// A TOML file with settings, such as a run's config.toml; flags override it
    #[arg(long, value_name = "FILE.toml", conflicts_with = "resume")]
    pub(super) config: Option<PathBuf>,
    /// Where the run goes [default: runs/DATA-N]
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub(super) out: Option<PathBuf>,
    /// Continue a run, up to --epochs; the learning rate, its schedule, Adam's numbers and clipping
    /// may change, from the step on at which it continues
    #[arg(long, value_name = "RUN", conflicts_with = "preset")]
    pub(super) resume: Option<PathBuf>,
    /// Start a new run with the weights of RUN, or of a safetensors file
    #[arg(long, value_name = "RUN", conflicts_with = "resume")]
    pub(super) init: Option<PathBuf>,
    #[command(flatten)]
    pub(super) checkpoint: CheckpointOption,
    #[command(flatten)]
    pub(super) keeping: Keeping,
    /// In the end, fit a density to the latents of the training images, as `vae fit-prior` does
    #[arg(long, value_name = "PRIOR", value_parser = PossibleValuesParser::new(FittedPrior::NAMES).try_map(|s| s.parse::<FittedPrior>()))]
    pub(super) fit_prior: Option<FittedPrior>,
    /// Print the losses of every N-th step
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) log_every: Option<u32>,
    /// Steps that share a submission to the GPU; changes no result [default: by their duration]
    #[arg(long, value_name = "N", hide_short_help = true, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) steps_per_submission: Option<u32>,
    #[command(flatten)]
    pub(super) adapter: AdapterOption,
    #[command(flatten)]
    pub(super) plan: PlanOption,
    #[command(flatten)]
    pub(super) data: DataOptions,
    #[command(flatten)]
    pub(super) overrides: Overrides,
}

/// Every preset with its source.
pub(super) fn preset_help() -> String {
    let lines = Preset::ALL.map(|preset| format!("\n- {}: {}", preset.name(), preset.source()));
    format!(
        "Settings with a source; other flags override them:\n{}",
        lines.concat()
    )
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        if self.checkpoint.checkpoint.is_some() && self.resume.is_none() && self.init.is_none() {
            let message = "--checkpoint says which of a run's checkpoints to begin with: add --resume RUN \
                           or --init RUN";
            return Err(Usage(message.to_owned()).into());
        }
        let job = match &self.resume {
            Some(run) => Job::continued(&self, run)?,
            None => Job::fresh(&self)?,
        };
        job.settings.check()?;
        if self.fit_prior.is_some() {
            fit_prior::check(&job.settings)?;
        }
        let fit_with = (self.data.clone(), self.adapter.clone());
        let (Loaded { data, config }, device) = job.load_and_open()?;
        let name = data.name.clone();
        let pictured = data.test.first(RECONSTRUCTED);
        let ready = job.trainer(data, device)?;
        let config = job.config(&config, &ready);
        let mut trainer = ready.trainer;
        if let Some(steps) = self.steps_per_submission {
            trainer.set_steps_per_submission(steps as usize);
        }
        let keeping = job.keeping;
        let (dir, lock) = job.claim(self.out.as_deref(), &name)?;
        say_what_is_missing(&lock, &dir);
        dir.write_config(&config)?;
        dir.truncate_metrics(trainer.epochs_done().into())?;
        let mut run = Run {
            adapter: trainer.executor_name(),
            keeper: Keeper::of(&dir, keeping)?,
            dir,
        };
        if trainer.steps_done() == 0 {
            run.keeper.of_step(trainer.checkpoint()?).run()?;
        }
        console::line(&format!("{name} on {}", run.adapter));
        let epochs = trainer.settings().epochs;
        if trainer.epochs_done() == epochs {
            console::note(&format!(
                "all {epochs} epochs of this run are done; a larger --epochs goes on"
            ));
        }
        let mut reporter = Reporter::new(epochs, self.log_every)?;
        interrupt::listen()?;
        let trained = run.train(&mut trainer, &mut reporter);
        reporter.finish();
        match trained.map_err(|error| run.advise(error, trainer.settings()))? {
            Trained::Interrupted => {
                console::line(&format!(
                    "interrupted after step {}; continue with: vae train --resume {}",
                    trainer.steps_done(),
                    console::quoted(run.dir.path())
                ));
                Ok(ExitCode::from(interrupt::EXIT_CODE))
            }
            Trained::ToTheEnd => {
                finish(&mut trainer, &run.dir, &pictured);
                if let Some(prior) = self.fit_prior {
                    let (data, adapter) = fit_with;
                    let (dir, which) = (run.dir.clone(), Which::Last);
                    fit_prior::usual(Found { dir, which }, prior, &data, &adapter)?;
                }
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trained {
    ToTheEnd,
    Interrupted,
}

/// A run on its way.
struct Run {
    dir: RunDir,
    keeper: Keeper,
    /// What it runs on now: a run may move from machine to machine.
    adapter: String,
}

/// A line of `metrics.jsonl`.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    metrics: &'a EpochMetrics,
    adapter: &'a str,
}

impl Run {
    /// Trains to the last epoch or until interrupted. A checkpoint is written while the next epoch
    /// runs, but for one that somebody asked for.
    fn train(&mut self, trainer: &mut Trainer, reporter: &mut Reporter) -> anyhow::Result<Trained> {
        thread::scope(|scope| {
            let mut saving = None;
            let mut trained = Trained::ToTheEnd;
            while trained == Trained::ToTheEnd && trainer.epochs_done() < trainer.settings().epochs
            {
                reporter.begin(trainer.steps_of_epoch());
                let watches = reporter.watches();
                let mut watch = |progress: Progress<'_>| reporter.progress(progress);
                // An epoch that ends early is saved, and goes on where only that was asked for.
                let mut save_now = false;
                let mut go_on = || {
                    save_now |= interrupt::take_save_request();
                    !interrupt::asked() && !save_now
                };
                let end = trainer.epoch(watches.then_some(&mut watch), &mut go_on)?;
                saving.take().map_or(Ok(()), Beside::join)?;
                let checkpoint = trainer.checkpoint()?;
                let save = match end {
                    EpochEnd::Complete(metrics) => {
                        // The line first: a crash between the two repeats the epoch and replaces the
                        // line.
                        self.dir.append_metrics(&Line {
                            metrics: &metrics,
                            adapter: &self.adapter,
                        })?;
                        reporter.epoch(&metrics);
                        self.keeper.of_epoch(checkpoint, &metrics)
                    }
                    EpochEnd::Interrupted => self.keeper.of_step(checkpoint),
                };
                saving = Some(threads::beside(scope, move || save.run()));
                if save_now {
                    saving.take().map_or(Ok(()), Beside::join)?;
                    console::note(&format!("saved after step {}", trainer.steps_done()));
                }
                if interrupt::asked() && trainer.epochs_done() < trainer.settings().epochs {
                    trained = Trained::Interrupted;
                }
            }
            saving.map_or(Ok(()), Beside::join)?;
            Ok(trained)
        })
    }

    /// Says of a loss that is not finite how the run can go on all the same: the last checkpoint was
    /// sound, and repeated as it was the run would end at the same step.
    fn advise(&self, error: anyhow::Error, settings: &Settings) -> anyhow::Error {
        if !matches!(error.downcast_ref(), Some(TrainError::NonFinite { .. })) {
            return error;
        }
        let lower = match &settings.lr_schedule {
            LrSchedule::Table(rates) => {
                let rates = rates.iter().map(|&(passes, rate)| (passes, tenth(rate)));
                format!("--lr-schedule {}", LrSchedule::Table(rates.collect()))
            }
            _ => format!("--lr {:?}", tenth(settings.lr)),
        };
        anyhow!(
            "{error}; the last good checkpoint is kept. A lower learning rate usually helps: vae train \
             --resume {} {lower}",
            console::quoted(self.dir.path()),
        )
    }
}

/// A tenth of a rate in as many digits as an f32 has: in more, what rounding left would show.
fn tenth(rate: f64) -> f64 {
    let tenth = rate / 10.0;
    (tenth as f32).to_string().parse().unwrap_or(tenth)
}

/// Says what the run's file system does not have.
fn say_what_is_missing(lock: &RunLock, dir: &RunDir) {
    let path = dir.path().display();
    if !lock.excludes_others() {
        console::note(&format!(
            "the file system of {path} has no locks: see to it that no second training writes there"
        ));
    }
    if !lock.survives_power_cuts() {
        console::note(&format!(
            "the file system of {path} cannot say when a file is on the disk: a power cut may take what was saved last"
        ));
    }
}

/// Says where everything is, and draws the pictures. The training is complete, so that a picture that
/// cannot be drawn is worth a warning and no failure.
fn finish(trainer: &mut Trainer, dir: &RunDir, split: &Split) {
    let metrics = dir.read_metrics::<EpochMetrics>();
    if let Some(last) = metrics.ok().as_ref().and_then(|metrics| metrics.last()) {
        if let Some(kl) = last.test.term(KL)
            && kl < COLLAPSED
        {
            console::warning(&format!(
                "the latent says nothing about an image (KL {kl:.3} nats): all reconstructions are nearly alike; look for \
                 images that are constant or all the same, else a smaller --lr or a larger --latent usually helps"
            ));
        }
        console::line(&format!(
            "test loss {:.2} nats after epoch {}",
            last.test.objective, last.epoch
        ));
    }
    console::line(&format!("run              {}", dir.path().display()));
    console::line(&format!(
        "checkpoint       {}",
        dir.last_checkpoint().display()
    ));
    let size = [split.images.height, split.images.width];
    let count = pictures::fitting(PICTURED, size);
    let scaling = trainer.scaling();
    say_drawn("samples", dir, "prior.png", |output| {
        pictures::samples(trainer.model(), &scaling, (count, None), size, output)
    });
    say_drawn("reconstructions", dir, "reconstructions.png", |output| {
        pictures::reconstructions(trainer.model(), &scaling, split, RECONSTRUCTED, output)
    });
}

/// Draws a picture into the run's folder for such, and says where it is or why it is not.
fn say_drawn(
    what: &str,
    dir: &RunDir,
    name: &str,
    draw: impl FnOnce(&Output) -> anyhow::Result<()>,
) {
    let drawn = Output::among_samples(dir, name)
        .map_err(Into::into)
        .and_then(|output| draw(&output));
    match drawn {
        Ok(()) => console::line(&format!("{what:<17}{}", dir.samples().join(name).display())),
        Err(error) => console::warning(&format!(
            "the run is complete, but its {what} could not be drawn: {error:#}"
        )),
    }
}
