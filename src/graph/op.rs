//! The operations.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::rng::Stream;

/// A pointwise non-linearity.
///
/// Each one's derivative is a function of its output, which is what the backward pass keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// The hyperbolic tangent.
    Tanh,
    /// 1 / (1 + e^−x).
    Sigmoid,
}

impl Activation {
    /// Their names, as settings give them.
    pub const NAMES: [&'static str; 3] = ["relu", "tanh", "sigmoid"];
}

impl FromStr for Activation {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "relu" => Ok(Self::Relu),
            "tanh" => Ok(Self::Tanh),
            "sigmoid" => Ok(Self::Sigmoid),
            _ => Err(format!(
                "'{name}' is no activation; choose one of {}",
                Self::NAMES.join(", ")
            )),
        }
    }
}

/// What a node computes. `B` is the batch, `D` a row's length; operands and results in order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// `() → x [B, D]`: the next `B` images of the data set that the graph runs over, in [0, 1].
    Gather,
    /// `(x [B, in], weight [out, in], bias [out]) → y [B, out]`: x·weightᵀ + bias.
    Linear,
    /// `(d_y [B, out], weight [out, in]) → d_x [B, in]`: d_y·weight.
    LinearInputGrad,
    /// `(d_y [B, out], x [B, in]) → d_weight [out, in]`: d_yᵀ·x.
    LinearWeightGrad,
    /// `(d_y [B, out]) → d_bias [out]`: the sum of the rows.
    ColumnSum,
    /// `(x) → y`: pointwise.
    Activation(Activation),
    /// `(y, d_y) → d_x`: d_y · f′, from the output of f.
    ActivationGrad(Activation),
    /// `(a, b) → a + b`.
    Add,
    /// `() → ε`: standard normals, a function of seed, stream, step and element.
    Normal(Stream),
    /// `(mu, logvar, eps) → z`: μ + exp(½ log σ²)·ε (Kingma and Welling 2013, 2.4).
    Reparameterize,
    /// `(d_z, logvar, eps) → d_logvar`: d_z · ½ exp(½ log σ²)·ε. The gradient of μ is d_z itself.
    ReparameterizeGrad,
    /// `(mu [B, D], logvar [B, D]) → rows [B]`: KL(N(μ, σ²) ‖ N(0, 1)) = ½ Σ μ² + σ² − 1 − log σ².
    Kl,
    /// `(mu, logvar, d_rows [B]) → (d_mu, d_logvar)`.
    KlGrad,
    /// `(logits [B, D], x [B, D]) → rows [B]`: −Σ log p(x | logits) of independent Bernoullis.
    BernoulliNll,
    /// `(logits, x, d_rows [B]) → d_logits`: d_rows · (sigmoid(logits) − x).
    BernoulliNllGrad,
    /// `(y [B, D], x [B, D]) → rows [B]`: Σ scale·(y − x)² + offset.
    SquaredError {
        /// ½ for a Gaussian of unit variance, 1 for the plain sum of squares.
        scale: f32,
        /// ½ ln 2π for a Gaussian of unit variance, else 0.
        offset: f32,
    },
    /// `(y, x, d_rows [B]) → d_y`: d_rows · 2·scale·(y − x).
    SquaredErrorGrad {
        /// As in [`Op::SquaredError`].
        scale: f32,
    },
}
