//! The run directory: where a training keeps its configuration, metrics, checkpoints and samples.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CheckpointError, Which, write_text};
use crate::atomic;

const CONFIG: &str = "config.toml";
const METRICS: &str = "metrics.jsonl";
const CHECKPOINTS: &str = "checkpoints";
const LAST_CHECKPOINT: &str = "checkpoints/last.safetensors";
const LOCK: &str = ".lock";

/// A run's folder.
///
/// ```text
/// run/
///   config.toml                          everything resolved, enough to repeat the run
///   metrics.jsonl                        one JSON object per epoch
///   eval.json                            what the model was last measured to be
///   checkpoints/last.safetensors         the newest checkpoint
///   checkpoints/best.safetensors         that of the epoch with the least test loss
///   checkpoints/epoch-0040.safetensors   those of single epochs, where they were asked for
///   samples/                             images written along the way
/// ```
#[derive(Clone, Debug)]
pub struct RunDir {
    path: PathBuf,
    /// Where [`RunDir::create`] made the run, what it made.
    created: Option<Created>,
}

/// The right to write a run, held until dropped. The operating system gives it back also when the process is killed.
///
/// A run that was created and has no checkpoint when its lock is dropped leaves nothing behind: neither its files nor the
/// folders that were made for it.
#[derive(Debug)]
pub struct RunLock {
    /// Before the file in this list, so that an unfinished run is removed while it is locked.
    _unfinished: Option<Unfinished>,
    /// Locked, except where the file system has no locks.
    _file: File,
    excludes_others: bool,
    survives_power_cuts: bool,
}

impl RunLock {
    /// Whether a second training is kept from the run. Some network and user-space file systems have no locks.
    pub fn excludes_others(&self) -> bool {
        self.excludes_others
    }

    /// Whether what was saved outlives a power cut. Some file systems do not say when content is on the disk.
    pub fn survives_power_cuts(&self) -> bool {
        self.survives_power_cuts
    }
}

/// The folders that were made for a run, an outer one before those within it.
#[derive(Clone, Debug, Default)]
struct Created {
    folders: Vec<PathBuf>,
}

impl Created {
    /// Makes a folder and those around it, and remembers which were not there.
    fn make(&mut self, folder: &Path) -> io::Result<()> {
        let around = folder.ancestors();
        let missing =
            around.take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
        let mut missing: Vec<_> = missing.map(Path::to_owned).collect();
        missing.reverse();
        self.folders.append(&mut missing);
        fs::create_dir_all(folder)
    }

