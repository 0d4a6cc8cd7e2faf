//! A folder with IDX files, or one such file.

use std::path::{Path, PathBuf};

use super::examples::Chain;
use super::idx::IdxExamples;
use super::names::{Files, Listing, TEST_IMAGES};
use super::{
    DataError, Dataset, Examples, ImageSize, LoadOptions, Scratch, Split, Stream, hold_out, idx,
};

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

/// Those of the files of a set, of which no more than a block is in memory at a time.
fn stream(name: String, files: &Files) -> Result<Stream, DataError> {
    let mut notes = Vec::new();
    let labels = files.train_labels.as_deref();
    let train = examples_with(&files.train_images, labels, &mut notes)?;
    let mut parts: Vec<Box<dyn Examples + Send>> = Vec::new();
    if let Some(test_images) = &files.test_images {
        let test = examples_with(test_images, files.test_labels.as_deref(), &mut notes)?;
        let kinds = [train.is_of_bytes(), test.is_of_bytes()].map(kind);
        check_alike(test_images, [train.size(), test.size()], kinds)?;
        parts.push(Box::new(test));
    }
    parts.insert(0, Box::new(train));
    Ok(Stream {
        notes,
        ..Stream::new(name, Box::new(Chain::of(parts)))
    })
}

/// The images of a file with labels that fit them; such that cannot be used are left out with a note.
fn examples_with(
    images: &Path,
    labels: Option<&Path>,
    notes: &mut Vec<String>,
) -> Result<IdxExamples, DataError> {
    let mut examples = IdxExamples::open(images)?;
    let read = labels.map(|labels| examples.read_labels(labels));
    if let Some(Err(unusable)) = read {
        notes.push(format!("the labels are left out: {unusable}"));
    }
    Ok(examples)
}

/// What to call the data at a path.
fn name_of(path: &Path) -> String {
    // `.` and `..` have no name of their own.
    let whole = path.canonicalize().ok();
    let name = whole.as_deref().and_then(Path::file_name);
    name.map_or_else(|| "images".into(), |name| name.to_string_lossy().into())
}

/// That a folder has no images of any kind.
pub(super) fn no_images(dir: &Path) -> DataError {
    match Listing::read(dir) {
        Ok(listing) => listing.no_images(),
        Err(error) => error,
    }
}

/// Whether a folder, or the one below it where torchvision has put them, has files in IDX format.
pub(super) fn has_files(dir: &Path) -> Result<bool, DataError> {
    match find(dir) {
        Ok(_) => Ok(true),
        Err(DataError::NoImages { .. }) => Ok(false),
        Err(error) => Err(error),
    }
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
    let (train, test) = splits(files, &mut notes, &options.scratch())?;
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
fn splits(
    files: &Files,
    notes: &mut Vec<String>,
    scratch: &Scratch,
) -> Result<(Split, Option<Split>), DataError> {
    let labels = files.train_labels.as_deref();
    let train = split(&files.train_images, labels, notes, scratch)?;
    let Some(test_images) = &files.test_images else {
        return Ok((train, None));
    };
    let test = split(test_images, files.test_labels.as_deref(), notes, scratch)?;
    let sizes = [train.images.size(), test.images.size()];
    let kinds = [&train, &test].map(|split| kind(split.images.pixels.as_bytes().is_some()));
    check_alike(test_images, sizes, kinds)?;
    Ok((train, Some(test)))
}

/// Checks that test images are of the size and kind of those to train on.
fn check_alike(
    path: &Path,
    [train, test]: [ImageSize; 2],
    [of_train, of_test]: [&'static str; 2],
) -> Result<(), DataError> {
    let path = path.to_owned();
    if train != test {
        return Err(DataError::SizeMismatch { path, train, test });
    }
    if of_train != of_test {
        return Err(DataError::KindMismatch {
            path,
            train: of_train,
            test: of_test,
        });
    }
    Ok(())
}

/// What pixels are, in a word.
fn kind(are_bytes: bool) -> &'static str {
    match are_bytes {
        true => "bytes",
        false => "numbers",
    }
}

/// Reads images, and labels that fit them. No model needs labels yet, so that those that cannot be
/// used are left out with a note.
fn split(
    images_path: &Path,
    labels_path: Option<&Path>,
    notes: &mut Vec<String>,
    scratch: &Scratch,
) -> Result<Split, DataError> {
    let images = idx::read_images_noting(images_path, notes, scratch)?;
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
