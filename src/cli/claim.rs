//! The folder of a new run.

use std::path::{Path, PathBuf};

use vae_wgpu::checkpoint::{CheckpointError, RunDir, RunLock};

/// A folder for a new run, and the right to write it.
pub(super) fn claim(path: &Path) -> Result<(RunDir, RunLock), CheckpointError> {
    let dir = RunDir::create(path)?;
    let lock = dir.lock()?;
    // Another training may have come and gone since it was created.
    RunDir::check_vacant(path)?;
    Ok((dir, lock))
}

/// `runs/DATA-N` with the first N that is free.
pub(super) fn claim_unused(data: &str) -> Result<(RunDir, RunLock), CheckpointError> {
    loop {
        match claim(&unused(data)) {
            // Somebody else was as quick.
            Err(CheckpointError::Locked { .. } | CheckpointError::RunExists { .. }) => {}
            claimed => return claimed,
        }
    }
}

/// `runs/DATA-N` with the first N of which there is nothing.
pub(super) fn unused(data: &str) -> PathBuf {
    let plain = |c: char| {
        if c.is_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    let name: String = data.chars().map(plain).collect();
    let path = |number: u32| Path::new("runs").join(format!("{name}-{number}"));
    let mut numbers = 1..;
    numbers
        .find_map(|number| Some(path(number)).filter(|path| !path.exists()))
        .unwrap_or_else(|| path(0))
}
