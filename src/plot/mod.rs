//! Pictures of what a model does: grids of samples, and inputs above their reconstructions.

mod grid;
mod npy;

pub use grid::{PlotError, check_grid, default_scale, grid, reconstructions, save_png};
pub use npy::save_npy;
