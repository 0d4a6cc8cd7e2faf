//! Which checkpoints a training leaves: always the last, the best by test loss, and those of single
//! epochs where they were asked for.

use std::fs;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use vae_wgpu::checkpoint::{Checkpoint, CheckpointError, RunDir, Which};
use vae_wgpu::train::EpochMetrics;

use super::failure::Usage;

/// The key of a checkpoint's metadata under which the test loss of its epoch is, in nats per image.
const TEST_LOSS: &str = "test_loss";

/// Which checkpoints of single epochs are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[command(next_help_heading = "Checkpoints")]
pub(crate) struct Keeping {
    /// Also keep the checkpoint of every N-th epoch, as checkpoints/epoch-N.safetensors; last and
    /// best are kept in any case
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    save_every: Option<NonZeroU32>,
    /// Keep only the K newest of those
    #[arg(long, value_name = "K")]
    #[serde(skip_serializing_if = "Option::is_none")]
    keep: Option<NonZeroU32>,
}

impl Keeping {
    /// These over another's.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            save_every: self.save_every.or(other.save_every),
            keep: self.keep.or(other.keep),
        }
    }

    /// Checks that what is to be limited is made.
    pub(crate) fn check(self) -> Result<(), Usage> {
        match self {
            Self {
                save_every: None,
                keep: Some(keep),
            } => Err(Usage(format!(
                "--keep {keep} limits the checkpoints that --save-every makes, and none was asked \
                 for: add --save-every N, the epochs from one to the next"
            ))),
            _ => Ok(()),
        }
    }

    /// Whether nothing was asked for.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A run's checkpoints as its training goes on.
pub(crate) struct Keeper {
    dir: RunDir,
    keeping: Keeping,
    /// The least test loss of an epoch so far.
    least: f64,
}

/// A checkpoint and the names under which it is to be saved.
pub(crate) struct Saving {
    dir: RunDir,
    keep: Option<NonZeroU32>,
    checkpoint: Checkpoint,
    names: Vec<Which>,
}

impl Keeper {
    /// Takes up a run where its metrics stand. The best checkpoint may be of an epoch past them: one
    /// that was saved just before a kill, or that a resumed run left for an earlier epoch.
    pub(crate) fn of(dir: &RunDir, keeping: Keeping) -> Result<Self, CheckpointError> {
        let metrics: Vec<EpochMetrics> = dir.read_metrics()?;
        let best = Checkpoint::load_metadata(&dir.checkpoint(Which::Best)).ok();
        let best = best.and_then(|metadata| metadata.get(TEST_LOSS)?.parse::<f64>().ok());
        let losses = metrics.iter().map(|epoch| epoch.test.objective).chain(best);
        Ok(Self {
            dir: dir.clone(),
            keeping,
            least: losses.fold(f64::INFINITY, f64::min),
        })
    }

    /// What is to be saved at the end of an epoch. The last checkpoint comes last: a kill between two
    /// of them repeats the epoch and writes the same bytes once more.
    pub(crate) fn of_epoch(&mut self, mut checkpoint: Checkpoint, epoch: &EpochMetrics) -> Saving {
        let loss = epoch.test.objective;
        checkpoint
            .metadata
            .insert(TEST_LOSS.to_owned(), loss.to_string());
        let mut names = Vec::new();
        if let Some(every) = self.keeping.save_every
            && epoch.epoch % every == 0
        {
            names.push(Which::Epoch(epoch.epoch));
        }
        if loss < self.least {
            self.least = loss;
            names.push(Which::Best);
        }
        names.push(Which::Last);
        self.saving(checkpoint, names)
    }

    /// What is to be saved within an epoch.
    pub(crate) fn of_step(&self, checkpoint: Checkpoint) -> Saving {
        self.saving(checkpoint, vec![Which::Last])
    }

    fn saving(&self, checkpoint: Checkpoint, names: Vec<Which>) -> Saving {
        Saving {
            dir: self.dir.clone(),
            keep: self.keeping.keep,
            checkpoint,
            names,
        }
    }
}

impl Saving {
    /// Writes the files, each whole or not at all, and removes the numbered ones that are too many.
    pub(crate) fn run(&self) -> Result<(), CheckpointError> {
        for &name in &self.names {
            self.checkpoint.save(&self.dir.checkpoint(name))?;
        }
        let Some(keep) = self.keep else {
            return Ok(());
        };
        let saved = self.dir.saved();
        let numbered = saved.iter().filter(|name| matches!(name, Which::Epoch(_)));
        for &name in numbered.rev().skip(keep.get() as usize) {
            // One that cannot be removed only takes space.
            let _ = fs::remove_file(self.dir.checkpoint(name));
        }
        Ok(())
    }
}
