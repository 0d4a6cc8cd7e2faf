//! The models: each file reads like its paper and writes graphs.

mod vae;

pub use vae::{Likelihood, Noise, Vae, VaeConfig, VaeError};
