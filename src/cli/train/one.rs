//! One training, from its data to its pictures.

use std::thread;

use anyhow::anyhow;
use serde::Serialize;
use vae_wgpu::checkpoint::{RunDir, RunLock, Which};
use vae_wgpu::threads::{self, Beside};
use vae_wgpu::train::{
    EpochEnd, EpochMetrics, LrSchedule, Progress, Settings, TrainError, Trainer,
};

use super::Args;
use super::board::{Board, Watched};
use crate::cli::job::{Job, Loaded, Shared};
use crate::cli::keeping::Keeper;
use crate::cli::progress::Report;
use crate::cli::run::Found;
use crate::cli::{console, fit_prior, interrupt};

/// How a training ended, and where.
pub(super) struct Ended {
    pub(super) how: Trained,
    pub(super) dir: RunDir,
    /// Steps of the whole run.
    pub(super) steps: u32,
}

/// Trains as the flags say, on data of its own or on those that are shared. `aloud` says whether lines of text tell of it: of one among several trainings
/// `report` alone does.
pub(super) fn train(
    args: &Args,
    shared: Option<&Shared>,
    report: &mut dyn Report,
    aloud: bool,
) -> anyhow::Result<Ended> {
    let say = |text: &str| {
        if aloud {
            console::line(text);
        }
    };
    let mut job = match &args.resume {
        Some(run) => Job::continued(args, run)?,
        None => Job::fresh(args)?,
    };
    job.check()?;
    let fitted_prior = args.fit_prior.or_else(|| args.preset?.fitted_prior());
    if fitted_prior.is_some() {
        fit_prior::check(&job.settings)?;
    }
    let (Loaded { data, config, lens }, device) = job.load_and_open(shared)?;
    let name = data.name.clone();
    if let Some(table) = &data.table {
        say(&table.to_string());
    }
    job.suit(&data, aloud)?;
    let watched = Watched::of(&data);
    job.fit_window(&data, &device);
    let ready = job.trainer(data, device)?;
    let config = job.config(&config, &ready);
    let mut trainer = ready.trainer;
    if let Some(steps) = args.steps_per_submission {
        trainer.set_steps_per_submission(steps as usize);
    }
    let (keeping, watching) = (job.keeping, job.watching);
    let (dir, lock) = job.claim(args.out.as_deref(), &name)?;
    say_what_is_missing(&lock, &dir);
    dir.write_config(&config)?;
    dir.truncate_metrics(trainer.epochs_done().into())?;
    let mut run = Run {
        adapter: trainer.executor_name(),
        keeper: Keeper::of(&dir, keeping)?,
        board: Board::new(&trainer, &dir, watching, watched, lens, aloud),
        dir,
    };
    if trainer.steps_done() == 0 {
        run.keeper.of_step(trainer.checkpoint()?).run()?;
    }
    say(&format!("{name} on {}", run.adapter));
    let epochs = trainer.settings().epochs;
    if trainer.epochs_done() == epochs {
        console::note(&format!(
            "all {epochs} epochs of this run are done; a larger --epochs goes on"
        ));
    }
    // Until here nothing is lost by a signal, which ends the process: a download is not waited for.
    interrupt::listen(interrupt::Work::Training)?;
    report.start(epochs);
    let trained = run.train(&mut trainer, report);
    report.finish();
    let how = trained.map_err(|error| run.advise(error, trainer.settings()))?;
    if how == Trained::ToTheEnd {
        finish(&mut trainer, &mut run, &say);
        if let Some(prior) = fitted_prior {
            let (dir, which) = (run.dir.clone(), Which::Last);
            fit_prior::usual(Found { dir, which }, prior, &args.data, &args.adapter, &say)?;
        }
    }
    Ok(Ended {
        how,
        steps: trainer.steps_done(),
        dir: run.dir,
    })
}

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trained {
    ToTheEnd,
    Interrupted,
}

/// A run on its way.
struct Run {
    dir: RunDir,
    keeper: Keeper,
    board: Board,
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
    fn train(&mut self, trainer: &mut Trainer, report: &mut dyn Report) -> anyhow::Result<Trained> {
        let mut saves = interrupt::saves_asked();
        thread::scope(|scope| {
            let mut saving = None;
            let mut trained = Trained::ToTheEnd;
            while trained == Trained::ToTheEnd && trainer.epochs_done() < trainer.settings().epochs
            {
                report.begin(trainer.steps_of_epoch());
                let watches = report.watches();
                let mut watch = |progress: Progress<'_>| report.progress(progress);
                // An epoch that ends early is saved, and goes on where only that was asked for.
                let mut save_now = false;
                let mut go_on = || {
                    let asked = interrupt::saves_asked();
                    save_now |= std::mem::replace(&mut saves, asked) != asked;
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
                        report.epoch(&metrics);
                        // Before the checkpoint, so that a crash leaves no epoch without its pictures.
                        self.board.epoch(trainer, &metrics);
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
fn finish(trainer: &mut Trainer, run: &mut Run, say: &dyn Fn(&str)) {
    let metrics = run.dir.read_metrics::<EpochMetrics>();
    if let Some(last) = metrics.ok().as_ref().and_then(|metrics| metrics.last()) {
        run.board.end(trainer.settings(), last);
        say(&format!(
            "test loss {:.2} nats after epoch {}",
            last.test.objective, last.epoch
        ));
    }
    say(&format!("run              {}", run.dir.path().display()));
    say(&format!(
        "checkpoint       {}",
        run.dir.last_checkpoint().display()
    ));
    run.board.finish(trainer, say);
}
