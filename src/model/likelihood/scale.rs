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
    /// The best one for the batch, in closed form.
    Optimal,
}

impl Scale {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Unit,
        Self::Shared,
        Self::PerDimension,
        Self::PerPixel,
        Self::Optimal,
    ];

    /// Their names, as settings give them.
    pub const NAMES: [&'static str; 5] =
        ["unit", "shared", "per-dimension", "per-pixel", "optimal"];

    /// The least scale, or variance, that [`Scale::Optimal`] takes: e⁻¹², as the authors' code, which holds
    /// ln σ softly above −6.
    pub(super) const LEAST: f64 = 6.144_212_353_328_21e-6;

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
            Self::Optimal => {
                "the best one for the images of a batch together, of a Gaussian the mean of (x - m)^2, which \
                 counts as a constant; when measured, that of the measured batch: Rybkin, Daniilidis and \
                 Levine 2021"
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
