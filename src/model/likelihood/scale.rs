//! The scale of a likelihood that has one.

use std::str::FromStr;

use crate::named;
use serde::{Deserialize, Serialize};

/// What the scale of a pixel is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// 1.
    #[default]
    Unit,
    /// One trained parameter for all pixels.
    Shared,
    /// A trained parameter for each pixel.
    PerDimension,
    /// The decoder's, for each pixel of each image: a second head.
    PerPixel,
}

impl Scale {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Unit, Self::Shared, Self::PerDimension, Self::PerPixel];

    /// Their names, as settings give them.
    pub const NAMES: [&'static str; 4] = ["unit", "shared", "per-dimension", "per-pixel"];

    /// What it is and where it comes from, in a line.
    pub fn source(self) -> &'static str {
        match self {
            Self::Unit => "1 for every pixel: the likelihood without its scale",
            Self::Shared => {
                "one trained parameter for all pixels: Rybkin, Daniilidis and Levine 2021, with a \
                 Gaussian"
            }
            Self::PerDimension => "a trained parameter for each pixel, the same in all images",
            Self::PerPixel => {
                "of each pixel of each image, a second head of the decoder: Kingma and Welling 2013, \
                 appendix C.2"
            }
        }
    }

    /// Its name, as settings give it.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl FromStr for Scale {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        named::find(&Self::ALL, Self::name, name, "no scale")
    }
}

#[cfg(test)]
mod tests {
    use super::Scale;

    #[test]
    fn every_scale_is_read_by_its_name() {
        for scale in Scale::ALL {
            assert_eq!(scale.name().parse(), Ok(scale));
        }
        assert!("pixel".parse::<Scale>().is_err());
    }
}
