//! What is minimised, as named terms.

mod elbo;
mod formulas;
mod iwae;

use std::str::FromStr;

use crate::named;
use serde::{Deserialize, Serialize};

pub use elbo::Elbo;
pub(super) use iwae::add_terms as iwae;

/// An objective.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Objective {
    /// −ELBO with what may be done to its divergence.
    Elbo(Elbo),
    /// −ln of the mean of so many importance weights (Burda, Grosse and Salakhutdinov 2016).
    Iwae {
        /// Importance samples, K.
        samples: usize,
    },
    /// The same bound; the encoder's gradient is the doubly reparameterised one (Tucker et al. 2018).
    Dreg {
        /// Importance samples, K.
        samples: usize,
    },
}

impl Default for Objective {
    fn default() -> Self {
        Self::Elbo(Elbo::default())
    }
}

impl Objective {
    /// Whether each dimension's divergence counts for itself.
    pub(super) fn has_free_bits(&self) -> bool {
        matches!(self, Self::Elbo(elbo) if elbo.free_bits != 0.0)
    }

    /// Which it is, without its numbers.
    pub(super) fn bound(&self) -> Bound {
        match self {
            Self::Elbo(_) => Bound::Elbo,
            Self::Iwae { .. } => Bound::Iwae,
            Self::Dreg { .. } => Bound::Dreg,
        }
    }

    /// Draws of z for an image.
    pub fn samples(&self) -> usize {
        match self {
            Self::Elbo(elbo) => elbo.samples,
            Self::Iwae { samples } | Self::Dreg { samples } => *samples,
        }
    }
}

/// Which objective, without its numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// [`Objective::Elbo`].
    #[default]
    Elbo,
    /// [`Objective::Iwae`].
    Iwae,
    /// [`Objective::Dreg`].
    Dreg,
}

impl Bound {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Elbo, Self::Iwae, Self::Dreg];

    /// Their names, as settings give them.
    pub const NAMES: [&'static str; 3] = ["elbo", "iwae", "dreg"];

    /// Its name, as settings give it.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl FromStr for Bound {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        named::find(&Self::ALL, Self::name, name, "no objective")
    }
}

#[cfg(test)]
mod tests {
    use super::Bound;

    #[test]
    fn every_objective_is_read_by_its_name() {
        for bound in Bound::ALL {
            assert_eq!(bound.name().parse(), Ok(bound));
        }
        assert!("vae".parse::<Bound>().is_err());
    }
}
