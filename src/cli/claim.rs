//! The folder of a new run.

use std::path::Path;

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
    let plain = |c: char| {
        if c.is_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    let name: String = data.chars().map(plain).collect();
    let mut number = 1_u32;
    loop {
        let path = Path::new("runs").join(format!("{name}-{number}"));
        if !path.exists() {
            match claim(&path) {
                // Somebody else was as quick.
                Err(CheckpointError::Locked { .. } | CheckpointError::RunExists { .. }) => {}
                claimed => return claimed,
            }
        }
        number += 1;
    }
}
