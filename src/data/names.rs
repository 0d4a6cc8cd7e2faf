//! Which file of a folder is which part of a data set.
//!
//! MNIST's own names come first. Others call files of the same kind `train-images.idx3-ubyte`
//! (Kaggle), `emnist-letters-train-images-idx3-ubyte` and `…-test-…` (EMNIST), or
//! `qmnist-train-labels-idx2-int` (QMNIST), in upper or lower case, compressed or not. What stands
//! before `train` names a set, whose files go together.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::DataError;

pub(super) const TRAIN_IMAGES: &str = "train-images-idx3-ubyte";
pub(super) const TRAIN_LABELS: &str = "train-labels-idx1-ubyte";
pub(super) const TEST_IMAGES: &str = "t10k-images-idx3-ubyte";
pub(super) const TEST_LABELS: &str = "t10k-labels-idx1-ubyte";

/// What names say of the numbers in a file.
const ELEMENTS: [&str; 6] = ["ubyte", "byte", "short", "int", "float", "double"];

/// Names of files that an error lists.
const LISTED: usize = 8;

/// A part of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    TrainImages,
    TrainLabels,
    TestImages,
    TestLabels,
}

impl Part {
    /// What MNIST calls it.
    fn name(self) -> &'static str {
        match self {
            Self::TrainImages => TRAIN_IMAGES,
            Self::TrainLabels => TRAIN_LABELS,
            Self::TestImages => TEST_IMAGES,
            Self::TestLabels => TEST_LABELS,
        }
    }
}

/// The set and the part that a file's name says, or none for another kind of file.
fn parse(name: &str) -> Option<(String, Part)> {
    let name = name.to_lowercase();
    let stem = name.strip_suffix(".gz").unwrap_or(&name);
    let words: Vec<&str> = stem.split(['-', '.', '_']).collect();
    let described = match &words[..] {
        [described @ .., element] if ELEMENTS.contains(element) => described,
        all => all,
    };
    let [set @ .., split, kind, format] = described else {
        return None;
    };
    let part = match (*split, *kind) {
        ("train", "images") => Part::TrainImages,
        ("train", "labels") => Part::TrainLabels,
        ("t10k" | "test", "images") => Part::TestImages,
        ("t10k" | "test", "labels") => Part::TestLabels,
        _ => return None,
    };
    format.starts_with("idx").then(|| (set.join("-"), part))
}

/// A file whose name says what it is.
struct Entry {
    set: String,
    part: Part,
    /// The name without `.gz`.
    stem: String,
    compressed: bool,
    /// Whether there is something to read: neither a folder nor a link that leads nowhere.
    readable: bool,
    path: PathBuf,
}

/// What is in a folder.
pub(super) struct Listing {
    dir: PathBuf,
    entries: Vec<Entry>,
    /// The names of everything in the folder, in order.
    names: Vec<String>,
}

/// The files of one data set.
pub(super) struct Files {
    /// What stands before `train` in the names; empty in MNIST's.
    pub(super) set: String,
    pub(super) train_images: PathBuf,
    pub(super) train_labels: Option<PathBuf>,
    pub(super) test_images: Option<PathBuf>,
    pub(super) test_labels: Option<PathBuf>,
}

impl Files {
    /// One file of images, without others that belong to it.
    pub(super) fn single(path: &Path) -> Self {
        Self {
            set: String::new(),
            train_images: path.to_owned(),
            train_labels: None,
            test_images: None,
            test_labels: None,
        }
    }
}

impl Listing {
    /// Looks into a folder.
    pub(super) fn read(dir: &Path) -> Result<Self, DataError> {
        let read = || -> io::Result<_> {
            let mut names = BTreeMap::new();
            for entry in fs::read_dir(dir)? {
                let entry = entry?;
                names.insert(
                    entry.file_name().to_string_lossy().into_owned(),
                    entry.path(),
                );
            }
            Ok(names)
        };
        let names = read().map_err(|cause| DataError::Read {
            path: dir.to_owned(),
            cause,
        })?;
        let entry = |(name, path): (&String, &PathBuf)| {
            let (set, part) = parse(name)?;
            let compressed = name.to_lowercase().ends_with(".gz");
            let stem = name[..name.len() - if compressed { 3 } else { 0 }].to_owned();
            let readable = path.metadata().is_ok_and(|metadata| !metadata.is_dir());
            Some(Entry {
                set,
                part,
                stem,
                compressed,
                readable,
                path: path.clone(),
            })
        };
        Ok(Self {
            dir: dir.to_owned(),
            entries: names.iter().filter_map(entry).collect(),
            names: names.into_keys().collect(),
        })
    }

    /// As [`Self::read`], or none if there is no such folder.
    pub(super) fn read_if_there(dir: &Path) -> Result<Option<Self>, DataError> {
        match Self::read(dir) {
            Err(DataError::Read { cause, .. })
                if matches!(
                    cause.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(None)
            }
            read => read.map(Some),
        }
    }

