//! An event file as it is written and read.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use super::proto::{Event, SessionLog, Summary, Value, event::What};
use super::record;
use crate::checkpoint::CheckpointError;

/// What the names of event files have in them, by which TensorBoard finds them.
const MARK: &str = "events.out.tfevents.";
/// The first event of a file says this. From version 2 on, a session's start voids later steps of older files.
const VERSION: &str = "brain.Event:2";

/// An event file that is being written.
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// Begins a file in `folder` that comes behind all others there. Whatever these say of steps from `first_step` on
    /// is void for whoever reads them.
    ///
    /// # Errors
    /// [`CheckpointError::Write`] where it cannot be made.
    pub fn create(folder: &Path, first_step: u64) -> Result<Self, CheckpointError> {
        // Files are read in the order of their names, so that a clock that was set back must not show.
        let newest = event_files(folder)
            .iter()
            .filter_map(|path| began(path))
            .max();
        let seconds = now().max(newest.unwrap_or_default() as f64) as u64;
        let count = event_files(folder).len();
        let path = folder.join(format!("{MARK}{seconds:010}.{count:04}.vae"));
        let failed = |cause| CheckpointError::write(&path, 0, cause);
        let file = File::options().append(true).create_new(true).open(&path);
        let mut events = Self {
            file: file.map_err(failed)?,
            path,
        };
        let start = SessionLog {
            status: SessionLog::START,
        };
        events.append_all(&[
            (0, What::FileVersion(VERSION.to_owned())),
            (first_step, What::SessionLog(start)),
        ])?;
        Ok(events)
    }

    /// Appends the values of a step. They have left the process when this returns.
    ///
    /// # Errors
    /// [`CheckpointError::Write`] where the file cannot be written. Then it is as it was.
    pub fn append(&mut self, step: u64, values: Vec<Value>) -> Result<(), CheckpointError> {
        let summary = Summary { value: values };
        self.append_all(&[(step, What::Summary(summary))])
    }

    fn append_all(&mut self, events: &[(u64, What)]) -> Result<(), CheckpointError> {
        let mut bytes = Vec::new();
        for (step, what) in events {
            let event = Event {
                wall_time: now(),
                step: i64::try_from(*step).unwrap_or(i64::MAX),
                what: Some(what.clone()),
            };
            record::push(&mut bytes, &event.encode_to_vec());
        }
        let written = self.write(&bytes);
        written.map_err(|cause| CheckpointError::write(&self.path, bytes.len() as u64, cause))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let before = self.file.metadata()?.len();
        self.file.write_all(bytes).inspect_err(|_| {
            // Behind a part of a record no reader would find the next one.
            let _ = self.file.set_len(before);
        })
    }
}

/// The event files of a folder, in the order in which they were begun.
pub fn event_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| began(path).is_some());
    files.sort_unstable();
    files
}

/// When a file was begun, in seconds since 1970, if its name is an event file's.
fn began(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let (seconds, _) = name.strip_prefix(MARK)?.split_once('.')?;
    seconds.parse().ok()
}

/// The events of a file. A record that is not whole, as the last one of a process that was killed, ends them.
///
/// # Errors
/// [`CheckpointError::Read`] where it cannot be read, and [`CheckpointError::Decode`] where a record is no event.
pub fn read_events(path: &Path) -> Result<Vec<Event>, CheckpointError> {
    let bytes = fs::read(path).map_err(|cause| CheckpointError::read(path, cause))?;
    let events = record::contents(&bytes).map(|content| {
        Event::decode(content).map_err(|error| CheckpointError::Decode {
            path: path.to_owned(),
            reason: error.to_string(),
        })
    });
    events.collect()
}

/// Seconds since 1970.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::super::proto::value::Kind;
    use super::super::{histogram, image, scalar};
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut events = EventFile::create(folder.path(), 11).unwrap();
        let values = vec![
            scalar("loss/train", 105.5),
            image("samples", [7, 5], 1, vec![1, 2, 3]),
            histogram("latent/mu", &[1.0, 2.0]),
        ];
        events.append(20, values.clone()).unwrap();
        events
            .append(30, vec![scalar("loss/train", f64::NAN)])
            .unwrap();
        let files = event_files(folder.path());
        let [path] = files.as_slice() else {
            panic!("{files:?}")
        };
        let events = read_events(path).unwrap();
        assert_eq!(events.len(), 4);
        assert_eq!(
            events[0].what,
            Some(What::FileVersion("brain.Event:2".to_owned()))
        );
        assert_eq!(events[1].step, 11);
        let start = SessionLog { status: 1 };
        assert_eq!(events[1].what, Some(What::SessionLog(start)));
        assert_eq!(events[2].step, 20);
        assert_eq!(
            events[2].what,
            Some(What::Summary(Summary { value: values }))
        );
        let Some(What::Summary(last)) = &events[3].what else {
            panic!("{:?}", events[3])
        };
        assert!(matches!(last.value[0].kind, Some(Kind::SimpleValue(nan)) if nan.is_nan()));
        assert!(events.iter().all(|event| event.wall_time > 1.7e9));
    }

    /// The bytes of a message as the encoding's specification has them.
    #[test]
    fn a_scalar_has_the_bytes_of_its_message() {
        let event = Event {
            wall_time: 1.0,
            step: 300,
            what: Some(What::Summary(Summary {
                value: vec![scalar("kl", 0.5)],
            })),
        };
        let expected = [
            &[0x09, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F][..],
            // 300 in groups of seven bits, the lowest first.
            &[0x10, 0xAC, 0x02],
            // A summary of eleven bytes with a value of nine, its tag and its number.
            &[0x2A, 11, 0x0A, 9],
            &[0x0A, 2, b'k', b'l', 0x15, 0, 0, 0, 0x3F],
        ];
        assert_eq!(event.encode_to_vec(), expected.concat());
    }

    #[test]
    fn a_later_file_has_a_later_name_whatever_the_clock_says() {
        let folder = tempfile::tempdir().unwrap();
        let future = folder.path().join(format!("{MARK}9999999999.0000.vae"));
        fs::write(&future, "").unwrap();
        for _ in 0..12 {
            EventFile::create(folder.path(), 0).unwrap();
        }
        let files = event_files(folder.path());
        assert_eq!(files.len(), 13);
        assert_eq!(files[0], future);
        assert!(files[12].ends_with(format!("{MARK}9999999999.0012.vae")));
        // Others' files have no part in it.
        fs::write(folder.path().join("events.out.txt"), "").unwrap();
        assert_eq!(event_files(folder.path()).len(), 13);
    }
}
