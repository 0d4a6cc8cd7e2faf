//! What can be wrong where a trained model is used.

use crate::checkpoint::CheckpointError;
use crate::eval::{InputError, ScoreError};
use crate::executor::ExecutorError;
use crate::train::TrainError;

/// A model that cannot be opened, or rows that it does not take.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A run or checkpoint that cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A checkpoint of something else, or values that the likelihood is not of.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// Rows or labels that the model does not take.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A score that the model does not have.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// The device's.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
}
