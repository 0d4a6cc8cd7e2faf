//! q(z | x): a file for each family.
//!
//! To add one: its file, a variant of [`Posterior`], its place in [`Posterior::ALL`] and its arm in
//! [`Posterior::family`]. What it has in closed form with a prior is an arm in `divergence.rs`.

pub(super) mod gaussian;

use std::str::FromStr;

use crate::named;
use serde::{Deserialize, Serialize};

use super::Formula;
use super::vae::Vae;
use crate::executor::ParameterSpec;
use crate::graph::{Graph, TensorId};

/// The family that q(z | x) is chosen from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Posterior {
    /// Independent Gaussians.
    #[default]
    Gaussian,
}

/// A family as its file gives it.
#[derive(Clone, Copy, Debug)]
pub struct PosteriorFamily {
    /// Its name, as settings give it.
    pub name: &'static str,
    /// What it is and where it comes from, in a line.
    pub source: &'static str,
    /// Its formulas, for people.
    pub formulas: fn() -> Vec<Formula>,
    /// Its parameters, `encoder.…`, behind those of the encoder's hidden layers.
    pub(super) parameters: fn(&Vae) -> Vec<ParameterSpec>,
    /// What the encoder says of z, from its last hidden layer `h [B, H]`.
    pub(super) encode: fn(&Vae, &mut Graph, h: TensorId) -> Heads,
    /// z `[B · samples, Z]` from ε of the same shape.
    pub(super) draw: fn(&Vae, &mut Graph, &Heads, eps: TensorId, samples: usize) -> Drawn,
    /// −ln q(z | x) of each draw, in nats: `[B · samples]`.
    pub(super) nll: fn(&Vae, &mut Graph, &Heads, &Drawn, samples: usize) -> TensorId,
}

/// What the encoder says of z for each image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heads {
    /// μ, `[B, Z]`.
    pub mu: TensorId,
    /// log σ², `[B, Z]`.
    pub logvar: TensorId,
}

impl Heads {
    /// The same values, which no gradient passes.
    pub(super) fn stopped(&self, g: &mut Graph) -> Self {
        let [mu, logvar] = [self.mu, self.logvar].map(|of| g.stop("q", of));
        Self { mu, logvar }
    }
}

/// A draw from q(z | x), and whatever the family computes its density from beside z.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Drawn {
    /// z, `[B · samples, Z]`.
    pub(super) z: TensorId,
}

impl Drawn {
    /// The same draw whose gradient is multiplied on its way to the encoder
    /// ([`Graph::scale_gradient`]).
    pub(super) fn scaled(&self, g: &mut Graph) -> Self {
        let z = g.scale_gradient("z.scaled", self.z);
        Self { z }
    }
}

impl Posterior {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::Gaussian];

    /// Their names, as settings give them.
    pub const NAMES: [&'static str; Self::ALL.len()] = {
        let mut names = [""; Self::ALL.len()];
        let mut index = 0;
        while index < names.len() {
            names[index] = Self::ALL[index].family().name;
            index += 1;
        }
        names
    };

    /// Its name, as settings give it.
    pub fn name(self) -> &'static str {
        self.family().name
    }

    /// What its file says of it.
    pub const fn family(self) -> &'static PosteriorFamily {
        match self {
            Self::Gaussian => &gaussian::FAMILY,
        }
    }
}

impl FromStr for Posterior {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        named::find(&Self::ALL, Self::name, name, "no posterior")
    }
}

#[cfg(test)]
mod tests {
    use super::Posterior;

    #[test]
    fn every_posterior_is_read_by_its_name() {
        for posterior in Posterior::ALL {
            assert_eq!(posterior.name().parse(), Ok(posterior));
        }
        assert!("prior".parse::<Posterior>().is_err());
    }
}
