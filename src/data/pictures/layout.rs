//! What the paths of picture files say: which pictures are to train on and which to test with, and the label of each.

use std::collections::BTreeSet;

use crate::data::DataError;

use super::store::Store;

/// The most labels, since each is a byte.
const MOST_CLASSES: usize = 256;
/// The folders of pictures to train on, and of those to test with.
const TRAIN: &str = "train";
const TEST: &str = "test";

/// Pictures in their parts.
pub(super) struct Layout {
    pub(super) train: Vec<Item>,
    /// Those to test with, where they lie apart.
    pub(super) test: Option<Vec<Item>>,
    /// The words of the labels.
    pub(super) classes: Vec<String>,
    /// How many pictures lie beside the folders of both parts.
    pub(super) beside: usize,
}

/// A picture.
pub(super) struct Item {
    /// Its number among the store's files.
    pub(super) entry: usize,
    /// The number of its label, where its part has labels.
    pub(super) label: Option<u8>,
}

impl Layout {
    /// As the paths of a store say.
    pub(super) fn of(store: &Store) -> Result<Self, DataError> {
        let names = store.entries.iter().map(|entry| entry.name.as_str());
        let mut paths: Vec<Vec<&str>> = names.map(|name| name.split('/').collect()).collect();
        strip_common(&mut paths);
        let is_of =
            |path: &[&str], part: &str| path.len() > 1 && path[0].eq_ignore_ascii_case(part);
        let has_parts = paths.iter().any(|path| is_of(path, TRAIN));
        let part = |part: &str| -> Vec<(usize, &[&str])> {
            let all = paths.iter().enumerate();
            let of_part = all.filter(|(_, path)| is_of(path, part));
            of_part.map(|(entry, path)| (entry, &path[1..])).collect()
        };
        let [train, test] = match has_parts {
            true => [part(TRAIN), part(TEST)],
            false => {
                let all = paths.iter().enumerate();
                [
                    all.map(|(entry, path)| (entry, &path[..])).collect(),
                    Vec::new(),
                ]
            }
        };
        let beside = paths.len() - train.len() - test.len();
        let mut classes = BTreeSet::new();
        for part in [&train, &test] {
            if is_labelled(store, part)? {
                classes.extend(part.iter().map(|(_, path)| path[0]));
            }
        }
        if classes.len() > MOST_CLASSES {
            return Err(DataError::TooManyClasses {
                path: store.path.clone(),
                found: classes.len(),
                most: MOST_CLASSES,
            });
        }
        let classes: Vec<&str> = classes.into_iter().collect();
        let items = |part: Vec<(usize, &[&str])>| -> Vec<Item> {
            let label = |path: &[&str]| {
                let found = classes.binary_search(&path[0]).ok()?;
                u8::try_from(found).ok().filter(|_| path.len() > 1)
            };
            let items = part.into_iter();
            items
                .map(|(entry, path)| Item {
                    entry,
                    label: label(path),
                })
                .collect()
        };
        Ok(Self {
            test: (!test.is_empty()).then(|| items(test)),
            train: items(train),
            classes: classes.iter().map(|&class| class.to_owned()).collect(),
            beside,
        })
    }

    /// All pictures that belong to a part, in the order of their paths.
    pub(super) fn into_all(self) -> Vec<Item> {
        let test = self.test.unwrap_or_default();
        let mut all: Vec<_> = self.train.into_iter().chain(test).collect();
        all.sort_by_key(|item| item.entry);
        all
    }
}

/// Leaves out the folders that all pictures lie in: an archive often has one around everything.
fn strip_common(paths: &mut [Vec<&str>]) {
    loop {
        let Some(first) = paths.first().filter(|path| path.len() > 1) else {
            return;
        };
        let folder = first[0];
        if !paths.iter().all(|path| path.len() > 1 && path[0] == folder) {
            return;
        }
        for path in &mut *paths {
            path.remove(0);
        }
    }
}

/// Whether the pictures of a part lie in folders, which name their labels.
fn is_labelled(store: &Store, part: &[(usize, &[&str])]) -> Result<bool, DataError> {
    let lying = |within: bool| part.iter().find(|(_, path)| (path.len() > 1) == within);
    match (lying(true), lying(false)) {
        (Some(&(within, _)), Some(&(loose, _))) => Err(DataError::MixedLayout {
            path: store.path.clone(),
            loose: store.entries[loose].name.clone(),
            within: store.entries[within].name.clone(),
        }),
        (within, _) => Ok(within.is_some()),
    }
}
