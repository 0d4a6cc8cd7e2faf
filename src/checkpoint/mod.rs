//! What a run leaves on disk: checkpoints as safetensors files, and the run directory around them.
//!
//! Everything here is a plain container: named f32 arrays, string metadata, a configuration and metrics of the caller's
//! own types. Which tensors a model has, and what they mean, is the caller's affair.
//!
//! Whole files are replaced atomically: a crash, a full disk or a kill at any moment leaves the old content or the new.

mod convert;
mod digest;
mod error;
mod evaluation;
mod file;
mod metrics;
mod run;
mod which;

pub use convert::Foreign;
pub use error::CheckpointError;
pub use file::{Checkpoint, Tensor};
pub use run::{RunDir, RunLock};
pub use which::Which;

use std::io;
use std::path::Path;

use crate::atomic;

/// Writes a text file, whole or not at all.
///
/// # Errors
///
/// [`CheckpointError::NoRoom`] and [`CheckpointError::Write`]; then `path` is as it was.
pub fn write_text(path: &Path, text: &str) -> Result<(), CheckpointError> {
    write_whole(path, text.len() as u64, |file| {
        file.write_all(text.as_bytes())
    })
}

/// [`atomic::write`] of a file of `len` bytes, which the message for a full disk names.
///
/// # Errors
///
/// [`CheckpointError::NoRoom`] and [`CheckpointError::Write`]; then `path` is as it was.
pub(crate) fn write_whole(
    path: &Path,
    len: u64,
    content: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
) -> Result<(), CheckpointError> {
    atomic::write(path, content).map_err(|cause| CheckpointError::write(path, len, cause))
}
