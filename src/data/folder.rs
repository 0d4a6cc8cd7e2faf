//! A folder with IDX files, named as MNIST's are.

use std::path::{Path, PathBuf};

use super::{DataError, Dataset, Images, LoadOptions, Split, hold_out, idx};

pub(super) const TRAIN_IMAGES: &str = "train-images-idx3-ubyte";
pub(super) const TRAIN_LABELS: &str = "train-labels-idx1-ubyte";
pub(super) const TEST_IMAGES: &str = "t10k-images-idx3-ubyte";
pub(super) const TEST_LABELS: &str = "t10k-labels-idx1-ubyte";

/// Loads a folder of the user's: training images are required, labels and test images optional.
pub(super) fn load(dir: &Path, options: &LoadOptions) -> Result<Dataset, DataError> {
    match dir.metadata() {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => {
            return Err(DataError::NotAFolder {
                path: dir.to_owned(),
            });
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(DataError::UnknownSource {
                path: dir.to_owned(),
            });
        }
        Err(cause) => {
            return Err(DataError::Read {
                path: dir.to_owned(),
                cause,
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
    read(name.unwrap_or_else(|| "images".into()), dir, options)
}

/// Reads the files in `dir` as the set `name`.
pub(super) fn read(name: String, dir: &Path, options: &LoadOptions) -> Result<Dataset, DataError> {
    let Some((train_path, train)) = split(dir, TRAIN_IMAGES, TRAIN_LABELS)? else {
        return Err(DataError::NoImages {
            dir: dir.to_owned(),
            file: TRAIN_IMAGES,
        });
    };
    let Some((test_path, test)) = split(dir, TEST_IMAGES, TEST_LABELS)? else {
        let (train, test) = hold_out::hold_out(train, &train_path, options.seed)?;
        let note = format!(
            "{} has no {TEST_IMAGES}: {} of {} training images, drawn by the seed, are held out for \
             testing",
            dir.display(),
            test.images.count,
            train.images.count + test.images.count,
        );
        return Ok(Dataset {
            name,
            train,
            test,
            notes: vec![note],
        });
    };
    let size = |images: &Images| (images.height, images.width);
    if size(&train.images) != size(&test.images) {
        return Err(DataError::SizeMismatch {
            path: test_path,
            train: size(&train.images),
            test: size(&test.images),
        });
    }
    Ok(Dataset {
        name,
        train,
        test,
        notes: Vec::new(),
    })
}

fn split(dir: &Path, images: &str, labels: &str) -> Result<Option<(PathBuf, Split)>, DataError> {
    let Some(images_path) = idx::find(dir, images) else {
        return Ok(None);
    };
    let images = idx::read_images(&images_path)?;
    let mut split = Split {
        images,
        labels: None,
    };
    if let Some(labels_path) = idx::find(dir, labels) {
        let labels = idx::read_labels(&labels_path)?;
        if labels.len() != split.images.count {
            return Err(DataError::LabelCount {
                images_path,
                labels_path,
                images: split.images.count,
                labels: labels.len(),
            });
        }
        split.labels = Some(labels);
    }
    Ok(Some((images_path, split)))
}
