//! Pictures of what a model does: grids of samples, and inputs above their reconstructions; arrays and lines of text.

mod csv;
mod grid;
mod npy;

pub use csv::save_csv;
pub use grid::{PlotError, check_grid, default_scale, grid, reconstructions, save_png};
pub use npy::save_npy;
