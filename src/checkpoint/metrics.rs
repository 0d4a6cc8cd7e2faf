//! `metrics.jsonl`: one JSON object per line, appended as training goes.
//!
//! A line counts when it is a whole JSON object. A process that is killed while it writes leaves a part of one, and a
//! part of an object is never an object, so such a line is recognised and left out.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{CheckpointError, RunDir, write_whole};

impl RunDir {
    /// Appends one line to `metrics.jsonl`. `metrics` must serialise to an object, with a whole number `epoch` in it for
    /// [`truncate_metrics`](Self::truncate_metrics). Numbers that are not finite become `null`.
    ///
    /// The line has left the process when this returns, so killing it loses nothing; a power cut may.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Encode`] when JSON cannot express the value; [`CheckpointError::NoRoom`] and
    /// [`CheckpointError::Write`] when the file cannot be written. Then it is as it was.
    pub fn append_metrics<T: Serialize>(&self, metrics: &T) -> Result<(), CheckpointError> {
        let path = self.metrics();
        let mut line = serde_json::to_vec(metrics).map_err(|error| CheckpointError::Encode {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        line.push(b'\n');
        append(&path, &line)
            .map_err(|cause| CheckpointError::write(&path, line.len() as u64, cause))
    }

    /// Keeps the lines of `metrics.jsonl` whose `epoch` is at most `epochs`, and drops all others: those of epochs that
    /// a resumed training does again, and a half-written last line. The file is replaced atomically.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Read`], [`CheckpointError::NoRoom`] and [`CheckpointError::Write`]. A missing file is none.
    pub fn truncate_metrics(&self, epochs: u64) -> Result<(), CheckpointError> {
        let path = self.metrics();
        let old = read_if_there(&path)?;
        let mut new = Vec::with_capacity(old.len());
        for line in old.split(|&byte| byte == b'\n') {
            if epoch(line).is_some_and(|epoch| epoch <= epochs) {
                new.extend_from_slice(line);
                new.push(b'\n');
            }
        }
        if new == old {
            return Ok(());
        }
        write_whole(&path, new.len() as u64, |file| file.write_all(&new))
    }

    /// Reads all of `metrics.jsonl`; nothing when there is no such file. A half-written last line is left out.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Read`] when the file cannot be read, [`CheckpointError::Decode`] with the number of a line that
    /// is no JSON or does not fit `T`.
    pub fn read_metrics<T: DeserializeOwned>(&self) -> Result<Vec<T>, CheckpointError> {
        let path = self.metrics();
        let bytes = read_if_there(&path)?;
        let mut metrics = Vec::new();
        let mut lines = bytes.split(|&byte| byte == b'\n').enumerate().peekable();
        while let Some((index, line)) = lines.next() {
            // What follows the last line break is empty, or a line that was never finished.
            let is_unfinished = lines.peek().is_none();
            match serde_json::from_slice(line) {
                Ok(value) => metrics.push(value),
                Err(error) if is_unfinished && !error.is_data() => {}
                Err(error) => {
                    return Err(CheckpointError::Decode {
                        path,
                        reason: format!("line {}: {error}", index + 1),
                    });
                }
            }
        }
        Ok(metrics)
    }
}

/// The field `epoch` of a line that is a whole object.
fn epoch(line: &[u8]) -> Option<u64> {
    let object: Map<String, Value> = serde_json::from_slice(line).ok()?;
    object.get("epoch")?.as_u64()
}

fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    let mut file = File::options().create(true).append(true).open(path)?;
    let before = file.metadata()?.len();
    file.write_all(line).inspect_err(|_| {
        // A disk that fills up in the middle of a line must not leave a part that the next line would continue. If that
        // fails too, the part is dropped when the file is next read or truncated.
        let _ = file.set_len(before);
    })
}

fn read_if_there(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    match fs::read(path) {
        Ok(bytes) => Ok(bytes),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(cause) => Err(CheckpointError::read(path, cause)),
    }
}
