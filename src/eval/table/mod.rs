//! Rows of a table: cells that are missing filled in, and new rows drawn.

mod draw;
mod impute;

pub use draw::Drawing;
