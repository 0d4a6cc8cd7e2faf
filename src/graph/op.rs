//! The operations.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

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
        let named = Self::ALL
            .into_iter()
            .find(|function| function.name() == name);
        named.ok_or_else(|| {
            format!(
                "'{name}' is no activation; choose one of {}",
                Self::NAMES.join(", ")
            )
        })
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
    /// `() → ε`: standard normals, a function of seed, draw, step and element.
    Normal(Draw),
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
