//! The models: each file reads like its paper and writes graphs.

mod check;
mod classifier;
mod condition;
mod divergence;
mod encoder_input;
mod error;
mod fitted;
mod formula;
mod graphs;
mod hierarchy;
mod importance;
mod initial;
mod likelihood;
mod network;
mod objective;
mod posterior;
mod prior;
mod scored;
mod semi_supervised;
mod table;
mod vae;

pub use classifier::Classifier;
pub use condition::Condition;
pub use encoder_input::EncoderInput;
pub use error::VaeError;
pub use fitted::{Fitted, FittedFamily, FittedPrior};
pub use formula::Formula;
pub use hierarchy::{Hierarchy, Inference, StochasticLayer};
pub use importance::{EnergyGraph, Importance, ImportanceGraph};
pub use initial::{InitialWeights, OutputBias};
pub use likelihood::{
    Density, Head, LEVELS, Likelihood, Location, LogScale, Outputs, STUDENT_T_FREEDOM, Scale,
    Support,
};
pub use network::{Mode, Network, Norm, dropout_formulas};
pub use objective::{BetaTc, Bound, Capacity, Ciwae, Elbo, Info, Objective, Stl};
pub use posterior::{Flow, Heads, Posterior, PosteriorFamily};
pub use prior::{Prior, PriorFamily};
pub use scored::{ScoredAt, ScoredGraph};
pub use semi_supervised::{Labelled, formulas as formulas_in_part};
pub use table::{COUNT as LIKELIHOOD_OF_COUNTS, ImputationGraph, RowGraph};
pub use vae::{Inputs, Noise, Pass, Vae, VaeConfig};
