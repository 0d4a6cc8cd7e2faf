//! `vae sweep`: a training for every combination of settings.

mod grid;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{ArgMatches, Command, FromArgMatches};
use vae_wgpu::checkpoint::{RunDir, Which};
use vae_wgpu::train::EpochMetrics;

use super::claim::unused;
use super::config::RunConfig;
use super::eval::{self, How};
use super::failure::Usage;
use super::job::{Job, Shared};
use super::progress::Reporter;
use super::run::{Found, TrainedRun};
use super::train::{self, Trained};
use super::{compare, console, interrupt};
use grid::{Grid, Point};

/// The flags of `vae train`, each with one value or several.
#[derive(Clone, Debug)]
pub(crate) struct Args {
    grid: Grid,
    out: Option<PathBuf>,
}

impl clap::Args for Args {
    fn augment_args(command: Command) -> Command {
        grid::flags(command)
            .about("Train every combination of settings, one after the other, and compare them")
            .after_help(
                "\
Examples:
  vae sweep --latent 2,5,10,20 --beta 1,4 --out runs/sweep
  vae sweep --data mnist --likelihood bernoulli,continuous-bernoulli --epochs 5 --out runs/likelihoods
  vae sweep --hidden 400/200,200/512,256 --seed 0,1 --out runs/layers

A flag with several values, commas between them, is an axis of the grid; of flags whose own values have
commas (--hidden, --lr-schedule and others) the values of an axis have slashes between them. Every
point of the grid is a run of its own in the folder --out. The same command again goes on where it
was interrupted, and measures what is not measured yet. The table at the end is that of `vae
compare`; the measures are those of `vae eval`.",
            )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Args {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut grid = Grid::of(matches);
        let out = grid.take(grid::OUT).map(PathBuf::from);
        Ok(Self { grid, out })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let points = self.grid.points()?;
        // Every point is checked before the first one is trained.
        let mut jobs = Vec::new();
        for point in &points {
            let job = Job::fresh(&point.args).with_context(|| point.name.clone())?;
            job.settings.check().with_context(|| point.name.clone())?;
            jobs.push(job);
        }
        let source = jobs.first().map(Job::source_name).unwrap_or_default();
        let folder = self.out.clone().unwrap_or_else(|| unused(&source));
        let shared = match (self.grid.shares_data(), jobs.first()) {
            (true, Some(job)) => job.share()?,
            _ => None,
        };
        drop(jobs);
        console::line(&format!(
            "{} trainings in {}, one after the other",
            points.len(),
            folder.display()
        ));
        let mut runs = Vec::new();
        for (number, point) in (1..).zip(&points) {
            console::line(&format!("\n{number} of {}: {}", points.len(), point.name));
            let path = folder.join(&point.name);
            if train(point, &path, shared.as_ref())? == Trained::Interrupted {
                console::line("interrupted; the same command goes on");
                return Ok(ExitCode::from(interrupt::EXIT_CODE));
            }
            measure(point, &path)?;
            runs.push(path);
        }
        console::result(&format!("\n{}", compare::table_of(&runs)?));
        Ok(ExitCode::SUCCESS)
    }
}

/// Trains a point to its end: from its beginning, or from where its run stands.
fn train(point: &Point, path: &Path, shared: Option<&Shared>) -> anyhow::Result<Trained> {
    let mut args = point.args.clone();
    match RunDir::open(path) {
        Err(_) => args.out = Some(path.to_owned()),
        Ok(dir) => {
            let asked = Job::fresh(&args)?.settings;
            let config: RunConfig = dir.read_config()?;
            if let Some(other) = config.training.differences(&asked).into_iter().next() {
                return Err(Usage(format!(
                    "the run {} has other settings than this sweep asks for ({key} = {} there, {key} = {} asked \
                     for); give --out another folder",
                    path.display(),
                    other.own,
                    other.other,
                    key = other.setting
                ))
                .into());
            }
            let metrics = dir.read_metrics::<EpochMetrics>()?;
            let done = metrics.last().map_or(0, |last| last.epoch);
            if done >= asked.epochs {
                console::line("trained already");
                return Ok(Trained::ToTheEnd);
            }
            args.preset = None;
            args.config = None;
            args.resume = Some(path.to_owned());
        }
    }
    let mut reporter = Reporter::new(args.log_every)?;
    let ended = train::one::train(&args, shared, &mut reporter, false)?;
    Ok(ended.how)
}

/// Measures the run of a point where nobody has yet.
fn measure(point: &Point, path: &Path) -> anyhow::Result<()> {
    let dir = RunDir::open(path)?;
    if dir.evaluation().exists() {
        return Ok(());
    }
    let how = How::default();
    let which = Which::Last;
    let adapter = &point.args.adapter;
    let found = Found { dir, which };
    let mut run = TrainedRun::open(found, adapter, how.seed)?;
    let mut options = point.args.data.clone();
    options.data = None;
    let data = run.data(options)?;
    let findings = how.measure((&mut run, which), &data, adapter)?;
    eval::keep(&run.dir, &findings);
    Ok(())
}
