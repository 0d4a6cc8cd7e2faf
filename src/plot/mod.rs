//! Pictures of what a model does: grids of samples, and inputs above their reconstructions; arrays and lines of text;
//! charts.

pub mod chart;
mod csv;
mod grid;
mod npy;
mod png;

pub use csv::save_csv;
pub use grid::{
    Bands, PlotError, banded, check_grid, default_scale, grid, picture, reconstructions,
};
pub(crate) use npy::header as npy_header;
pub use npy::save_npy;
pub use png::{encode_png, png_size, save_png};
