//! Tables: rows whose columns are numbers, counts or categories, some of them missing.
//!
//! A [`Schema`] says what each column is and how its cells become the values that a model reads, and back; a
//! [`Layout`] is all that the model needs to know of it.

mod date;
mod form;
mod layout;
mod schema;

pub use form::Form;
pub use layout::Layout;
pub use schema::{Column, Kind, Label, Place, Schema, Seen};

/// Words that a column of categories has at most; beyond them, a column of words is refused.
pub const MOST_WORDS: usize = 1_000;
