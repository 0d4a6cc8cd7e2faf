//! The non-linearities of layers.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::expr::{Expr, operand};
use crate::named;

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
    /// ln(1 + eˣ).
    Softplus,
}

impl Activation {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Relu, Self::Tanh, Self::Sigmoid, Self::Softplus];

    /// Those that the kernels written by hand compute, by their codes.
    pub const CODED: [Self; 3] = [Self::Relu, Self::Tanh, Self::Sigmoid];

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
            Self::Softplus => x.softplus(),
        }
    }

    /// f′ as an expression of f's output, operand 0.
    pub fn slope(self) -> Expr {
        if self == Self::Softplus {
            // The sigmoid of x is 1 − e^−y.
            return -(-operand(0)).expm1();
        }
        let f = self.formula();
        f.derivative(0).replace(&f, &operand(0))
    }

    /// What it is and where it comes from, in a line.
    pub fn source(self) -> &'static str {
        match self {
            Self::Relu => "rectified linear unit: Nair and Hinton 2010",
            Self::Tanh => "hyperbolic tangent: as in Kingma and Welling 2013",
            Self::Sigmoid => "logistic function",
            Self::Softplus => "smooth ReLU: Dugas et al. 2001; as in Kingma et al. 2014",
        }
    }

    /// Its name, as settings give it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::Softplus => "softplus",
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

    #[test]
    fn slopes_are_functions_of_the_output() {
        for function in Activation::ALL {
            for x in [-3.0, -0.25, 0.0, 0.25, 3.0] {
                let y = function.formula().evaluate::<f64>(&[x]);
                let expected = match function {
                    Activation::Relu => f64::from(u8::from(x > 0.0)),
                    Activation::Tanh => 1.0 / (x.cosh() * x.cosh()),
                    Activation::Sigmoid => 1.0 / (2.0 + x.exp() + (-x).exp()),
                    Activation::Softplus => 1.0 / (1.0 + (-x).exp()),
                };
                let slope = function.slope().evaluate(&[y]);
                assert!((slope - expected).abs() < 1e-15, "{function:?} of {x}");
            }
        }
    }
}
