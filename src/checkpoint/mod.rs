//! What a run leaves on disk: checkpoints as safetensors files, and the run directory around them.
//!
//! Everything here is a plain container: named f32 arrays, string metadata, a configuration and metrics of the caller's
//! own types. Which tensors a model has, and what they mean, is the caller's affair.
//!
//! Whole files are replaced atomically: a crash, a full disk or a kill at any moment leaves the old content or the new.

pub(crate) mod atomic;
mod error;
mod file;
mod metrics;
mod run;

pub use error::CheckpointError;
pub use file::{Checkpoint, Tensor};
pub use run::{RunDir, RunLock};
