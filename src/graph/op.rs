//! The operations.

use std::str::FromStr;

use crate::named;
use serde::{Deserialize, Serialize};

use super::{Pointwise, Ramp};
use crate::expr::{Expr, operand};
use crate::rng::Draw;

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
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Relu, Self::Tanh, Self::Sigmoid];

    /// Their names, as settings give them.
    pub const NAMES: [&'static str; Self::ALL.len()] = {
        let mut names = [""; Self::ALL.len()];
        let mut index = 0;
        while index < names.len() {
            names[index] = Self::ALL[index].name();
            index += 1;
        }
        names
    };

    /// f(x) as an expression of its operand.
    pub fn formula(self) -> Expr {
        let x = operand(0);
        match self {
            Self::Relu => x.max(0.0),
            Self::Tanh => x.tanh(),
            Self::Sigmoid => x.sigmoid(),
        }
    }

    /// What it is and where it comes from, in a line.
    pub fn source(self) -> &'static str {
        match self {
            Self::Relu => "rectified linear unit: Nair and Hinton 2010",
            Self::Tanh => "hyperbolic tangent: as in Kingma and Welling 2013",
            Self::Sigmoid => "logistic function",
        }
    }

    /// Its name, as settings give it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
        }
    }
}

impl FromStr for Activation {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        named::find(&Self::ALL, Self::name, name, "no activation")
    }
}

/// How the values of an axis become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// Σ x.
    Sum,
    /// ln Σ eˣ, by the largest x.
    LogSumExp,
}

/// What a node computes. `B` is the batch, `D` a row's length; operands and results in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// `() → x [B, D]`: the next `B` images of the data set that the graph runs over, in [0, 1].
    Gather,
    /// `() → y [B, classes]`: the labels of the same images, each a row with a 1 in its column.
    OneHot,
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
    /// `(operands…) → y [rows, columns]`: an expression at each element.
    Pointwise(Pointwise),
    /// `(operands…) → rows [rows]`: the sum of an expression over each row.
    RowSum(Pointwise),
    /// `(x [outer · axis, inner]) → y [outer, inner]`: so many consecutive rows become one.
    Reduce {
        /// How.
        function: Reduction,
        /// Rows that become one.
        axis: usize,
    },
    /// `(a [B, m], b [B, n]) → [B, m + n]`: rows side by side.
    Concat,
    /// `(x [B, n]) → [B, columns]`: the columns from `first` on.
    Slice {
        /// The first column.
        first: usize,
    },
    /// `(x) → x`: no gradient passes.
    Stop,
    /// `(x [B, D]) → x`: the gradient of each row passes multiplied by a factor that is computed from
    /// what follows ([`Graph::set_gradient_scale`](super::Graph::set_gradient_scale)).
    ScaleGradient,
    /// `() → [n]`: each `scale` times the ramp at this step.
    Ramp {
        /// The value at the top.
        scale: f64,
        /// The factor that follows the step.
        ramp: Ramp,
    },
    /// `() → ε`: standard normals, a function of seed, draw, step and element.
    Normal(Draw),
    /// `() → u`: uniform in [0, 1), multiples of 2⁻²⁴; a function of seed, draw, step and element.
    Uniform(Draw),
    /// `(mu, logvar, eps) → z`: μ + exp(½ log σ²)·ε (Kingma and Welling 2013, 2.4).
    Reparameterize,
    /// `(d_z, logvar, eps) → d_logvar`: d_z · ½ exp(½ log σ²)·ε. The gradient of μ is d_z itself.
    ReparameterizeGrad,
    /// `(mu [B, D], logvar [B, D]) → rows [B]`: KL(N(μ, σ²) ‖ N(0, 1)) = ½ Σ μ² + σ² − 1 − log σ².
    Kl,
    /// `(mu, logvar, d_rows [B]) → (d_mu, d_logvar)`.
    KlGrad,
}

#[cfg(test)]
mod tests {
    use super::Activation;

    /// serde's list of the names of all variants, which its error shows, is complete by derivation.
    #[test]
    fn every_activation_is_listed_by_its_name() {
        let error = toml::from_str::<std::collections::BTreeMap<String, Activation>>("a = ''");
        let error = error.unwrap_err().to_string();
        let (_, names) = error.split_once("expected one of ").unwrap();
        let names: Vec<&str> = names
            .trim()
            .split(", ")
            .map(|name| name.trim_matches('`'))
            .collect();
        assert_eq!(names, Activation::NAMES);
        for (name, function) in Activation::NAMES.into_iter().zip(Activation::ALL) {
            assert_eq!(name.parse(), Ok(function));
        }
    }
}
