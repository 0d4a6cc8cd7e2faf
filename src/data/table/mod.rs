//! Tables: rows whose columns are numbers, counts or categories, some of them missing.
//!
//! A [`Schema`] says what each column is and how its cells become the values that a model reads, and back; a
//! [`Layout`] is all that the model needs to know of it.

use std::path::Path;

mod array;
#[cfg(feature = "arrow")]
mod arrow;
mod cell;
mod codec;

mod date;
mod describe;
mod error;
mod fit;
mod form;
mod kinds;
mod layout;
mod load;
mod mtx;
mod options;
mod origin;
mod reader;
mod rows;
mod schema;
mod sniff;
mod text;
mod writer;

pub(super) use array::{is_array_table, of_arrays, stream_of_arrays};
pub use array::{rows_of_array, schema_of_array};
pub use cell::{Cell, MISSING};
pub use codec::Codec;
pub use error::{At, TableError};
pub use fit::schema_of;
pub use form::Form;
pub use kinds::{FEW, MOST_OF_A_COUNT};
pub use layout::Layout;
pub use load::{examples, load};
pub use mtx::{load_mtx, read_mtx};
pub use options::{Delimiter, Role, TableOptions};
pub use origin::Origin;
pub use rows::{RowBlock, Rows};
pub use schema::{Column, Kind, Label, Place, Schema, Seen};
pub use writer::{Filler, Writer};

/// Words that a column of categories has at most; beyond them, a column of words is refused.
pub const MOST_WORDS: usize = 1_000;

/// Endings of files that are tables; text may be compressed with gzip.
pub const ENDINGS: [&str; 8] = [
    "csv", "tsv", "tab", "txt", "parquet", "arrow", "feather", "mtx",
];

/// Whether a path's ending says that it is a table.
pub fn is_table(path: &Path) -> bool {
    let ending = Origin::file(path).ending();
    ENDINGS.contains(&ending.as_str())
}
