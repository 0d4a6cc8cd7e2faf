//! A folder with IDX files.

use std::io;
use std::path::{Path, PathBuf};

use super::names::{Files, Listing, TEST_IMAGES};
use super::{DataError, Dataset, Images, LoadOptions, Pixels, Split, hold_out, idx};

/// Loads a folder of the user's: training images are required, labels and test images optional.
pub(super) fn load(dir: &Path, options: &LoadOptions) -> Result<Dataset, DataError> {
    match dir.metadata() {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => {
            return Err(DataError::NotAFolder {
                path: dir.to_owned(),
            });
        }
        // A link that leads nowhere is there, and not a name that nobody knows.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !dir.is_symlink() => {
            return Err(DataError::UnknownSource {
                path: dir.to_owned(),
            });
        }
        Err(cause) => {
            return Err(DataError::Read {
                path: dir.to_owned(),
                cause: idx::of_link(dir, cause),
            });
        }
    }
    // `.` and `..` have no name of their own.
    let name = dir
        .canonicalize()
        .ok()
        .as_deref()
        .and_then(Path::file_name)
        .map(|name| name.to_string_lossy().into());
    let files = find(dir)?;
    read(name.unwrap_or_else(|| "images".into()), &files, options)
}

/// The files in `dir`, or in the one folder below it where torchvision has put them.
fn find(dir: &Path) -> Result<Files, DataError> {
    let listing = Listing::read(dir)?;
    if let Some(files) = listing.files()? {
        return Ok(files);
    }
    let mut found = Vec::new();
    for below in listing.folders_below() {
        if let Some(files) = Listing::read(&below)?.files()? {
            found.push(files);
        }
    }
    match found.len() {
        0 => Err(listing.no_images()),
        1 => Ok(found.swap_remove(0)),
        _ => {
            let path = |files: Files| files.train_images.strip_prefix(dir).map(PathBuf::from);
            Err(DataError::Ambiguous {
                dir: dir.to_owned(),
                fitting: found.into_iter().filter_map(|f| path(f).ok()).collect(),
            })
        }
    }
}

/// Reads the set `name` from its files.
pub(super) fn read(
    name: String,
    files: &Files,
    options: &LoadOptions,
) -> Result<Dataset, DataError> {
    let mut notes = Vec::new();
    let labels = files.train_labels.as_deref();
    let train = split(&files.train_images, labels, &mut notes)?;
    let Some(test_images) = &files.test_images else {
        let (train, test) = hold_out::hold_out(train, &files.train_images, options)?;
        let dir = files.train_images.parent().unwrap_or(Path::new("."));
        notes.push(format!(
            "{} has no {TEST_IMAGES}: {} of {} training images, drawn by the seed, are held out for \
             testing",
            dir.display(),
            test.images.count,
            train.images.count + test.images.count,
        ));
        return Ok(Dataset {
            name,
            train,
            test,
            notes,
            held_out: true,
            classes: Vec::new(),
            table: None,
        });
    };
    let test = split(test_images, files.test_labels.as_deref(), &mut notes)?;
    let size = |images: &Images| (images.height, images.width);
    if size(&train.images) != size(&test.images) {
        return Err(DataError::SizeMismatch {
            path: test_images.clone(),
            train: size(&train.images),
            test: size(&test.images),
        });
    }
    let [of_train, of_test] = [&train, &test].map(|split| kind(&split.images.pixels));
    if of_train != of_test {
        return Err(DataError::KindMismatch {
            path: test_images.clone(),
            train: of_train,
            test: of_test,
        });
    }
    Ok(Dataset {
        name,
        train,
        test,
        notes,
        held_out: false,
        classes: Vec::new(),
        table: None,
    })
}

/// What pixels are, in a word.
fn kind(pixels: &Pixels) -> &'static str {
    match pixels {
        Pixels::Bytes(_) => "bytes",
        Pixels::Floats(_) => "numbers",
    }
}

/// Reads images, and labels that fit them. No model needs labels yet, so that those that cannot be
/// used are left out with a note.
fn split(
    images_path: &Path,
    labels_path: Option<&Path>,
    notes: &mut Vec<String>,
) -> Result<Split, DataError> {
    let images = idx::read_images_noting(images_path, notes)?;
    let labels = labels_path.and_then(|labels_path| {
        let unusable = match idx::read_labels_noting(labels_path, notes) {
            Ok(labels) if labels.len() == images.count => return Some(labels),
            Ok(labels) => DataError::LabelCount {
                images_path: images_path.to_owned(),
                labels_path: labels_path.to_owned(),
                images: images.count,
                labels: labels.len(),
            },
            Err(error) => error,
        };
        notes.push(format!("the labels are left out: {unusable}"));
        None
    });
    Ok(Split {
        images,
        labels,
        factors: None,
    })
}
