//! `vae eval`

mod how;
mod report;

use std::process::ExitCode;

use vae_wgpu::checkpoint::{RunDir, Which};

use super::console;
use super::options::{AdapterOption, DataOptions};
use super::run::{RunArg, TrainedRun};

pub(crate) use how::{Findings, How, WhichSplit, epochs_of};
pub(crate) use report::{figure, row};

/// Measure a run's model: bounds, likelihood, latent, reconstructions, labels
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae eval runs/mnist-1
  vae eval runs/mnist-1 --samples 5000 -n 1000     a tight estimate of ln p(x)
  vae eval runs/mnist-1 --annealed 16              a check of that estimate, of 100 images
  vae eval runs/mnist-1 --data fashion-mnist       what the model thinks of other images
  vae eval runs/mnist-1 --json | jq '.measures[] | select(.name == \"nll\")'

What each figure is, and its paper: docs/measures.md. Of all of the run's own test images, and of its last
checkpoint, the result is kept in RUN/eval.json as well.")]
pub(crate) struct Args {
    #[command(flatten)]
    run: RunArg,
    #[command(flatten)]
    how: How,
    /// Print what was found as a JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataOptions,
    #[command(flatten)]
    adapter: AdapterOption,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let found = self.run.find()?;
        let which = found.which;
        let is_own = self.data.data.is_none();
        let mut run = TrainedRun::open(found, &self.adapter, self.how.seed)?;
        self.how.check(&run)?;
        let data = run.data(self.data)?;
        let findings = self.how.measure((&mut run, which), &data, &self.adapter)?;
        match self.json {
            true => console::result(&serde_json::to_string_pretty(&findings)?),
            false => console::result(&report::text(&findings)),
        }
        let is_whole = findings.images == self.how.split.of(&data).images.count;
        if is_own && is_whole && which == Which::Last && self.how.split == WhichSplit::Test {
            keep(&run.dir, &findings);
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Keeps what was found beside the run's other files. It has been printed, so that a folder that cannot be written is worth
/// a warning.
pub(crate) fn keep(dir: &RunDir, findings: &Findings) {
    if let Err(error) = dir.write_evaluation(findings) {
        console::warning(&format!("what was measured could not be kept: {error}"));
    }
}
