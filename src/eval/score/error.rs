//! Why examples cannot be scored.

use super::super::InputError;
use crate::executor::ExecutorError;
use crate::model::Likelihood;

/// Examples that cannot be scored.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ScoreError {
    /// Rows or labels that the model does not take.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The device's.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    /// A score by draws, of which there are none.
    #[error("a score by {by} is a mean over draws of z, and 0 were asked for; choose 1 or more")]
    NoDraws {
        /// What was asked for.
        by: &'static str,
    },
    /// A probability from a likelihood that is none.
    #[error(
        "the likelihood {} is no probability, so that the model has no score by {by}; score by reconstruction, which is \
         then the squared error",
        likelihood.density().name
    )]
    NoDensity {
        /// The likelihood.
        likelihood: Likelihood,
        /// What was asked for.
        by: &'static str,
    },
    /// A scale that follows from all examples of a batch.
    #[error(
        "the scale optimal of this model is the best one of a batch, so that the score of an example would depend on \
         those beside it; score with a model whose scale is trained (shared, per-dimension or per-pixel) or 1 (unit)"
    )]
    ScaleOfBatch,
    /// Labels that are summed over.
    #[error(
        "this model was trained with labels in part and sums over the labels that an example may have, which scores do \
         not; score with a model that reads no labels, or all of them"
    )]
    LabelsInPart,
}
