//! Where the bytes of arrays come from: a file, or bytes in memory.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::CrcReader;
use flate2::read::DeflateDecoder;

use super::ArrayError;

/// A file of arrays.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// What errors call it.
    pub(super) path: PathBuf,
    /// Its contents, where they are in memory.
    bytes: Option<Arc<[u8]>>,
}

/// What can be read from any place in it.
pub(super) trait Contents: Read + Seek + Send {}

impl<T: Read + Seek + Send> Contents for T {}

/// A part of the file, and what has to be done to its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// The first byte.
    pub(super) start: u64,
    /// Bytes in the file.
    pub(super) len: u64,
    /// The sum of what it unpacks to, where it is compressed by deflate.
    pub(super) deflated: Option<u32>,
}

impl Place {
    /// A file.
    pub(super) fn file(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            bytes: None,
        }
    }

    /// Bytes in memory, which errors call `path`.
    pub(super) fn memory(bytes: Vec<u8>, path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            bytes: Some(bytes.into()),
        }
    }

    /// Opens it.
    pub(super) fn open(&self) -> Result<Box<dyn Contents>, ArrayError> {
        match &self.bytes {
            Some(bytes) => Ok(Box::new(Cursor::new(Arc::clone(bytes)))),
            None => Ok(Box::new(
                File::open(&self.path).map_err(|e| self.refused(e))?,
            )),
        }
    }

    /// Opens its file, where it is one.
    pub(super) fn open_file(&self) -> Result<Option<File>, ArrayError> {
        match &self.bytes {
            Some(_) => Ok(None),
            None => File::open(&self.path)
                .map(Some)
                .map_err(|e| self.refused(e)),
        }
    }

    /// Bytes of the whole file. A pipe has no length that a header could be checked against.
    pub(super) fn len(&self) -> Result<u64, ArrayError> {
        let Some(bytes) = &self.bytes else {
            let metadata = self.path.metadata().map_err(|e| self.refused(e))?;
            return match metadata.is_file() {
                true => Ok(metadata.len()),
                false => Err(self.damaged("it is no regular file")),
            };
        };
        Ok(bytes.len() as u64)
    }

    /// Opens a part of it.
    pub(super) fn open_part(&self, part: Part) -> Result<Box<dyn Read + Send>, ArrayError> {
        let mut contents = self.open()?;
        contents
            .seek(SeekFrom::Start(part.start))
            .map_err(|cause| self.refused(cause))?;
        let stored = contents.take(part.len);
        Ok(match part.deflated {
            None => Box::new(stored),
            Some(sum) => Box::new(Checked {
                reader: CrcReader::new(DeflateDecoder::new(stored)),
                sum,
            }),
        })
    }

    /// That the operating system refused.
    pub(super) fn refused(&self, cause: io::Error) -> ArrayError {
        // A decoder's complaints are about the file, and not of the system.
        match cause.kind() {
            io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::UnexpectedEof => {
                self.damaged(format!("its compressed contents are damaged ({cause})"))
            }
            _ => ArrayError::Read {
                path: self.path.clone(),
                cause,
            },
        }
    }

    /// That the contents are not what they should be.
    pub(super) fn damaged(&self, reason: impl Into<String>) -> ArrayError {
        ArrayError::Damaged {
            path: self.path.clone(),
            reason: reason.into(),
        }
    }
}

/// What is unpacked, whose sum is compared at its end.
struct Checked<R: Read> {
    reader: CrcReader<R>,
    sum: u32,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(block)?;
        if read == 0 && !block.is_empty() && self.reader.crc().sum() != self.sum {
            let message = "the checksum is another";
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(read)
    }
}