    /// Removes the folders again, but for those in which there is something by now.
    fn remove(&self) {
        for folder in self.folders.iter().rev() {
            // One that is not empty stays, and so does one that cannot be removed.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// A created run whose first checkpoint is still to come. Dropping it removes the run if the checkpoint never came.
#[derive(Debug)]
struct Unfinished {
    run: RunDir,
    created: Created,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let is_there = |path: &Path| fs::symlink_metadata(path).is_ok();
        if is_there(&self.run.last_checkpoint()) {
            return;
        }
        for file in [CONFIG, METRICS, LOCK] {
            // None of them was there when the run was created. What cannot be removed stays.
            let _ = fs::remove_file(self.run.path.join(file));
        }
        self.created.remove();
    }
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
        let path = path.into();
        Self::check_vacant(&path)?;
        let run = Self {
            path,
            created: None,
        };
        let mut created = Created::default();
        match run.make_folders(&mut created) {
            Ok(()) => Ok(Self {
                created: Some(created),
                ..run
            }),
            Err(error) => {
                created.remove();
                Err(error)
            }
        }
    }

    fn make_folders(&self, created: &mut Created) -> Result<(), CheckpointError> {
        for folder in [self.checkpoints(), self.samples()] {
            created
                .make(&folder)
                .map_err(|cause| CheckpointError::write(&folder, 0, cause))?;
        }
        // Found out now and not after the first epoch: whether files can be made in folders that were there before.
        for folder in [&self.path, &self.checkpoints(), &self.samples()] {
            atomic::temporary_in(folder)
                .map_err(|cause| CheckpointError::write(folder, 0, cause))?;
        }
        Ok(())
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
        let run = Self {
            path: path.clone(),
            created: None,
        };
        match (run.config().is_file(), !run.saved().is_empty()) {
            (true, true) => Ok(run),
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

    /// Opens the run that a path leads to: the run's folder, or a file in it. Of a checkpoint's file it also says which
    /// checkpoint that is.
    ///
    /// # Errors
    ///
    /// As [`RunDir::open`].
    pub fn find(path: impl Into<PathBuf>) -> Result<(Self, Option<Which>), CheckpointError> {
        let path = path.into();
        if !path.is_file() {
            return Ok((Self::open(path)?, None));
        }
        // A file that is named alone has its folders in the working directory's path.
        let whole = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
        let is_run = |folder: &&Path| folder.join(CONFIG).is_file();
        let name = whole.file_name().and_then(|name| name.to_str());
        if let Some(which) = name.and_then(Which::of_file)
            && let Some(folder) = whole.ancestors().nth(2).filter(is_run)
        {
            return Ok((Self::open(folder)?, Some(which)));
        }
        match whole.parent().filter(is_run) {
            Some(folder) => Ok((Self::open(folder)?, None)),
            None => Err(CheckpointError::NotARun {
                path,
                missing: format!("{CONFIG} beside or above it"),
                advice: "give the folder that a training wrote, or a checkpoint in it",
            }),
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
        self.path.join(CHECKPOINTS)
    }

    /// The file of a checkpoint, whether or not it is there.
    pub fn checkpoint(&self, which: Which) -> PathBuf {
        self.checkpoints().join(which.file_name())
    }

    /// `checkpoints/last.safetensors`
    pub fn last_checkpoint(&self) -> PathBuf {
        self.checkpoint(Which::Last)
    }

    /// The checkpoints that are there: last, best, then by epoch.
    pub fn saved(&self) -> Vec<Which> {
        let entries = fs::read_dir(self.checkpoints()).into_iter().flatten();
        let named = |entry: fs::DirEntry| Which::of_file(entry.file_name().to_str()?);
        let mut saved: Vec<_> = entries.flatten().filter_map(named).collect();
        saved.sort_unstable();
        saved
    }

    /// `samples/`
    pub fn samples(&self) -> PathBuf {
        self.path.join("samples")
    }

    /// `samples/`, made where it is missing: archives and version control drop empty folders.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Write`] when it cannot be made.
    pub fn make_samples(&self) -> Result<PathBuf, CheckpointError> {
        let samples = self.samples();
        fs::create_dir_all(&samples).map_err(|cause| CheckpointError::write(&samples, 0, cause))?;
        Ok(samples)
    }

    /// Claims the run for writing, so that two trainings do not mix their files. Also removes what a killed process left
    /// half-written.
    ///
    /// On a file system without locks the run is not protected, and this succeeds;
    /// [`RunLock::excludes_others`] tells.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Locked`] while another process (or another [`RunLock`] of this one) holds it;
    /// [`CheckpointError::Write`] when the lock file cannot be made. A run that was created just now is then removed
    /// again, unless another process has it.
    pub fn lock(&self) -> Result<RunLock, CheckpointError> {
        let locked = self.try_lock();
        if matches!(locked, Err(CheckpointError::Locked { .. })) {
            // What is there is another process's.
            return locked;
        }
        let unfinished = self.created.as_ref().map(|created| Unfinished {
            run: self.clone(),
            created: created.clone(),
        });
        // An error drops `unfinished`, which removes the run.
        let lock = locked?;
        Ok(RunLock {
            _unfinished: unfinished,
            ..lock
        })
    }

    fn try_lock(&self) -> Result<RunLock, CheckpointError> {
        let path = self.path.join(LOCK);
        let failed = |cause| CheckpointError::write(&path, 0, cause);
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        let excludes_others = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => {
                return Err(CheckpointError::Locked {
                    path: self.path.clone(),
                });
            }
            Err(TryLockError::Error(cause)) if atomic::is_unsupported(&cause) => false,
            Err(TryLockError::Error(cause)) => return Err(failed(cause)),
        };
        let survives_power_cuts = atomic::sync(&file).map_err(failed)?;
        // Not in `samples/`: who draws pictures from a run holds no lock, and may be writing one.
        for folder in [&self.path, &self.checkpoints()] {
            atomic::remove_leftovers(folder);
        }
        Ok(RunLock {
            _file: file,
            excludes_others,
            survives_power_cuts,
            _unfinished: None,
        })
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
        write_text(&path, &text)
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
