//! Everything that can go wrong with a run's files.

use std::io;
use std::path::{Path, PathBuf};

/// An error of a run's files: what was wrong, in which file, and what can be done about it.
///
/// The operating system's cause is part of each message and not a separate source, so that a chain of errors names it
/// once.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The file could not be written. A file that was there before is unchanged.
    #[error("cannot write {}: {cause}; {}", path.display(), remedy(cause))]
    Write {
        /// The file or folder that was to be written.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },

    /// The disk, the quota or the file size limit is exhausted. A file that was there before is unchanged.
    #[error(
        "cannot write {}: {cause}; it needs {needed} bytes: free that much or use another disk (an earlier version of \
         the file, if there was one, is unchanged)",
        path.display()
    )]
    NoRoom {
        /// The file that was to be written.
        path: PathBuf,
        /// The size of the new file, in bytes.
        needed: u64,
        /// What the operating system said.
        cause: io::Error,
    },

    /// The file or folder could not be read.
    #[error("cannot read {}: {cause}; {}", path.display(), remedy(cause))]
    Read {
        /// The file or folder that was to be read.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },

    /// The file is not a safetensors file, or a damaged one.
    #[error(
        "{} is not a valid safetensors file: {reason}; use another checkpoint, or write this one again",
        path.display()
    )]
    Invalid {
        /// The file that was read.
        path: PathBuf,
        /// What in it was wrong.
        reason: String,
    },

    /// The file's length is not the one that its header announces.
    #[error(
        "{} is {}: its header announces {expected} bytes and it has {found}; copy or download it again, or use another \
         checkpoint",
        path.display(),
        if found < expected { "cut short" } else { "too long" }
    )]
    Length {
        /// The file that was read.
        path: PathBuf,
        /// Header and tensors together, in bytes.
        expected: u64,
        /// The file's length, in bytes.
        found: u64,
    },

    /// A tensor in the file does not hold 32-bit floats.
    #[error(
        "{}: tensor `{tensor}` is {dtype}, and only F32 is read; convert it before saving (in PyTorch, `tensor.float()`)",
        path.display()
    )]
    Dtype {
        /// The file that was read.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// The element type in the file, as safetensors spells it.
        dtype: String,
    },

    /// A tensor cannot be written as it is: a fault of the calling code.
    #[error("cannot write {}: tensor `{tensor}` {reason}; this is a fault of the program", path.display())]
    Tensor {
        /// The file that was to be written.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// Why it cannot be written.
        reason: String,
    },

    /// A new run was to start in a folder that holds one.
    #[error(
        "{} already holds a run ({found} is there); resume that run, choose another folder, or delete this one",
        path.display()
    )]
    RunExists {
        /// The folder.
        path: PathBuf,
        /// The file that gives the run away, relative to the folder.
        found: &'static str,
    },

    /// A folder is not a run, or not one that has saved a checkpoint.
    #[error("{} is not a run: it has no {missing}; {advice}", path.display())]
    NotARun {
        /// The folder.
        path: PathBuf,
        /// The files it lacks, relative to the folder.
        missing: String,
        /// What the user can do.
        advice: &'static str,
    },

    /// Another process is writing the run.
    #[error(
        "{} is in use by another training; wait for it to end, stop it, or choose another folder",
        path.display()
    )]
    Locked {
        /// The run's folder.
        path: PathBuf,
    },

    /// A value cannot be expressed in the file's format.
    #[error("cannot write {}: {reason}; change that value", path.display())]
    Encode {
        /// The file that was to be written.
        path: PathBuf,
        /// Which value, and why.
        reason: String,
    },

    /// A configuration or a line of metrics cannot be understood.
    #[error("{}: {reason}; correct it by hand, or take the file from another copy of the run", path.display())]
    Decode {
        /// The file that was read.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
}

impl CheckpointError {
    /// The error of writing `needed` bytes to `path`.
    pub(crate) fn write(path: &Path, needed: u64, cause: io::Error) -> Self {
        let path = path.to_owned();
        match cause.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::NoRoom {
                path,
                needed,
                cause,
            },
            _ => Self::Write { path, cause },
        }
    }

    /// The error of reading `path`.
    pub(crate) fn read(path: &Path, cause: io::Error) -> Self {
        Self::Read {
            path: path.to_owned(),
            cause,
        }
    }
}

/// What a user can do about an error of the operating system.
fn remedy(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::NotFound => "check the path, and that its folder exists",
        io::ErrorKind::PermissionDenied => "change its permissions, or choose another path",
        io::ErrorKind::ReadOnlyFilesystem => "choose a path on a disk that can be written",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "a part of the path is a file where a folder is needed: choose another path"
        }
        io::ErrorKind::IsADirectory => "it is a folder: give the path of a file",
        _ => "check the path and the disk",
    }
}
