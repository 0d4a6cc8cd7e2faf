//! The formulas of a likelihood, for people.

use super::super::Formula;
use super::{Density, Location, Support};
use crate::expr::{constant, operand};

impl Density {
    /// −ln p(x) of a pixel and its mean; where there is a scale, also −ln p(x) with that of 1.
    pub fn formulas(&self) -> Vec<Formula> {
        let location = self.location.symbol();
        let nll = |name, scale: Option<&'static str>| Formula {
            name,
            expr: (self.nll)(
                operand(0),
                scale.map_or(constant(0.0), |_| operand(1)),
                operand(2),
            ),
            operands: vec![location, scale.unwrap_or_default(), "x"],
            of: "",
        };
        let mean = Formula {
            name: "mean",
            expr: (self.mean)(operand(0)),
            operands: vec![location],
            of: "",
        };
        match &self.scale {
            None => vec![nll("-ln p(x)", None), mean],
            Some(scale) => vec![
                nll("-ln p(x)", Some(scale.parameter)),
                nll("scale 1", None),
                mean,
            ],
        }
    }
}

impl Location {
    /// Its name in formulas.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Output => "l",
            Self::Sigmoid => "y",
            Self::SigmoidIfScaled => "m",
        }
    }

    /// What it is, in a line.
    pub fn summary(self) -> &'static str {
        match self {
            Self::Output => "the decoder's output, a logit",
            Self::Sigmoid => "the sigmoid of the decoder's output",
            Self::SigmoidIfScaled => {
                "the decoder's output, or the sigmoid of it where the scale is trained"
            }
        }
    }
}

impl Support {
    /// What it is, in a line.
    pub fn summary(self) -> &'static str {
        match self {
            Self::UnitInterval => "a number from 0 to 1",
            Self::Real => "any number",
        }
    }
}
