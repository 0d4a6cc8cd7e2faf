//! The run directory: where a training keeps its configuration, metrics, checkpoints and samples.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CheckpointError, write_whole};
use crate::atomic;

const CONFIG: &str = "config.toml";
const METRICS: &str = "metrics.jsonl";
const LAST_CHECKPOINT: &str = "checkpoints/last.safetensors";
const LOCK: &str = ".lock";

/// A run's folder.
///
/// ```text
/// run/
///   config.toml                    everything resolved, enough to repeat the run
///   metrics.jsonl                  one JSON object per epoch
///   checkpoints/last.safetensors   the newest checkpoint
///   samples/                       images written along the way
/// ```
#[derive(Clone, Debug)]
pub struct RunDir {
    path: PathBuf,
}

/// The right to write a run, held until dropped. The operating system gives it back also when the process is killed.
#[derive(Debug)]
pub struct RunLock {
    _file: Option<File>,
}

impl RunDir {
    /// Makes the folder for a new run, with `checkpoints/` and `samples/` in it. A folder that exists may hold anything
    /// but a run.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::RunExists`] when it holds a configuration, metrics or a checkpoint already;
    /// [`CheckpointError::Write`] when it cannot be created or written.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, CheckpointError> {
        let run = Self { path: path.into() };
        Self::check_vacant(&run.path)?;
        for folder in [run.checkpoints(), run.samples()] {
            fs::create_dir_all(&folder)
                .map_err(|cause| CheckpointError::write(&folder, 0, cause))?;
        }
        // Found out now and not after the first epoch: whether files can be made in folders that were there before.
        for folder in [&run.path, &run.checkpoints(), &run.samples()] {
            atomic::temporary_in(folder)
                .map_err(|cause| CheckpointError::write(folder, 0, cause))?;
        }
        Ok(run)
    }

    /// Whether a new run can start here, as far as the folder's content says.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::RunExists`] when it holds a configuration, metrics or a checkpoint already.
    pub fn check_vacant(path: &Path) -> Result<(), CheckpointError> {
        for found in [CONFIG, METRICS, LAST_CHECKPOINT] {
            // A link that leads nowhere counts as well: writing would go to where it points.
            if fs::symlink_metadata(path.join(found)).is_ok() {
                let path = path.to_owned();
                return Err(CheckpointError::RunExists { path, found });
            }
        }
        Ok(())
    }

    /// Opens a run that has saved a checkpoint.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::NotARun`], which lists what is missing.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, CheckpointError> {
        let path = path.into();
        let not_a_run = |missing: &str, advice| CheckpointError::NotARun {
            path: path.clone(),
            missing: missing.to_owned(),
            advice,
        };
        match fs::metadata(&path) {
            Ok(stat) if stat.is_dir() => {}
            Ok(_) => {
                return Err(CheckpointError::read(
                    &path,
                    io::ErrorKind::NotADirectory.into(),
                ));
            }
            Err(cause) => return Err(CheckpointError::read(&path, cause)),
        }
        match (
            path.join(CONFIG).is_file(),
            path.join(LAST_CHECKPOINT).is_file(),
        ) {
            (true, true) => Ok(Self { path }),
            (true, false) => Err(not_a_run(
                LAST_CHECKPOINT,
                "the training stopped before its first checkpoint: delete the folder and start again",
            )),
            (false, true) => Err(not_a_run(
                CONFIG,
                "take that file from another copy of the run",
            )),
            (false, false) => Err(not_a_run(
                &format!("{CONFIG} and no {LAST_CHECKPOINT}"),
                "give the folder that a training wrote",
            )),
        }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `config.toml`
    pub fn config(&self) -> PathBuf {
        self.path.join(CONFIG)
    }

    /// `metrics.jsonl`
    pub fn metrics(&self) -> PathBuf {
        self.path.join(METRICS)
    }

    /// `checkpoints/`
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// `checkpoints/last.safetensors`
    pub fn last_checkpoint(&self) -> PathBuf {
        self.path.join(LAST_CHECKPOINT)
    }

    /// `samples/`
    pub fn samples(&self) -> PathBuf {
        self.path.join("samples")
    }

    /// Claims the run for writing, so that two trainings do not mix their files. Also removes what a killed process left
    /// half-written.
    ///
    /// On a file system without locks the run is not protected, and this succeeds.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Locked`] while another process (or another [`RunLock`] of this one) holds it;
    /// [`CheckpointError::Write`] when the lock file cannot be made.
    pub fn lock(&self) -> Result<RunLock, CheckpointError> {
        let path = self.path.join(LOCK);
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|cause| CheckpointError::write(&path, 0, cause))?;
        let lock = match file.try_lock() {
            Ok(()) => RunLock { _file: Some(file) },
            Err(TryLockError::WouldBlock) => {
                return Err(CheckpointError::Locked {
                    path: self.path.clone(),
                });
            }
            Err(TryLockError::Error(cause)) if cause.kind() == io::ErrorKind::Unsupported => {
                RunLock { _file: None }
            }
            Err(TryLockError::Error(cause)) => return Err(CheckpointError::write(&path, 0, cause)),
        };
        // Not in `samples/`: who draws pictures from a run holds no lock, and may be writing one.
        for folder in [&self.path, &self.checkpoints()] {
            atomic::remove_leftovers(folder);
        }
        Ok(lock)
    }

    /// Writes the configuration as TOML, atomically.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Encode`] when TOML cannot express it (a `None` in a list),
    /// [`CheckpointError::NoRoom`] and [`CheckpointError::Write`] when the file cannot be written.
    pub fn write_config<T: Serialize>(&self, config: &T) -> Result<(), CheckpointError> {
        let path = self.config();
        let text = toml::to_string(config).map_err(|error| CheckpointError::Encode {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        write_whole(&path, text.len() as u64, |file| {
            file.write_all(text.as_bytes())
        })
    }

    /// Reads the configuration back.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Read`] when there is no such file, [`CheckpointError::Decode`] when it is not TOML or does not
    /// fit `T`; the message has line and column.
    pub fn read_config<T: DeserializeOwned>(&self) -> Result<T, CheckpointError> {
        let path = self.config();
        let bytes = fs::read(&path).map_err(|cause| CheckpointError::read(&path, cause))?;
        toml::from_slice(&bytes).map_err(|error| CheckpointError::Decode {
            path,
            reason: error.to_string().trim_end().to_owned(),
        })
    }
}
