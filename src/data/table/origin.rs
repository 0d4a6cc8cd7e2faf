//! Where the bytes of a table are: in a file, plain or compressed with gzip, or in memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;

use crate::data::DataError;
use crate::data::idx::of_link;

/// Bytes that begin a stream of gzip.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Where a table is; it can be opened again and again.
#[derive(Clone, Debug)]
pub struct Origin {
    path: PathBuf,
    bytes: Option<Arc<[u8]>>,
}

impl Origin {
    /// A file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { path, bytes: None }
    }

    /// Bytes in memory, which errors call `path`; its ending says the format, as a file's does.
    pub fn memory(path: impl Into<PathBuf>, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self {
            path: path.into(),
            bytes: Some(bytes.into()),
        }
    }

    /// The file, or what bytes in memory are called.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes that are in memory.
    #[cfg(feature = "arrow")]
    pub(super) fn bytes(&self) -> Option<&Arc<[u8]>> {
        self.bytes.as_ref()
    }

    /// The name's ending in lower case, without `.gz`.
    pub(super) fn ending(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        let name = name.to_string_lossy().to_lowercase();
        let stem = name.strip_suffix(".gz").unwrap_or(&name);
        let ending = stem.rsplit_once('.').map(|(_, ending)| ending);
        ending.unwrap_or_default().to_owned()
    }

    /// Opens it from the beginning, decompressed.
    pub(super) fn open(&self) -> Result<Contents, DataError> {
        let refused = |cause| DataError::Read {
            path: self.path.clone(),
            cause: of_link(&self.path, cause),
        };
        let mut raw: Box<dyn BufRead + Send> = match &self.bytes {
            Some(bytes) => Box::new(Cursor::new(Arc::clone(bytes))),
            None => {
                let file = File::open(&self.path).map_err(refused)?;
                if file.metadata().map_err(refused)?.is_dir() {
                    return Err(refused(io::ErrorKind::IsADirectory.into()));
                }
                Box::new(BufReader::with_capacity(1 << 16, file))
            }
        };
        let gzip = raw.fill_buf().map_err(refused)?.starts_with(&GZIP);
        let raw: Box<dyn Read + Send> = match gzip {
            true => Box::new(MultiGzDecoder::new(raw)),
            false => Box::new(raw),
        };
        Ok(Contents {
            raw,
            gzip,
            offset: 0,
        })
    }
}

/// The decompressed bytes.
pub(super) struct Contents {
    raw: Box<dyn Read + Send>,
    gzip: bool,
    /// Bytes that were read.
    offset: u64,
}

impl Contents {
    /// What a failure to read from `path` means.
    pub(super) fn blame(&self, path: &Path, cause: io::Error) -> DataError {
        let path = path.to_owned();
        let is_gzip = matches!(
            cause.kind(),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
        );
        if self.gzip && is_gzip {
            let offset = self.offset;
            return DataError::Gzip {
                path,
                offset,
                cause,
            };
        }
        DataError::Read { path, cause }
    }
}

impl Read for Contents {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.raw.read(buffer)?;
        self.offset += read as u64;
        Ok(read)
    }
}