    /// The files of the one set whose training images are here, or none if there are no training
    /// images. A set with MNIST's names comes before others.
    pub(super) fn files(&self) -> Result<Option<Files>, DataError> {
        let entries_of = |part: Part| self.entries.iter().filter(move |entry| entry.part == part);
        let mut sets: Vec<&str> = entries_of(Part::TrainImages)
            .map(|entry| &*entry.set)
            .collect();
        sets.sort_unstable();
        sets.dedup();
        let set = match sets[..] {
            [] => return Ok(None),
            ["", ..] => "",
            [set] => set,
            _ => return Err(self.ambiguous(entries_of(Part::TrainImages))),
        };
        let Some(train_images) = self.pick(set, Part::TrainImages)? else {
            return Ok(None);
        };
        let test_images = self.pick(set, Part::TestImages)?;
        if test_images.is_none()
            && let Some(stray) = entries_of(Part::TestImages).next()
        {
            return Err(DataError::StrayTest {
                train: train_images,
                test: stray.path.clone(),
            });
        }
        Ok(Some(Files {
            set: set.to_owned(),
            train_images,
            train_labels: self.pick(set, Part::TrainLabels)?,
            test_images,
            test_labels: self.pick(set, Part::TestLabels)?,
        }))
    }

    /// The file of a set that is this part, if there is one.
    fn pick(&self, set: &str, part: Part) -> Result<Option<PathBuf>, DataError> {
        let mut fitting: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|entry| entry.set == set && entry.part == part)
            .collect();
        // A folder or a broken link is taken only where there is nothing else: whoever opens it
        // learns from the system what it is.
        if fitting.iter().any(|entry| entry.readable) {
            fitting.retain(|entry| entry.readable);
        }
        fitting.sort_by_key(|entry| (entry.stem != part.name(), entry.compressed));
        let Some(first) = fitting.first() else {
            return Ok(None);
        };
        let other = fitting.iter().find(|entry| entry.stem != first.stem);
        if first.stem != part.name() && other.is_some() {
            return Err(self.ambiguous(fitting.iter().copied()));
        }
        Ok(Some(first.path.clone()))
    }

    fn ambiguous<'a>(&self, fitting: impl Iterator<Item = &'a Entry>) -> DataError {
        let name = |entry: &Entry| entry.path.strip_prefix(&self.dir).map(PathBuf::from);
        DataError::Ambiguous {
            dir: self.dir.clone(),
            fitting: fitting.filter_map(|entry| name(entry).ok()).collect(),
        }
    }

    /// That no file here is named as training images.
    pub(super) fn no_images(mut self) -> DataError {
        let count = self.names.len();
        self.names.truncate(LISTED);
        DataError::NoImages {
            dir: self.dir,
            expected: TRAIN_IMAGES,
            names: self.names,
            count,
        }
    }

    /// Where torchvision puts files below the folder that it is given: `raw` in a folder of the
    /// set's name.
    pub(super) fn folders_below(&self) -> Vec<PathBuf> {
        let below = self
            .names
            .iter()
            .map(|name| self.dir.join(name).join("raw"));
        std::iter::once(self.dir.join("raw"))
            .chain(below)
            .filter(|dir| dir.is_dir())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_they_are_found_say_what_they_are() {
        use Part::*;
        for (name, set, part) in [
            (TRAIN_IMAGES, "", TrainImages),
            (TRAIN_LABELS, "", TrainLabels),
            (TEST_IMAGES, "", TestImages),
            (TEST_LABELS, "", TestLabels),
            ("train-images.idx3-ubyte", "", TrainImages),
            ("t10k-labels.idx1-ubyte", "", TestLabels),
            ("TEST-IMAGES-IDX3-UBYTE.GZ", "", TestImages),
            ("train_images_idx3", "", TrainImages),
            ("train-images-idx3-float", "", TrainImages),
            ("t10k-images-idx3-double.gz", "", TestImages),
            (
                "emnist-letters-train-images-idx3-ubyte.gz",
                "emnist-letters",
                TrainImages,
            ),
            (
                "emnist-byclass-test-labels-idx1-ubyte",
                "emnist-byclass",
                TestLabels,
            ),
            ("qmnist-train-labels-idx2-int.gz", "qmnist", TrainLabels),
        ] {
            assert_eq!(parse(name), Some((set.to_owned(), part)), "{name}");
        }
        for name in [
            "train-images-idx3-ubyte.gz.part",
            "train-images-idx3-ubyte.zip",
            "train-images.npy",
            "train-images",
            "images-idx3-ubyte",
            "emnist-letters-mapping.txt",
            "idx3-ubyte",
            "ubyte",
            "",
        ] {
            assert_eq!(parse(name), None, "{name}");
        }
    }
}
