//! What lies at a path that a user names, and who reads it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::pictures::Pictures;
use super::{DataError, Dataset, LoadOptions, Progress, Stream, arrays, folder, idx, table};

/// Bytes of a file's beginning that tell what it is.
const START: usize = 512;

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A folder with IDX files.
    IdxFolder,
    /// One IDX file of images.
    Idx,
    /// Arrays of numbers.
    Arrays(arrays::Format),
    /// A table.
    Table,
    /// Pictures in a folder or an archive, or one picture.
    Pictures,
}

/// Loads what lies at a path.
pub(super) fn load(
    path: &Path,
    options: &LoadOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Dataset, DataError> {
    match Form::of(path)? {
        Form::IdxFolder => folder::load(path, options),
        Form::Idx => folder::load_file(path, options),
        Form::Arrays(format) => arrays::load(path, format, options),
        Form::Table => table::load(&table::Origin::file(path), options),
        Form::Pictures => pictures(path)?.load(options, progress),
    }
}

/// Opens all examples of what lies at a path, in its order.
pub(super) fn examples(
    path: &Path,
    options: &LoadOptions,
    _progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Stream, DataError> {
    match Form::of(path)? {
        Form::IdxFolder => folder::examples(path),
        Form::Idx => folder::examples_of_file(path),
        Form::Arrays(format) => arrays::examples(path, format, options),
        Form::Table => table::examples(&table::Origin::file(path), options),
        Form::Pictures => Ok(pictures(path)?.examples(&options.pictures)?.into()),
    }
}

/// The pictures at a path. A folder with nothing that is read has no images of any kind.
fn pictures(path: &Path) -> Result<Pictures, DataError> {
    let pictures = Pictures::open(path)?;
    if pictures.is_empty() && path.is_dir() {
        return Err(folder::no_images(path));
    }
    Ok(pictures)
}

impl Form {
    /// Looks at what lies at a path: a file's first bytes say more than its name.
    pub(super) fn of(path: &Path) -> Result<Self, DataError> {
        let refused = |cause| DataError::Read {
            path: path.to_owned(),
            cause: idx::of_link(path, cause),
        };
        match path.metadata() {
            Ok(metadata) if metadata.is_dir() => return Ok(Self::of_folder(path)),
            Ok(_) => {}
            // A link that leads nowhere is there, and not a name that nobody knows.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {
                return Err(DataError::UnknownSource {
                    path: path.to_owned(),
                });
            }
            Err(cause) => return Err(refused(cause)),
        }
        let mut start = Vec::with_capacity(START);
        let file = File::open(path).map_err(refused)?;
        file.take(START as u64)
            .read_to_end(&mut start)
            .map_err(refused)?;
        Self::of_file(&start, &ending(path)).ok_or_else(|| DataError::UnknownForm {
            path: path.to_owned(),
        })
    }

    /// What a folder has. Of one that is in doubt the reader of IDX files says why.
    fn of_folder(path: &Path) -> Self {
        match folder::has_files(path) {
            Ok(false) => Self::Pictures,
            Ok(true) | Err(_) => Self::IdxFolder,
        }
    }

    /// What a file is by its first bytes, and where these say nothing by its name's ending in lower case.
    fn of_file(start: &[u8], ending: &str) -> Option<Self> {
        use arrays::Format;
        let is_zip = start.starts_with(b"PK\x03\x04");
        let is_gzip = start.starts_with(&[0x1f, 0x8b]);
        Some(match start {
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Self::Arrays(Format::Npy),
            [0, 0, 8..=14, 1..=4, ..] => Self::Idx,
            [_, _, _, _, _, 0, 0, 0, b'{', ..] => Self::Arrays(Format::Safetensors),
            _ if is_zip && ending == "npz" => Self::Arrays(Format::Npz),
            _ if is_gzip && ending.contains("idx") => Self::Idx,
            _ if is_zip || Pictures::begin_with(start) => Self::Pictures,
            // Of a damaged file the reader says what is wrong with it.
            _ => match ending {
                "npy" => Self::Arrays(Format::Npy),
                "npz" => Self::Arrays(Format::Npz),
                "safetensors" => Self::Arrays(Format::Safetensors),
                "zip" | "tar" | "tgz" => Self::Pictures,
                ending if ending.contains("idx") => Self::Idx,
                ending if table::ENDINGS.contains(&ending) => Self::Table,
                _ => return None,
            },
        })
    }
}

/// The ending of a path's name in lower case, without the `gz` of a compressed file: `csv` of `rows.csv.gz`. Of an IDX
/// file that is called as MNIST's are, the last part of the name.
fn ending(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_lowercase();
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    let last = plain.rsplit('.').next().unwrap_or_default();
    last.to_owned()
}
