//! What can be wrong with a file of arrays.

use std::io;
use std::path::PathBuf;

/// Why arrays could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArrayError {
    /// The operating system refused to read.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },

    /// A file that is damaged, or another kind of file.
    #[error("{}: {reason}; write or fetch the file again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong where.
        reason: String,
    },

    /// Numbers of a kind that is not read.
    #[error(
        "{}: {}has elements of the type {found}, and only numbers and truth values are read (bool, integers, floats of \
         up to 64 bits): save it as one of these, in NumPy a.astype(\"float32\")",
        path.display(),
        named(array)
    )]
    Type {
        /// The file.
        path: PathBuf,
        /// The array, where the file has several.
        array: Option<String>,
        /// Its type as the file has it.
        found: String,
    },

    /// An array whose first dimension varies fastest.
    #[error(
        "{}: {}lies in Fortran's order, column by column, and only C's order, row by row, is read: save it as \
         numpy.ascontiguousarray(a)",
        path.display(),
        named(array)
    )]
    Fortran {
        /// The file.
        path: PathBuf,
        /// The array, where the file has several.
        array: Option<String>,
    },

    /// Dimensions that are not those of examples.
    #[error(
        "{}: {}has the shape {}: {reason}",
        path.display(),
        named(array),
        shape_text(shape)
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// The array, where the file has several.
        array: Option<String>,
        /// Its shape.
        shape: Vec<usize>,
        /// What is wrong with it, and what to do.
        reason: &'static str,
    },

    /// A number that is none to learn from.
    #[error(
        "{}: {}has {value} in {place} (each counted from 0), and only finite numbers that f32 can hold are read: repair \
         or leave out that example",
        path.display(),
        named(array)
    )]
    Value {
        /// The file.
        path: PathBuf,
        /// The array, where the file has several.
        array: Option<String>,
        /// The number as the file has it.
        value: String,
        /// Where it stands, such as `row 3, column 7`.
        place: String,
    },

    /// Several arrays could be meant.
    #[error(
        "{} has several arrays, and it is not clear which has what to train on: {}; choose one by its name",
        path.display(),
        arrays.join(", ")
    )]
    Which {
        /// The file.
        path: PathBuf,
        /// The arrays, each with its shape and type.
        arrays: Vec<String>,
    },

    /// No array is what is asked for.
    #[error(
        "{} has no array {}: {}",
        path.display(),
        asked.as_ref().map_or_else(|| "of numbers in rows or images".to_owned(), |name| format!("`{name}`")),
        if arrays.is_empty() { "it has none at all".to_owned() } else { format!("it has {}", arrays.join(", ")) }
    )]
    None {
        /// The file.
        path: PathBuf,
        /// The name that was asked for.
        asked: Option<String>,
        /// What there is, each array with its shape and type.
        arrays: Vec<String>,
    },

    /// Test images of another size or kind than the training images.
    #[error(
        "{}: the array {test} has {test_is} and the array {train} {train_is}: bring both to one size and type",
        path.display()
    )]
    Parts {
        /// The file.
        path: PathBuf,
        /// The array of the training images.
        train: String,
        /// Its size and kind.
        train_is: String,
        /// The array of the test images.
        test: String,
        /// Its size and kind.
        test_is: String,
    },

    /// A file that unpacks to so much that it looks like one made to fill the memory.
    #[error(
        "{}: {}unpacks from {packed} bytes to {unpacked}, more than {limit} times as many, as files do that are made to \
         fill a memory: if it is meant, unpack the file and name the .npy in it",
        path.display(),
        named(array)
    )]
    Bomb {
        /// The file.
        path: PathBuf,
        /// The array.
        array: Option<String>,
        /// Bytes in the file.
        packed: u64,
        /// Bytes of the array.
        unpacked: u64,
        /// As many times as many are read.
        limit: u64,
    },

    /// There is no memory for an array.
    #[error(
        "{}: there is no memory for the {bytes} bytes of its numbers: free some, or take fewer examples",
        path.display()
    )]
    Memory {
        /// The file.
        path: PathBuf,
        /// Bytes that were asked for.
        bytes: usize,
    },
}

/// The array's name as the subject of what follows.
fn named(array: &Option<String>) -> String {
    match array {
        Some(name) => format!("the array {name} "),
        None => "the array ".to_owned(),
    }
}

/// A shape as NumPy writes it.
pub(super) fn shape_text(shape: &[usize]) -> String {
    match shape {
        [one] => format!("({one},)"),
        all => {
            let sizes: Vec<_> = all.iter().map(usize::to_string).collect();
            format!("({})", sizes.join(", "))
        }
    }
}
