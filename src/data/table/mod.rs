//! Tables: rows whose columns are numbers, counts or categories, some of them missing.
//!
//! A [`Schema`] says what each column is and how its cells become the values that a model reads, and back; a
//! [`Layout`] is all that the model needs to know of it.

mod layout;
mod schema;

pub use layout::Layout;
pub use schema::{Column, Kind, Schema};
