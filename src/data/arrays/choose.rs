//! Which array of a file has the images to train on, their labels, and those to measure with, by their names.

use super::ArrayError;
use super::list::Entry;
use super::place::Place;

/// What words in a name call images or rows.
const IMAGES: [&str; 14] = [
    "x", "image", "images", "img", "imgs", "data", "feature", "features", "input", "inputs",
    "sample", "samples", "pixels", "arr",
];
/// What they call labels.
const LABELS: [&str; 8] = [
    "y", "label", "labels", "target", "targets", "class", "classes", "lab",
];
/// What they call those to train on.
const TRAIN: [&str; 2] = ["train", "training"];
/// What they call those to measure with, the first that is there.
const TEST: [&str; 6] = ["test", "testing", "t10k", "val", "valid", "validation"];

/// The arrays of a data set, by their numbers in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) train: usize,
    pub(super) train_labels: Option<usize>,
    pub(super) test: Option<usize>,
    pub(super) test_labels: Option<usize>,
}

/// What a name says.
#[derive(Clone, Copy, Debug, Default)]
struct Meaning {
    is_images: bool,
    is_labels: bool,
    is_train: bool,
    /// Place of the word in [`TEST`].
    test: Option<usize>,
}

impl Meaning {
    fn of(name: &str) -> Self {
        let name = name.to_lowercase();
        let words = name.split(|c: char| !c.is_ascii_alphanumeric());
        let mut meaning = Self::default();
        for word in words.flat_map(parts) {
            meaning.is_images |= IMAGES.contains(&word);
            meaning.is_labels |= LABELS.contains(&word);
            meaning.is_train |= TRAIN.contains(&word);
            let test = TEST.iter().position(|test| *test == word);
            meaning.test = meaning.test.or(test);
        }
        // `train_image_labels` has labels.
        meaning.is_images &= !meaning.is_labels;
        meaning
    }
}

/// A word, or the two of `xtrain` and `ytest`.
fn parts(word: &str) -> Vec<&str> {
    for first in ["x", "y"] {
        if let Some(second) = word.strip_prefix(first)
            && (TRAIN.contains(&second) || TEST.contains(&second))
        {
            return vec![first, second];
        }
    }
    vec![word]
}

/// Chooses; `asked` is the name of the array to train on, where somebody named one.
pub(super) fn choose(
    place: &Place,
    entries: &[Entry],
    asked: Option<&str>,
) -> Result<Chosen, ArrayError> {
    let meanings: Vec<_> = entries
        .iter()
        .map(|entry| Meaning::of(entry.name.as_deref().unwrap_or_default()))
        .collect();
    let train = train(place, entries, &meanings, asked)?;
    let all = || meanings.iter().copied().enumerate();
    let is_column = |index: usize| matches!(entries[index].shape[..], [_] | [_, 1]);
    let labels_of = |images: usize, test: Option<usize>| {
        let count = entries[images].shape.first();
        let fits = |&(index, meaning): &(usize, Meaning)| {
            let of_part = meaning.test == test && (test.is_none() || !meaning.is_train);
            meaning.is_labels && of_part && index != images && is_column(index)
        };
        // Of several the one that has as many as there are images.
        let mut found: Vec<_> = all().filter(fits).map(|(index, _)| index).collect();
        found.sort_by_key(|&index| entries[index].shape.first() != count);
        found.first().copied()
    };
    let is_test = |&(index, meaning): &(usize, Meaning)| {
        meaning.test.is_some() && !meaning.is_labels && index != train
    };
    let has_test = |meaning: &Meaning| meaning.test.is_some();
    let test = match meanings.get(train).is_some_and(has_test) {
        true => None,
        false => all()
            .filter(is_test)
            .min_by_key(|(_, meaning)| meaning.test),
    };
    let test = test.map(|(index, meaning)| (index, meaning.test));
    Ok(Chosen {
        train,
        train_labels: labels_of(train, meanings.get(train).and_then(|meaning| meaning.test)),
        test: test.map(|(index, _)| index),
        test_labels: test.and_then(|(index, part)| labels_of(index, part)),
    })
}

