//! The models: each file reads like its paper and writes graphs.

mod check;
mod condition;
mod divergence;
mod error;
mod formula;
mod graphs;
mod initial;
mod likelihood;
mod network;
mod objective;
mod posterior;
mod prior;
mod vae;

pub use condition::Condition;
pub use error::VaeError;
pub use formula::Formula;
pub use initial::{InitialWeights, OutputBias};
pub use likelihood::{Density, Likelihood, Location, LogScale, Scale, Support};
pub use network::{Mode, Network, Norm, dropout_formulas};
pub use objective::{Bound, Elbo, Objective};
pub use posterior::{Flow, Heads, Posterior, PosteriorFamily};
pub use prior::{Prior, PriorFamily};
pub use vae::{Inputs, Noise, Outputs, Pass, Vae, VaeConfig};
