//! The non-linearities of layers.

use std::f64::consts::FRAC_1_SQRT_2;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::expr::{Expr, less, operand};
use crate::named;

/// A pointwise non-linearity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// The hyperbolic tangent.
    Tanh,
    /// 1 / (1 + e^−x).
    Sigmoid,
    /// x where it is positive, elsewhere 0.01·x.
    LeakyRelu,
    /// x where it is positive, elsewhere eˣ − 1.
    Elu,
    /// ln(1 + eˣ).
    Softplus,
    /// x·Φ(x), with the distribution function Φ of a standard normal.
    Gelu,
    /// x / (1 + e^−x).
    Silu,
}

impl Activation {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Relu,
        Self::Tanh,
        Self::Sigmoid,
        Self::LeakyRelu,
        Self::Elu,
        Self::Softplus,
        Self::Gelu,
        Self::Silu,
    ];

    /// The slope of [`Activation::LeakyRelu`] where x is not positive: PyTorch's.
    pub const LEAK: f64 = 0.01;

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
            Self::Relu => x.relu(),
            Self::Tanh => x.tanh(),
            Self::Sigmoid => x.sigmoid(),
            Self::LeakyRelu => less(0.0, x.clone(), x.clone(), Self::LEAK * x),
            Self::Elu => x.elu(),
            Self::Softplus => x.softplus(),
            Self::Gelu => &x * (0.5 * ((FRAC_1_SQRT_2 * &x).erf() + 1.0)),
            Self::Silu => &x * x.sigmoid(),
        }
    }

    /// What it is and where it comes from, in a line.
    pub fn source(self) -> &'static str {
        match self {
            Self::Relu => "rectified linear unit: Nair and Hinton 2010",
            Self::Tanh => "hyperbolic tangent: as in Kingma and Welling 2013",
            Self::Sigmoid => "logistic function",
            Self::LeakyRelu => {
                "rectified linear unit with a slope of 0.01 below 0: Maas, Hannun and Ng 2013; PyTorch's slope"
            }
            Self::Elu => "exponential linear unit: Clevert, Unterthiner and Hochreiter 2016",
            Self::Softplus => "smooth rectified linear unit: Dugas et al. 2001",
            Self::Gelu => {
                "Gaussian error linear unit, by the error function: Hendrycks and Gimpel 2016"
            }
            Self::Silu => "sigmoid-weighted linear unit: Elfwing, Uchibe and Doya 2018",
        }
    }

    /// Its name, as settings give it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::LeakyRelu => "leaky-relu",
            Self::Elu => "elu",
            Self::Softplus => "softplus",
            Self::Gelu => "gelu",
            Self::Silu => "silu",
        }
    }
}

impl FromStr for Activation {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        named::find(&Self::ALL, Self::name, name, "no activation")
    }
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