/// The array to train on.
fn train(
    place: &Place,
    entries: &[Entry],
    meanings: &[Meaning],
    asked: Option<&str>,
) -> Result<usize, ArrayError> {
    let none = || ArrayError::None {
        path: place.path.clone(),
        asked: asked.map(str::to_owned),
        arrays: entries.iter().map(Entry::text).collect(),
    };
    if let Some(asked) = asked {
        let is_it = |entry: &Entry| entry.name.as_deref().is_none_or(|name| name == asked);
        return entries.iter().position(is_it).ok_or_else(none);
    }
    if entries.len() == 1 {
        return Ok(0);
    }
    let fits = |index: &usize| {
        let (entry, meaning) = (&entries[*index], &meanings[*index]);
        entry.element.is_some()
            && entry.shape.len() > 1
            && !meaning.is_labels
            && meaning.test.is_none()
    };
    let fitting: Vec<_> = (0..entries.len()).filter(fits).collect();
    let of = |is: fn(&Meaning) -> bool| -> Vec<usize> {
        let is_it = |index: &&usize| is(&meanings[**index]);
        fitting.iter().filter(is_it).copied().collect()
    };
    for found in [
        of(|meaning| meaning.is_images && meaning.is_train),
        of(|meaning| meaning.is_train),
        of(|meaning| meaning.is_images),
        fitting.clone(),
    ] {
        match found[..] {
            [] => {}
            [one] => return Ok(one),
            _ => {
                return Err(ArrayError::Which {
                    path: place.path.clone(),
                    arrays: entries.iter().map(Entry::text).collect(),
                });
            }
        }
    }
    Err(none())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::element::Element;
    use super::super::place::Part;
    use super::*;

    fn entry(name: &str, descr: &str, shape: &[usize]) -> Entry {
        Entry {
            name: Some(name.to_owned()),
            element: Element::of_numpy(descr),
            found: descr.to_owned(),
            is_fortran: false,
            shape: shape.to_owned(),
            part: Part {
                start: 0,
                len: 0,
                deflated: None,
            },
            before: 0,
        }
    }

    fn chosen(entries: &[Entry], asked: Option<&str>) -> Result<[Option<usize>; 4], ArrayError> {
        let place = Place::file(Path::new("a.npz"));
        let chosen = choose(&place, entries, asked)?;
        Ok([
            Some(chosen.train),
            chosen.train_labels,
            chosen.test,
            chosen.test_labels,
        ])
    }

    #[test]
    fn arrays_are_found_by_the_names_that_well_known_files_have() {
        let images = |name: &str| entry(name, "|u1", &[9, 4, 4]);
        let labels = |name: &str| entry(name, "<i8", &[9]);
        let keras = ["x_test", "x_train", "y_train", "y_test"];
        let keras: Vec<_> = [
            images(keras[0]),
            images(keras[1]),
            labels(keras[2]),
            labels(keras[3]),
        ]
        .into();
        assert_eq!(
            chosen(&keras, None).unwrap(),
            [Some(1), Some(2), Some(0), Some(3)]
        );
        assert_eq!(
            chosen(&keras, Some("x_test")).unwrap(),
            [Some(0), Some(3), None, None]
        );
        let medmnist: Vec<_> = ["train", "val", "test"]
            .iter()
            .flat_map(|part| {
                let labels = entry(&format!("{part}_labels"), "|u1", &[9, 1]);
                [images(&format!("{part}_images")), labels]
            })
            .collect();
        assert_eq!(
            chosen(&medmnist, None).unwrap(),
            [Some(0), Some(1), Some(4), Some(5)]
        );
        let dsprites = [
            entry("metadata", "|O", &[]),
            images("imgs"),
            entry("latents_classes", "<i8", &[9, 6]),
            entry("latents_values", "<f8", &[9, 6]),
        ];
        assert_eq!(chosen(&dsprites, None).unwrap()[..2], [Some(1), None]);
        let sklearn = [
            entry("data", "<f8", &[9, 30]),
            labels("target"),
            entry("feature_names", "<U9", &[30]),
        ];
        assert_eq!(chosen(&sklearn, None).unwrap()[..2], [Some(0), Some(1)]);
        assert_eq!(
            chosen(&[images("anything")], None).unwrap(),
            [Some(0), None, None, None]
        );
        let short = [
            images("Xtrain"),
            labels("Ytrain"),
            images("Xtest"),
            labels("Ytest"),
        ];
        assert_eq!(
            chosen(&short, None).unwrap(),
            [Some(0), Some(1), Some(2), Some(3)]
        );
    }

    #[test]
    fn what_is_not_clear_is_asked_for_by_name() {
        let two = [entry("a", "<f4", &[3, 2]), entry("b", "<f4", &[3, 2])];
        let error = chosen(&two, None).unwrap_err().to_string();
        assert!(error.contains("a (3, 2) <f4, b (3, 2) <f4"), "{error}");
        assert_eq!(chosen(&two, Some("b")).unwrap()[0], Some(1));
        let error = chosen(&two, Some("c")).unwrap_err().to_string();
        assert!(error.contains("no array `c`"), "{error}");
        assert!(
            chosen(&[], None)
                .unwrap_err()
                .to_string()
                .contains("none at all")
        );
    }
}
