//! Labels beside x and z: Sohn, Lee and Yan, *Learning Structured Output Representation using Deep
//! Conditional Generative Models* (2015).

use std::str::FromStr;

use crate::named;
use serde::{Deserialize, Serialize};

/// Where the label of an image, as a row of zeros with a 1, enters beside what is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Nowhere.
    #[default]
    None,
    /// Behind x: q(z | x, y).
    Encoder,
    /// Behind z: p(x | z, y).
    Decoder,
    /// Behind both.
    Both,
}

impl Condition {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::None, Self::Encoder, Self::Decoder, Self::Both];

    /// Their names, as settings give them.
    pub const NAMES: [&'static str; 4] = ["none", "encoder", "decoder", "both"];

    /// Its name, as settings give it.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Both networks' distributions, as they then are.
    pub fn distributions(self) -> [&'static str; 2] {
        let q = match self.encoder() {
            true => "q(z | x, y)",
            false => "q(z | x)",
        };
        let p = match self.decoder() {
            true => "p(x | z, y)",
            false => "p(x | z)",
        };
        [q, p]
    }

    /// What it is and where it comes from, in a line.
    pub fn source(self) -> &'static str {
        match self {
            Self::None => "labels are not read: Kingma and Welling 2013",
            Self::Encoder => "the label behind x, for the encoder alone",
            Self::Decoder => {
                "the label behind z, for the decoder alone: the latent need not say the class"
            }
            Self::Both => "the label behind x and behind z: Sohn, Lee and Yan 2015",
        }
    }

    /// Whether the encoder sees labels.
    pub fn encoder(self) -> bool {
        matches!(self, Self::Encoder | Self::Both)
    }

    /// Whether the decoder sees labels.
    pub fn decoder(self) -> bool {
        matches!(self, Self::Decoder | Self::Both)
    }
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        named::find(
            &Self::ALL,
            Self::name,
            name,
            "nothing to condition on labels",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Condition;

    #[test]
    fn every_condition_is_read_by_its_name() {
        for condition in Condition::ALL {
            assert_eq!(condition.name().parse(), Ok(condition));
        }
        assert!("z".parse::<Condition>().is_err());
    }
}
