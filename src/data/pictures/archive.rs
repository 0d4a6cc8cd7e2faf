//! Archives of picture files: zip, tar, and tar compressed with gzip.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Mutex;

use flate2::read::MultiGzDecoder;
use tar::EntryType;
use zip::ZipArchive;

use super::decode;
use super::store::{Contents, Place, Store};
use crate::data::DataError;

/// Bytes of an archive, wherever they are.
pub(super) type Source = Box<dyn ReadSeek + Send>;

/// What an archive is read from.
pub(super) trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

/// A tar archive that was compressed is held in memory up to so many bytes, and in a temporary file beyond.
const IN_MEMORY: usize = 16 << 20;
/// It may inflate to so many times its compressed size, and to so many bytes more. Pictures are compressed themselves, and
/// hardly shrink again.
const RATIO: u64 = 100;
const ALLOWANCE: u64 = 64 << 20;

/// What an archive is by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Zip,
    Tar,
    Gzip,
}

impl Store {
    /// The picture files of an archive in a file, or the file that is a picture itself.
    pub(super) fn of_file(path: &Path) -> Result<Self, DataError> {
        let unreadable = |cause| DataError::Read {
            path: path.to_owned(),
            cause,
        };
        let mut source: Source =
            Box::new(io::BufReader::new(File::open(path).map_err(unreadable)?));
        let (start, _) = start_of(&mut source).map_err(unreadable)?;
        match decode::kind(&start) {
            Ok(_) => Ok(Self::of_picture(path)),
            Err(_) => Self::of_archive(source, path),
        }
    }

    /// Those of an archive; errors call it `path`.
    pub(super) fn of_archive(mut source: Source, path: &Path) -> Result<Self, DataError> {
        let unreadable = |cause| DataError::Read {
            path: path.to_owned(),
            cause,
        };
        let (start, len) = start_of(&mut source).map_err(unreadable)?;
        match kind_of(&start) {
            Some(Kind::Zip) => of_zip(source, len, path),
            Some(Kind::Tar) => of_tar(source, len, path),
            Some(Kind::Gzip) => {
                let mut tar = inflated(source, len, path)?;
                let (start, len) = start_of(&mut tar).map_err(unreadable)?;
                match kind_of(&start) {
                    Some(Kind::Tar) => of_tar(tar, len, path),
                    _ => Err(damaged(path, "what gzip has compressed is no tar archive")),
                }
            }
            None => Err(damaged(path, "by its contents it is neither zip nor tar")),
        }
    }
}

fn damaged(path: &Path, reason: impl ToString) -> DataError {
    DataError::Archive {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

/// The first bytes, and how many there are in all; the source is back at its beginning.
fn start_of(source: &mut Source) -> io::Result<(Vec<u8>, u64)> {
    let len = source.seek(SeekFrom::End(0))?;
    source.seek(SeekFrom::Start(0))?;
    let mut start = Vec::new();
    source.by_ref().take(512).read_to_end(&mut start)?;
    source.seek(SeekFrom::Start(0))?;
    Ok((start, len))
}

/// What an archive is by its first 512 bytes.
pub(super) fn kind_of(start: &[u8]) -> Option<Kind> {
    match start {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Kind::Zip),
        [0x1f, 0x8b, ..] => Some(Kind::Gzip),
        start if start.get(257..262) == Some(b"ustar") => Some(Kind::Tar),
        _ => None,
    }
}

fn of_zip(source: Source, len: u64, path: &Path) -> Result<Store, DataError> {
    let archive = ZipArchive::new(source).map_err(|error| damaged(path, error))?;
    let names = (0..archive.len()).filter_map(|number| {
        // A name that is no text is no picture's.
        let name = archive.name_for_index(number)?.ok()?;
        (!name.ends_with('/')).then(|| (plain(&name), Place::Zipped(number)))
    });
    let names: Vec<_> = names.collect();
    let archive = Mutex::new(archive);
    Ok(Store::of(
        path,
        names.into_iter(),
        Contents::Zip { archive, len },
    ))
}

fn of_tar(source: Source, len: u64, path: &Path) -> Result<Store, DataError> {
    let mut archive = tar::Archive::new(source);
    let mut names = Vec::new();
    let entries = archive.entries_with_seek();
    for entry in entries.map_err(|error| damaged(path, error))? {
        let entry = entry.map_err(|error| damaged(path, error))?;
        // Links and whatever else is in archives have no bytes of their own.
        if !matches!(
            entry.header().entry_type(),
            EntryType::Regular | EntryType::Continuous
        ) {
            continue;
        }
        let name = plain(&String::from_utf8_lossy(&entry.path_bytes()));
        let place = Place::Part {
            offset: entry.raw_file_position(),
            len: entry.size(),
        };
        names.push((name, place));
    }
    let archive = Mutex::new(archive.into_inner());
    Ok(Store::of(
        path,
        names.into_iter(),
        Contents::Tar { archive, len },
    ))
}

/// A tar archive that was compressed, where it can be read from any place on.
fn inflated(source: Source, len: u64, path: &Path) -> Result<Source, DataError> {
    let limit = len.saturating_mul(RATIO).saturating_add(ALLOWANCE);
    let mut whole = tempfile::SpooledTempFile::new(IN_MEMORY);
    let mut decoder = MultiGzDecoder::new(source).take(limit.saturating_add(1));
    let mut block = vec![0; 1 << 16];
    let mut size = 0;
    loop {
        let read = match decoder.read(&mut block) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(cause) => {
                return Err(DataError::Gzip {
                    path: path.to_owned(),
                    offset: size,
                    cause,
                });
            }
        };
        size += read as u64;
        if size > limit {
            return Err(damaged(
                path,
                format!(
                    "it inflates to more than {RATIO} times its size, which no archive of pictures does"
                ),
            ));
        }
        let written = whole.write_all(&block[..read]);
        written.map_err(|cause| DataError::Write {
            path: std::env::temp_dir(),
            cause,
        })?;
    }
    Ok(Box::new(whole))
}

/// A path in an archive as paths below a folder are: with `/`, and without what leads nowhere.
fn plain(name: &str) -> String {
    let parts = name.split(['/', '\\']);
    let parts: Vec<_> = parts
        .filter(|part| !matches!(*part, "" | "." | ".."))
        .collect();
    parts.join("/")
}
