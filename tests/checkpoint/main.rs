//! What a run leaves on disk, through the public interface: checkpoints, the run directory, pictures.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as tests do"
)]

mod file;
mod plot;
mod run_dir;
