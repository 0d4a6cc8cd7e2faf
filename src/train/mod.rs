//! Training: settings, the loop over epochs, checkpoints, interruption and resume.

mod error;
mod metrics;
mod pacing;
mod saved;
mod settings;
mod trainer;

pub use error::TrainError;
pub use metrics::{EpochMetrics, Losses};
pub use settings::{Preset, Settings};
pub use trainer::{EpochEnd, Progress, Trainer, load_parameters};
