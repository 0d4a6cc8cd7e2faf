//! What is minimised, as named terms: a file for each paper.
//!
//! To add one: its file, with the terms that it adds to a graph, its formulas and its settings; a variant of
//! [`Objective`] with its numbers and one of [`Bound`] with its name; and their arms here and in `formulas.rs`.

mod beta_tc;
mod capacity;
mod draws;
mod dreg;
mod elbo;
mod formulas;
mod info;
mod iwae;
mod miwae;
mod piwae;
mod stl;

use std::str::FromStr;

use crate::named;
use serde::{Deserialize, Serialize};

use super::posterior::Posterior;
use super::vae::{Inputs, Noise, Pass, Vae};
use crate::graph::{Graph, Ramp};

pub use beta_tc::BetaTc;
pub(super) use beta_tc::has_marginals;
pub use capacity::Capacity;
pub(super) use draws::Draws;
pub use elbo::Elbo;
pub use info::Info;
pub use miwae::Ciwae;
pub use stl::Stl;

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
    /// −ELBO; the encoder's gradient is without the score of q (Roeder, Wu and Duvenaud 2017).
    Stl(Stl),
    /// The importance-weighted bound with such a gradient (the same paper).
    IwaeStl {
        /// Importance samples, K.
        samples: usize,
    },
    /// The mean of several importance-weighted bounds (Rainforth et al. 2018).
    Miwae {
        /// Bounds for an image, M.
        groups: usize,
        /// Importance samples of each, K.
        samples: usize,
    },
    /// The encoder descends that mean, the decoder the bound of all samples (Rainforth et al. 2018).
    Piwae {
        /// Bounds for an image, M.
        groups: usize,
        /// Importance samples of each, K.
        samples: usize,
    },
    /// A mean of −ELBO and of the importance-weighted bound (Rainforth et al. 2018).
    Ciwae(Ciwae),
    /// The divergence is held at a capacity, which may rise (Burgess et al. 2018).
    Capacity(Capacity),
    /// −ELBO in which the total correlation of the latent has a weight (Chen et al. 2018).
    BetaTc(BetaTc),
    /// −ELBO with the distance of all draws from the prior (Zhao, Song and Ermon 2019).
    Info(Info),
}

impl Default for Objective {
    fn default() -> Self {
        Self::Elbo(Elbo::default())
    }
}

impl Objective {
    /// Which it is.
    pub fn bound(&self) -> Bound {
        match self {
            Self::Elbo(_) => Bound::Elbo,
            Self::Iwae { .. } => Bound::Iwae,
            Self::Dreg { .. } => Bound::Dreg,
            Self::Stl(_) => Bound::Stl,
            Self::IwaeStl { .. } => Bound::IwaeStl,
            Self::Miwae { .. } => Bound::Miwae,
            Self::Piwae { .. } => Bound::Piwae,
            Self::Ciwae(_) => Bound::Ciwae,
            Self::Capacity(_) => Bound::Capacity,
            Self::BetaTc(_) => Bound::BetaTc,
            Self::Info(_) => Bound::Info,
        }
    }

    /// Whether each dimension's divergence counts for itself.
    pub(super) fn has_free_bits(&self) -> bool {
        matches!(self, Self::Elbo(elbo) if elbo.free_bits != 0.0)
    }

    /// Bounds for an image: more than one where the objective is a mean of several.
    pub(super) fn groups(&self) -> usize {
        match self {
            Self::Miwae { groups, .. } | Self::Piwae { groups, .. } => *groups,
            _ => 1,
        }
    }

    /// Draws of z of each of an image's bounds.
    pub(super) fn samples_of_group(&self) -> usize {
        match self {
            Self::Elbo(elbo) => elbo.samples,
            Self::Iwae { samples }
            | Self::Dreg { samples }
            | Self::IwaeStl { samples }
            | Self::Miwae { samples, .. }
            | Self::Piwae { samples, .. } => *samples,
            Self::Stl(stl) => stl.samples,
            Self::Ciwae(ciwae) => ciwae.samples,
            Self::Capacity(capacity) => capacity.samples,
            Self::BetaTc(tc) => tc.samples,
            Self::Info(info) => info.samples,
        }
    }

