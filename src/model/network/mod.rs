//! Networks: what lies between x and the posterior's heads, and between z and the likelihood's.
//!
//! A hidden layer is linear → normalisation → non-linearity → dropout, and with residual connections its input
//! is added to that.

mod dropout;
mod layer;
mod masked;
mod mlp;
mod norm;

pub use dropout::formulas as dropout_formulas;
pub(super) use layer::Layer;
pub(super) use masked::{Masked, Order};
pub(super) use mlp::Mlp;
pub(super) use mlp::has_skips;
pub use norm::Norm;

/// What hidden layers have besides their linear map and their non-linearity.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Network {
    /// What stands between the linear map and the non-linearity.
    pub norm: Norm,
    /// The probability with which a step of a training drops an output of a hidden layer; 0 is never.
    pub dropout: f64,
    /// Whether a hidden layer behind one of as many units adds its input to its output: He et al., *Deep
    /// Residual Learning for Image Recognition* (2016).
    pub residual: bool,
}

/// What a graph is for, where a network differs by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Batches are normalised by their own statistics, which running ones follow, and outputs are dropped.
    Training,
    /// Batches are normalised by running statistics, and nothing is dropped.
    #[default]
    Evaluation,
}
