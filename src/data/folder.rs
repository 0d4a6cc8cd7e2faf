//! A folder with IDX files, or one such file.

use std::path::{Path, PathBuf};

use super::examples::Chain;
use super::names::{Files, Listing, TEST_IMAGES};
use super::{DataError, Dataset, Images, LoadOptions, Pixels, Split, Stream, hold_out, idx};

/// Loads a folder of the user's: training images are required, labels and test images optional.
pub(super) fn load(dir: &Path, options: &LoadOptions) -> Result<Dataset, DataError> {
    read(name_of(dir), &find(dir)?, options)
}

/// Loads one file of images, of which some are held out for testing.
pub(super) fn load_file(path: &Path, options: &LoadOptions) -> Result<Dataset, DataError> {
    read(name_of(path), &Files::single(path), options)
}

/// All images of a folder, those to train on first; nothing is held out.
pub(super) fn examples(dir: &Path) -> Result<Stream, DataError> {
    stream(name_of(dir), &find(dir)?)
}

/// All images of a file.
pub(super) fn examples_of_file(path: &Path) -> Result<Stream, DataError> {
    stream(name_of(path), &Files::single(path))
}

fn stream(name: String, files: &Files) -> Result<Stream, DataError> {
    let mut notes = Vec::new();
    let (train, test) = splits(files, &mut notes)?;
    let splits = [Some(train), test].into_iter().flatten().collect();
    Ok(Stream {
        notes,
        ..Stream::new(name, Box::new(Chain::of_splits(splits)))
    })
}

/// What to call the data at a path.
fn name_of(path: &Path) -> String {
    // `.` and `..` have no name of their own.
    let whole = path.canonicalize().ok();
    let name = whole.as_deref().and_then(Path::file_name);
    name.map_or_else(|| "images".into(), |name| name.to_string_lossy().into())
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
    let (train, test) = splits(files, &mut notes)?;
    let held_out = test.is_none();
    let (train, test) = match test {
        Some(test) => (train, test),
        None => hold_out::hold_out(train, &files.train_images, options)?,
    };
    if held_out {
        let dir = files.train_images.parent().unwrap_or(Path::new("."));
        notes.push(format!(
            "{} has no {TEST_IMAGES}: {} of {} training images, drawn by the seed, are held out for \
             testing",
            dir.display(),
            test.images.count,
            train.images.count + test.images.count,
        ));
    }
    Ok(Dataset {
        name,
        train,
        test,
        notes,
        held_out,
        classes: Vec::new(),
        table: None,
    })
}

/// Reads the images to train on, and those to measure with where there are some, of the same size and kind.
fn splits(files: &Files, notes: &mut Vec<String>) -> Result<(Split, Option<Split>), DataError> {
    let labels = files.train_labels.as_deref();
    let train = split(&files.train_images, labels, notes)?;
    let Some(test_images) = &files.test_images else {
        return Ok((train, None));
    };
    let test = split(test_images, files.test_labels.as_deref(), notes)?;
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
    Ok((train, Some(test)))
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
