//! What a training shows of itself on its way, beside its figures.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// Which pictures are drawn while a run trains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[command(next_help_heading = "Watching")]
pub(crate) struct Watching {
    /// Draw samples and reconstructions after every N-th epoch, as samples/epoch-N-samples.png and
    /// epoch-N-reconstructions.png, and into the event files that TensorBoard reads
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    sample_every: Option<NonZeroU32>,
}

impl Watching {
    /// This over another's.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            sample_every: self.sample_every.or(other.sample_every),
        }
    }

    /// Whether pictures are drawn after an epoch.
    pub(crate) fn draws(self, epoch: u32) -> bool {
        self.sample_every.is_some_and(|every| epoch % every == 0)
    }

    /// Whether nothing was asked for.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
