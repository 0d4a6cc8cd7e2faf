//! `vae sweep`: a training for every combination of settings.

mod grid;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{ArgMatches, Command, FromArgMatches};
use vae_wgpu::checkpoint::{RunDir, Which};

use super::claim::unused;
use super::eval::{self, Findings, How};
use super::failure::Usage;
use super::job::{Job, Shared};
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
            job.check().with_context(|| point.name.clone())?;
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
        let (mut runs, mut failed) = (Vec::new(), Vec::new());
        for (number, point) in (1..).zip(&points) {
            console::line(&format!("\n{number} of {}: {}", points.len(), point.name));
            let path = folder.join(&point.name);
            let trained = train::to_the_end(&point.args, &path, shared.as_ref());
            match trained {
                Ok(Trained::Interrupted) => {
                    console::line("interrupted; the same command goes on");
                    return Ok(ExitCode::from(interrupt::EXIT_CODE));
                }
                Ok(Trained::ToTheEnd) => {
                    // What cannot be measured was trained all the same.
                    if let Err(error) = measure(point, &path, shared.as_ref()) {
                        console::error(&format!("{}: {error:#}", point.name));
                        failed.push(point.name.as_str());
                    }
                    runs.push(path);
                }
                // What cannot be asked for is wrong of all points.
                Err(error) if error.is::<Usage>() => return Err(error),
                // A point whose loss is not finite says something of its settings; the others are wanted all the same.
                Err(error) => {
                    console::error(&format!("{}: {error:#}", point.name));
                    failed.push(point.name.as_str());
                }
            }
        }
        if !runs.is_empty() {
            console::result(&format!("\n{}", compare::table_of(&runs)?));
        }
        if failed.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        console::line(&format!("failed: {}", failed.join(", ")));
        Ok(ExitCode::FAILURE)
    }
}

/// Measures the run of a point where nobody has since its last epoch, with the data that all share where they do.
fn measure(point: &Point, path: &Path, shared: Option<&Shared>) -> anyhow::Result<()> {
    let dir = RunDir::open(path)?;
    let measured: Option<Findings> = dir.read_evaluation()?;
    if measured.is_some_and(|found| eval::epochs_of(&dir).is_ok_and(|done| done == found.epochs)) {
        return Ok(());
    }
    let how = How::default();
    let which = Which::Last;
    let adapter = &point.args.adapter;
    let mut run = TrainedRun::open(Found { dir, which }, adapter, how.seed)?;
    let shared = shared.filter(|_| run.config.features.is_none());
    let data = match shared.and_then(|shared| shared.of_run(&run.config.data)) {
        Some(data) => Cow::Borrowed(data),
        None => {
            let mut options = point.args.data.clone();
            options.data = None;
            Cow::Owned(run.data(options)?)
        }
    };
    let findings = how.measure((&mut run, which), &data, adapter)?;
    eval::keep(&run.dir, &findings);
    Ok(())
}
