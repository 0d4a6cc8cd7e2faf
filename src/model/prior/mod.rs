//! p(z): a file for each.
//!
//! To add one: its file, a variant of [`Prior`], its place in [`Prior::ALL`] and its arm in
//! [`Prior::family`]. What it has in closed form with a posterior is an arm in `divergence.rs`.

pub(super) mod conditional;
mod mixture;
mod standard;
mod vamp;

use std::str::FromStr;

use crate::named;
use serde::{Deserialize, Serialize};

pub(super) use mixture::Components;

use super::Formula;
use super::vae::Vae;
use crate::executor::ParameterSpec;
use crate::graph::{Graph, TensorId};

/// What z is distributed like before an image is seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prior {
    /// Standard normals.
    #[default]
    Standard,
    /// A mixture of Gaussians with trained means and variances.
    Mixture,
    /// The mixture of what the encoder says of trained pseudo-inputs (Tomczak and Welling 2018).
    Vamp,
    /// A Gaussian for each label (Sohn, Lee and Yan 2015).
    Conditional,
}

/// A prior as its file gives it.
#[derive(Clone, Copy, Debug)]
pub struct PriorFamily {
    /// Its name, as settings give it.
    pub name: &'static str,
    /// What it is and where it comes from, in a line.
    pub source: &'static str,
    /// Its formulas, for people.
    pub formulas: fn() -> Vec<Formula>,
    /// How many components it has where settings do not say so; `None` for one that is no mixture.
    pub components: Option<usize>,
    /// Its parameters, `prior.…`, behind all others of the model.
    pub(super) parameters: fn(&Vae) -> Vec<ParameterSpec>,
    /// −ln p(z) of each row of `z [rows, Z]`, in nats: `[rows]`. The labels are `[rows, classes]`,
    /// where the model reads them beside z.
    pub(super) nll: fn(&Vae, &mut Graph, z: TensorId, label: Option<TensorId>) -> TensorId,
    /// A draw `[rows, Z]`, with labels likewise.
    pub(super) draw: fn(&Vae, &mut Graph, rows: usize, label: Option<TensorId>) -> TensorId,
}

impl Prior {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Standard, Self::Mixture, Self::Vamp, Self::Conditional];

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
    pub const fn family(self) -> &'static PriorFamily {
        match self {
            Self::Standard => &standard::FAMILY,
            Self::Mixture => &mixture::FAMILY,
            Self::Vamp => &vamp::FAMILY,
            Self::Conditional => &conditional::FAMILY,
        }
    }

    /// Whether it is a mixture of so many components as settings say.
    pub fn has_components(self) -> bool {
        self.family().components.is_some()
    }
}

impl FromStr for Prior {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        named::find(&Self::ALL, Self::name, name, "no prior")
    }
}

#[cfg(test)]
mod tests {
    use super::Prior;

    #[test]
    fn every_prior_is_read_by_its_name() {
        for prior in Prior::ALL {
            assert_eq!(prior.name().parse(), Ok(prior));
        }
        assert!("posterior".parse::<Prior>().is_err());
    }
}
