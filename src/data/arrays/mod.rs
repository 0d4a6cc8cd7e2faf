//! Arrays of numbers as data: NumPy's `.npy` and `.npz`, and `.safetensors`.
//!
//! An array is rows of numbers `[N, D]`, grey images `[N, H, W]` or images with channels `[N, H, W, C]`. Unsigned bytes
//! are grey, 0 black and 255 white, as are truth values; all other numbers are what they are, as the nearest f32. Of a
//! file with several arrays, names say which has the images to train on, their labels (`y`, `labels`, `targets`, …), and
//! which those to measure with (`x_test`, `test_images`, …).

use std::path::Path;

mod choose;
mod element;
mod error;
mod header;
mod list;
mod place;
mod reader;
mod stream;

pub use error::ArrayError;
pub(super) use stream::examples;

use super::{DataError, Dataset, LoadOptions, Split, hold_out, table};
use choose::Chosen;
use list::Entry;
use place::Place;
use reader::Reader;

/// How a file has its arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One array in NumPy's format.
    Npy,
    /// A zip file of such arrays.
    Npz,
    /// Tensors as Hugging Face writes them.
    Safetensors,
}

/// Loads a file of arrays.
pub(super) fn load(
    path: &Path,
    format: Format,
    options: &LoadOptions,
) -> Result<Dataset, DataError> {
    Arrays::open(Place::file(path), format, options)?.load(options)
}

/// Loads a file of arrays that is in memory; errors call it `path`.
///
/// # Errors
/// [`DataError::Array`] where it is no such file, or its arrays are none of examples;
/// [`DataError::NothingToHoldOut`] where it has a single example.
pub fn from_bytes(
    bytes: Vec<u8>,
    format: Format,
    path: &Path,
    options: &LoadOptions,
) -> Result<Dataset, DataError> {
    Arrays::open(Place::memory(bytes, path), format, options)?.load(options)
}

/// The arrays of a file that make a data set.
struct Arrays {
    place: Place,
    entries: Vec<Entry>,
    chosen: Chosen,
    /// Whether its rows are those of a table.
    is_table: bool,
}

impl Arrays {
    /// Looks at the headers.
    fn open(place: Place, format: Format, options: &LoadOptions) -> Result<Self, ArrayError> {
        let entries = list::entries(&place, format)?;
        let chosen = choose::choose(&place, &entries, options.array.as_deref())?;
        Ok(Self {
            place,
            entries,
            chosen,
            is_table: table::is_array_table(&options.table),
        })
    }

    /// What to call the data.
    fn name(&self) -> String {
        let name = self.place.path.file_stem().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// The images to train on and those to measure with, where there are some, of the same size and kind.
    fn readers(&self) -> Result<(Reader, Option<Reader>), ArrayError> {
        let open = |index: usize| {
            let mut reader = Reader::of_examples(&self.place, &self.entries[index])?;
            reader.holes = self.is_table;
            Ok::<_, ArrayError>(reader)
        };
        let train = open(self.chosen.train)?;
        let Some(test) = self.chosen.test else {
            return Ok((train, None));
        };
        let [train_name, test_name] = [self.chosen.train, test].map(|index| {
            let name = self.entries[index].name.clone();
            name.unwrap_or_default()
        });
        let test = open(test)?;
        let is = |of: &Reader| (of.size, of.is_of_bytes());
        if is(&train) != is(&test) {
            return Err(ArrayError::Parts {
                path: self.place.path.clone(),
                train: train_name,
                train_is: described(&train),
                test: test_name,
                test_is: described(&test),
            });
        }
        Ok((train, Some(test)))
    }

    /// The labels of so many images, as far as they can be used; else a note says why not.
    fn labels(
        &self,
        entry: Option<usize>,
        count: usize,
        notes: &mut Vec<String>,
    ) -> Result<Option<Vec<u8>>, ArrayError> {
        let Some(entry) = entry.map(|index| &self.entries[index]) else {
            return Ok(None);
        };
        let reader = match Reader::of_numbers(&self.place, entry) {
            Ok(reader) => reader,
            Err(error) => {
                notes.push(format!("the labels are left out: {error}"));
                return Ok(None);
            }
        };
        let name = entry.name.as_deref().unwrap_or_default();
        let reason = if reader.count == count {
            let numbers = reader.all_floats()?;
            let label = |&number: &f32| {
                let is_class = (0.0..=255.0).contains(&number) && number.fract() == 0.0;
                is_class.then_some(number as u8)
            };
            match numbers.iter().map(label).collect() {
                Some(labels) => return Ok(Some(labels)),
                None => "are no whole numbers from 0 to 255".to_owned(),
            }
        } else {
            format!("are {} and there are {count} images", reader.count)
        };
        notes.push(format!(
            "the labels are left out: those of the array {name} {reason}"
        ));
        Ok(None)
    }

    /// Reads everything, into memory as far as the options allow.
    fn load(&self, options: &LoadOptions) -> Result<Dataset, DataError> {
        let mut notes = Vec::new();
        let scratch = options.scratch();
        let mut split = |images: Reader, labels| -> Result<Split, DataError> {
            let labels = self.labels(labels, images.count, &mut notes)?;
            Ok(Split {
                images: images.all(&scratch)?,
                labels,
                factors: None,
            })
        };
        let (train, test) = self.readers()?;
        let train = split(train, self.chosen.train_labels)?;
        let test = test
            .map(|test| split(test, self.chosen.test_labels))
            .transpose()?;
        let held_out = test.is_none();
        let (train, test) = match test {
            Some(test) => (train, test),
            None => hold_out::hold_out(train, &self.place.path, options)?,
        };
        if held_out {
            notes.push(hold_out::note(&self.place.path, [&train, &test]));
        }
        let data = Dataset {
            name: self.name(),
            train,
            test,
            notes,
            held_out,
            classes: Vec::new(),
            table: None,
        };
        match self.is_table {
            true => table::of_arrays(data, &options.table, &self.place.path),
            false => Ok(data),
        }
    }
}

/// Size and kind of the images of an array.
fn described(reader: &Reader) -> String {
    let [height, width, channels] = reader.size;
    let kind = if reader.is_of_bytes() {
        "bytes"
    } else {
        "numbers"
    };
    match channels {
        1 => format!("{height}×{width} {kind}"),
        _ => format!("{height}×{width}×{channels} {kind}"),
    }
}
