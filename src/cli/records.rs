//! Where records of examples go: `-o`.

use std::fs;
use std::io;
use std::path::Path;

use vae_wgpu::checkpoint::CheckpointError;
use vae_wgpu::records::{Format, Target};

use super::failure::Usage;
use super::output::check_spares_run;

/// What a path means; refused before anything is computed if it cannot be written, or would replace a file that the run
/// lives by.
pub(crate) fn target(path: &Path, run: &Path) -> anyhow::Result<Target> {
    if path == Path::new("-") {
        return Ok(Target::stdout());
    }
    let Some(format) = Format::of(path) else {
        return Err(Usage(format!(
            "-o {} has none of the endings that can be written: .npy, .csv, .parquet, .safetensors, or - for CSV on \
             standard output",
            path.display()
        ))
        .into());
    };
    check_spares_run(path, run)?;
    if !format.is_built() {
        return Err(Usage(format!(
            "-o {}: this program was built without Parquet; build it with --features arrow, or write .csv",
            path.display()
        ))
        .into());
    }
    Ok(Target::file(path, format)?)
}

/// Refuses to write over the file that is read.
pub(crate) fn check_spares_input(output: &Path, input: &Path) -> Result<(), Usage> {
    let whole = |path: &Path| fs::canonicalize(path).ok();
    match whole(output).is_some_and(|output| whole(input) == Some(output)) {
        false => Ok(()),
        true => Err(Usage(format!(
            "-o {} is the file that is read; choose another one",
            output.display()
        ))),
    }
}

/// Whether whoever reads standard output has closed it: then there is no more to do, and nothing has failed.
pub(crate) fn is_closed(error: &anyhow::Error) -> bool {
    let kind = match error.downcast_ref::<CheckpointError>() {
        Some(CheckpointError::Write { cause, .. }) => cause.kind(),
        _ => return false,
    };
    kind == io::ErrorKind::BrokenPipe
}
