//! The models: each file reads like its paper and writes graphs.

mod likelihood;
mod vae;

pub use likelihood::{Density, Likelihood, Location, LogScale};
pub use vae::{Noise, Vae, VaeConfig, VaeError};
