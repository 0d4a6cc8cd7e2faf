//! Where picture files lie: in a folder, or in an archive.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use zip::ZipArchive;

use super::Flaw;
use super::archive::Source;
use crate::data::DataError;

/// Endings of the names of picture files, in lower case.
pub(super) const ENDINGS: [&str; 6] = ["png", "jpg", "jpeg", "webp", "tif", "tiff"];
/// What macOS puts beside the files of an archive.
const RESOURCES: &str = "__MACOSX";

/// Picture files by their paths.
pub(super) struct Store {
    /// What errors call the whole.
    pub(super) path: PathBuf,
    /// The files, sorted by their paths.
    pub(super) entries: Vec<Entry>,
    /// How many files are hidden or none of pictures.
    pub(super) ignored: usize,
    contents: Contents,
}

/// A picture file.
pub(super) struct Entry {
    /// Its path below the folder or in the archive, with `/` between folders.
    pub(super) name: String,
    place: Place,
}

/// Where a file's bytes are.
pub(super) enum Place {
    File(PathBuf),
    /// The file of this number in a zip archive.
    Zipped(usize),
    /// Bytes of a tar archive from an offset on.
    Part {
        offset: u64,
        len: u64,
    },
}

/// What the files lie in.
pub(super) enum Contents {
    Folder,
    Zip {
        archive: Mutex<ZipArchive<Source>>,
        /// Bytes of the archive.
        len: u64,
    },
    Tar {
        archive: Mutex<Source>,
        /// Bytes of the archive.
        len: u64,
    },
}

/// The most times its own size that what deflate has made can inflate to (zlib, *Technical Details*): a file that says more
/// says wrong, and is not given the memory that it says.
const DEFLATED: u64 = 1032;
/// Of the limit this part is left to the archive's reader, which holds tables and a window beside the bytes that it gives.
const READER: u64 = 16;

impl Store {
    /// The picture files below a folder.
    pub(super) fn of_folder(dir: &Path) -> Result<Self, DataError> {
        let mut files = Vec::new();
        let name = String::new();
        walk(dir, &name, &mut Vec::new(), &mut files)?;
        let files = files
            .into_iter()
            .map(|(name, path)| (name, Place::File(path)));
        Ok(Self::of(dir, files, Contents::Folder))
    }

    /// One picture file, whatever its name.
    pub(super) fn of_picture(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Self {
            path: path.parent().unwrap_or(Path::new("")).to_owned(),
            entries: vec![Entry {
                name: name.into_owned(),
                place: Place::File(path.to_owned()),
            }],
            ignored: 0,
            contents: Contents::Folder,
        }
    }

    /// Those of all files that are pictures.
    pub(super) fn of(
        path: &Path,
        files: impl Iterator<Item = (String, Place)>,
        contents: Contents,
    ) -> Self {
        let mut entries = Vec::new();
        let mut ignored = 0;
        for (name, place) in files {
            match is_picture(&name) {
                true => entries.push(Entry { name, place }),
                false => ignored += 1,
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Self {
            path: path.to_owned(),
            entries,
            ignored,
            contents,
        }
    }

    /// What an error calls a file.
    pub(super) fn path_of(&self, entry: usize) -> PathBuf {
        self.path.join(&self.entries[entry].name)
    }

    /// The bytes of a file, and how many of them are more than lie in the archive; those may be as many as the limit.
    pub(super) fn read(&self, entry: usize, limit: u64) -> Result<(Vec<u8>, u64), Flaw> {
        match (&self.entries[entry].place, &self.contents) {
            (Place::File(path), _) => Ok((fs::read(path)?, 0)),
            (&Place::Zipped(number), Contents::Zip { archive, len }) => {
                let mut archive = locked(archive);
                let mut file = archive.by_index(number).map_err(io::Error::from)?;
                // An archive may claim anything; a file in it takes no more of it than there is.
                let stored = file.compressed_size().min(*len);
                let most = stored.saturating_add(limit - limit / READER);
                let size = file.size();
                if size > most {
                    return Err(Flaw::Inflates { limit });
                }
                let likely = size.min(stored.saturating_mul(DEFLATED));
                let bytes =
                    read_at_most(&mut file, likely, most)?.ok_or(Flaw::Inflates { limit })?;
                let inflated = (bytes.len() as u64).saturating_sub(stored);
                Ok((bytes, inflated))
            }
            (&Place::Part { offset, len: size }, Contents::Tar { archive, len }) => {
                if offset.saturating_add(size) > *len {
                    return Err(Flaw::CutShort);
                }
                let mut archive = locked(archive);
                archive.seek(io::SeekFrom::Start(offset))?;
                let bytes = read_at_most(&mut (&mut *archive).take(size), size, size)?;
                Ok((bytes.ok_or(Flaw::CutShort)?, 0))
            }
            _ => unreachable!("a store has the places of its own contents"),
        }
    }
}

/// All bytes of a file of about `size`, or `None` where there are more than `most`.
fn read_at_most(file: &mut impl Read, size: u64, most: u64) -> Result<Option<Vec<u8>>, Flaw> {
    let mut bytes = Vec::new();
    let size = usize::try_from(size.min(most)).unwrap_or(usize::MAX);
    bytes
        .try_reserve_exact(size)
        .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}

/// The archive, for one thread at a time. One that panicked has left nothing behind that the next one minds: each begins
/// with a place in the archive.
fn locked<T>(archive: &Mutex<T>) -> MutexGuard<'_, T> {
    archive.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Appends all files below a folder, with their paths from the first folder on. Folders above, in `above`, are not gone
/// into again, wherever a link leads, and hidden ones count as a file.
fn walk(
    dir: &Path,
    name: &str,
    above: &mut Vec<PathBuf>,
    files: &mut Vec<(String, PathBuf)>,
) -> Result<(), DataError> {
    let unreadable = |cause| DataError::Read {
        path: dir.to_owned(),
        cause,
    };
    let real = dir.canonicalize().map_err(unreadable)?;
    if above.contains(&real) {
        return Ok(());
    }
    above.push(real);
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let below = entry.file_name().to_string_lossy().into_owned();
        let below = match name {
            "" => below,
            name => format!("{name}/{below}"),
        };
        let path = entry.path();
        if path.is_dir() && !is_hidden(&entry.file_name().to_string_lossy()) {
            walk(&path, &below, above, files)?;
        } else {
            files.push((below, path));
        }
    }
    above.pop();
    Ok(())
}

/// Whether a file or folder of this name is not for eyes.
fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || name == RESOURCES
}

/// Whether a path is one of a picture that is not hidden.
fn is_picture(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    let is_known = |ending: &str| {
        ENDINGS
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known))
    };
    !name.split('/').any(is_hidden) && ending.is_some_and(is_known)
}
