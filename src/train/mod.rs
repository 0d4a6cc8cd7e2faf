//! Training: settings, the loop over epochs, checkpoints, interruption and resume.

mod check;
mod collapse;
mod curves;
mod describe;
mod difference;
mod error;
mod export;
mod fit;
mod groups;
mod import;
mod labelled;
mod layers;
mod load;
mod metrics;
pub(crate) mod pacing;
mod preset;
mod published;
mod rates;
mod rows;
mod saved;
mod scaling;
mod settings;
mod trainer;
mod windows;

pub use collapse::{Collapse, LatentKl};
pub use curves::{OBJECTIVE, reported_terms, training_curves};
pub use describe::describe;
pub use difference::Difference;
pub use error::{Pixel, TrainError};
pub use export::{Exported, Network};
pub use fit::{Fit, FittedModel, LatentDraws, fitted_prior_of, step_of};
pub use groups::{Decay, Freeze};
pub use import::{Fault, ImportError, Mismatch, Names, Sizes, import, imported};
pub use labelled::labelled_rows;
pub use layers::Between;
pub use load::{Loaded, load, load_parameters};
pub use metrics::{EpochMetrics, LossColumns, Losses};
pub use preset::Preset;
pub use published::{Published, Quantity, Row};
pub use rates::LrSchedule;
pub use rows::{Part, evaluated_rows, given_values, scored_values};
pub use saved::{
    check_architecture, check_fixed, classes, parameters_alone, recorded_settings, scaling, table,
};
pub use scaling::{Normalize, Scaling};
pub use settings::{Binarize, Observed, Settings};
pub use trainer::{EpochEnd, Progress, Trainer};