    /// Draws of z for an image.
    pub fn samples(&self) -> usize {
        self.groups().saturating_mul(self.samples_of_group())
    }

    /// What follows the step while training, if anything does.
    pub(super) fn set_ramp(&mut self, ramp: Ramp) {
        match self {
            Self::Elbo(elbo) => elbo.ramp = ramp,
            Self::Stl(stl) => stl.ramp = ramp,
            Self::Capacity(capacity) => capacity.ramp = ramp,
            _ => {}
        }
    }

    /// How many images the training has, where that counts.
    pub(super) fn set_images(&mut self, images: usize) {
        if let Self::BetaTc(tc) = self {
            tc.images = images;
        }
    }

    /// Adds the terms of a pass to a graph.
    pub(super) fn add_terms(&self, vae: &Vae, g: &mut Graph, inputs: Inputs, noise: Noise) -> Pass {
        match *self {
            Self::Elbo(elbo) => elbo.add_terms(vae, g, inputs, noise),
            Self::Iwae { samples } => iwae::add_terms(vae, g, inputs, noise, 1, samples),
            Self::Dreg { samples } => dreg::add_terms(vae, g, inputs, noise, samples),
            Self::Stl(stl) => stl.add_terms(vae, g, inputs, noise),
            Self::IwaeStl { samples } => stl::add_iwae_terms(vae, g, inputs, noise, samples),
            Self::Miwae { groups, samples } => {
                iwae::add_terms(vae, g, inputs, noise, groups, samples)
            }
            Self::Piwae { groups, samples } => {
                piwae::add_terms(vae, g, inputs, noise, groups, samples)
            }
            Self::Ciwae(ciwae) => ciwae.add_terms(vae, g, inputs, noise),
            Self::Capacity(capacity) => capacity.add_terms(vae, g, inputs, noise),
            Self::BetaTc(tc) => tc.add_terms(vae, g, inputs, noise),
            Self::Info(info) => info.add_terms(vae, g, inputs, noise),
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
    /// [`Objective::Stl`].
    Stl,
    /// [`Objective::IwaeStl`].
    IwaeStl,
    /// [`Objective::Miwae`].
    Miwae,
    /// [`Objective::Piwae`].
    Piwae,
    /// [`Objective::Ciwae`].
    Ciwae,
    /// [`Objective::Capacity`].
    Capacity,
    /// [`Objective::BetaTc`].
    BetaTc,
    /// [`Objective::Info`].
    Info,
}

impl Bound {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Elbo,
        Self::Iwae,
        Self::Dreg,
        Self::Stl,
        Self::IwaeStl,
        Self::Miwae,
        Self::Piwae,
        Self::Ciwae,
        Self::Capacity,
        Self::BetaTc,
        Self::Info,
    ];

    /// Their names, as settings give them.
    pub const NAMES: [&'static str; 11] = [
        "elbo", "iwae", "dreg", "stl", "iwae-stl", "miwae", "piwae", "ciwae", "capacity",
        "beta-tc", "info",
    ];

    /// Its name, as settings give it.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The objective of the same value whose gradient asks for no density but of what was drawn, where this
    /// one's asks for the density of a z at parameters that it was not drawn with.
    pub(super) fn with_own_density(self) -> Option<Self> {
        match self {
            Self::Dreg | Self::IwaeStl => Some(Self::Iwae),
            Self::Stl => Some(Self::Elbo),
            _ => None,
        }
    }

    /// Whether it can be the objective of a model with such a posterior.
    pub fn takes(self, posterior: Posterior) -> bool {
        match self {
            Self::BetaTc => has_marginals(posterior),
            _ => !posterior.is_flow() || self.with_own_density().is_none(),
        }
    }
}

impl FromStr for Bound {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        named::find(&Self::ALL, Self::name, name, "no objective")
    }
}

#[cfg(test)]
mod identities;

#[cfg(test)]
mod tests {
    use super::Bound;

    #[test]
    fn every_objective_is_read_by_its_name() {
        for bound in Bound::ALL {
            assert_eq!(bound.name().parse(), Ok(bound));
            assert_eq!(bound.plain().bound(), bound);
            let text = toml::Value::try_from(bound).unwrap();
            assert_eq!(text.as_str(), Some(bound.name()));
        }
        assert!("vae".parse::<Bound>().is_err());
    }
}
