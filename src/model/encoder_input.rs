//! What the encoder sees of x.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::likelihood::Likelihood;
use crate::expr::operand;
use crate::graph::{Graph, TensorId};
use crate::named;

/// What the encoder sees of x, of which the likelihood is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EncoderInput {
    /// x itself.
    #[default]
    Values,
    /// ln(1 + x) of counts, which may be thousands: Lopez et al. (2018).
    Log1p,
}

impl EncoderInput {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Values, Self::Log1p];

    /// Their names, as settings give them.
    pub const NAMES: [&'static str; 2] = ["values", "log1p"];

    /// What goes with a likelihood where nobody chooses: ln(1 + x) of counts, else x.
    pub fn of(likelihood: Likelihood) -> Self {
        match likelihood.is_of_counts() {
            true => Self::Log1p,
            false => Self::Values,
        }
    }

    /// Its name, as settings give it.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// What it is and where it comes from, in a line.
    pub fn source(self) -> &'static str {
        match self {
            Self::Values => "x itself; so unless given, but of counts",
            Self::Log1p => {
                "ln(1 + x) of counts, as scVI has it, Lopez et al. 2018; so of counts unless given"
            }
        }
    }

    /// x `[B, D]` as the encoder sees it.
    pub(super) fn of_images(self, g: &mut Graph, x: TensorId) -> TensorId {
        match self {
            Self::Values => x,
            Self::Log1p => {
                let shape = [g.shape(x).rows(), g.shape(x).columns()];
                g.pointwise("encoder.log1p", shape, operand(0).ln1p(), &[x.into()])
            }
        }
    }
}

impl FromStr for EncoderInput {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        named::find(&Self::ALL, Self::name, name, "nothing that an encoder sees")
    }
}

#[cfg(test)]
mod tests {
    use super::EncoderInput;

    #[test]
    fn every_input_is_read_by_its_name() {
        for input in EncoderInput::ALL {
            assert_eq!(input.name().parse(), Ok(input));
        }
        assert!("log".parse::<EncoderInput>().is_err());
    }
}
