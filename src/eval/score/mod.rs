//! How strange single examples are to a model: a score of each in nats, the larger the stranger, and what each of its
//! values adds to it.
//!
//! Every example is scored with the same ε, drawn from a seed of its own, and in runs of one size: the score of an example
//! is the same wherever it stands among others and however many are scored at a time.

mod error;
mod ranking;
mod scorer;
mod totals;

use serde::{Deserialize, Serialize};

pub use error::ScoreError;
pub use ranking::{auroc, quantile};
pub use scorer::{Contributions, Explainer, Scorer};

/// What a score is, in nats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum ScoreBy {
    /// −ln p(x), by importance sampling with so many draws of z from q(z | x): an estimate that is too high in the mean
    /// and comes nearer with more draws (Burda, Grosse and Salakhutdinov 2016).
    LogLikelihood {
        /// Draws of z, K.
        samples: usize,
    },
    /// −ELBO: the mean of −ln p(x | z) over the draws, and KL(q(z | x) ‖ p(z)), in closed form where it has one, else as
    /// the mean over the draws.
    Elbo {
        /// Draws of z, K.
        samples: usize,
    },
    /// −ln p(x | z) at the z that stands for q(z | x): its mean, or where a flow takes it.
    Reconstruction,
}

impl ScoreBy {
    /// Their names, as settings give them.
    pub const NAMES: [&'static str; 3] = ["log-likelihood", "elbo", "reconstruction"];

    /// That of a name, with so many draws where it has draws; `None` of another name.
    pub fn of(name: &str, samples: usize) -> Option<Self> {
        match name {
            "log-likelihood" => Some(Self::LogLikelihood { samples }),
            "elbo" => Some(Self::Elbo { samples }),
            "reconstruction" => Some(Self::Reconstruction),
            _ => None,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::LogLikelihood { .. } => "log-likelihood",
            Self::Elbo { .. } => "elbo",
            Self::Reconstruction => "reconstruction",
        }
    }

    /// Draws of z, where it has draws.
    pub fn samples(self) -> Option<usize> {
        match self {
            Self::LogLikelihood { samples } | Self::Elbo { samples } => Some(samples),
            Self::Reconstruction => None,
        }
    }
}

#[cfg(test)]
mod tests;
