//! The formulas of a likelihood, for people.

use super::super::Formula;
use super::{Density, Location, Support};
use crate::expr::{constant, operand};

impl Density {
    /// −ln p(x) of a pixel and its mean; where there is a scale, also −ln p(x) with that of 1.
    pub fn formulas(&self) -> Vec<Formula> {
        let location = self.location.symbol();
        let x = match self.location {
            Location::LogShare => "is_level",
            _ => "x",
        };
        let summed = match self.location {
            Location::LogShare => [
                "summed over the levels",
                "times what the level is of 0 to 1, likewise",
            ],
            _ => [""; 2],
        };
        let scale = self.scale.map(|scale| scale.parameter);
        let log_scale = |scale: Option<&str>| scale.map_or(constant(0.0), |_| operand(1));
        let operands =
            |scale: Option<&'static str>| vec![location, scale.unwrap_or_default(), x, "g"];
        let nll = |name, scale: Option<&'static str>| Formula {
            name,
            expr: self.pixel_nll(operand(0), log_scale(scale), operand(3), operand(2)),
            operands: operands(scale),
            of: summed[0],
        };
        let mean = Formula {
            name: "mean",
            expr: self.pixel_mean(operand(0), log_scale(scale), operand(3)),
            operands: operands(scale),
            of: summed[1],
        };
        match scale {
            None => vec![nll("-ln p(x)", None), mean],
            Some(_) => vec![nll("-ln p(x)", scale), nll("scale 1", None), mean],
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
            Self::LogMean => "log_mean",
            Self::LogShare => "log_share",
        }
    }

    /// What it is, in a line.
    pub fn summary(self) -> &'static str {
        match self {
            Self::Output => "the decoder's output, a logit",
            Self::Sigmoid => "the sigmoid of the decoder's output",
            Self::SigmoidIfScaled => {
                "the decoder's output, or the sigmoid of it where the scale is not 1"
            }
            Self::LogMean => {
                "ln of the pixel's share of the image's sum, by the softmax of the decoder's outputs; of \
                 images that are drawn, of the training images' mean sum"
            }
            Self::LogShare => {
                "ln of the softmax of the pixel's outputs, of which there is one for each level"
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
            Self::Counts => "a count, a whole number from 0 on; bytes count as 0 to 255",
            Self::Levels => "a byte as 0 to 1",
        }
    }
}
