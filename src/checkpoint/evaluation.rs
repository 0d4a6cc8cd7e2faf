//! `eval.json`: what a run's model was last measured to be with its own test images.

use std::path::PathBuf;
use std::{fs, io};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CheckpointError, RunDir, write_text};

/// The file's name.
const EVALUATION: &str = "eval.json";

impl RunDir {
    /// `eval.json`, whether or not it is there.
    pub fn evaluation(&self) -> PathBuf {
        self.path().join(EVALUATION)
    }

    /// Keeps what was measured, in the place of what was before.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Encode`] when JSON cannot express it; [`CheckpointError::NoRoom`] and
    /// [`CheckpointError::Write`] when the file cannot be written. Then it is as it was.
    pub fn write_evaluation<T: Serialize>(&self, findings: &T) -> Result<(), CheckpointError> {
        let path = self.evaluation();
        let text = serde_json::to_string_pretty(findings);
        let text = text.map_err(|error| CheckpointError::Encode {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        write_text(&path, &format!("{text}\n"))
    }

    /// Reads it back; `None` where nobody has measured the run.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Read`] when the file cannot be read, [`CheckpointError::Decode`] when it does not fit `T`.
    pub fn read_evaluation<T: DeserializeOwned>(&self) -> Result<Option<T>, CheckpointError> {
        let path = self.evaluation();
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(CheckpointError::read(&path, cause)),
        };
        let found = serde_json::from_slice(&bytes);
        found.map(Some).map_err(|error| CheckpointError::Decode {
            path,
            reason: error.to_string(),
        })
    }
}
