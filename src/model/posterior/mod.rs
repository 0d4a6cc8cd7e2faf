//! q(z | x): a file for each family.
//!
//! To add one: its file, a variant of [`Posterior`], its place in [`Posterior::ALL`] and its arm in
//! [`Posterior::family`]. What it has in closed form with a prior is an arm in `divergence.rs`. A flow's
//! file has its maps (`flow::Maps`), and `flow.rs` what all flows share.

mod flow;
pub(super) mod gaussian;
mod iaf;
mod planar;
mod radial;

use std::str::FromStr;

use crate::named;
use serde::{Deserialize, Serialize};

use super::Formula;
use super::hierarchy::Above;
use super::network::Layer;
use super::vae::Vae;
use crate::executor::ParameterSpec;
use crate::graph::{Graph, TensorId};

pub use flow::Flow;

/// The family that q(z | x) is chosen from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Posterior {
    /// Independent Gaussians.
    #[default]
    Gaussian,
    /// A chain of planar maps (Rezende and Mohamed 2015).
    Planar,
    /// A chain of radial maps (Rezende and Mohamed 2015).
    Radial,
    /// An inverse autoregressive flow (Kingma et al. 2016).
    Iaf,
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
    /// How many maps it has where settings do not say so; `None` for a family that is no flow.
    pub flow_steps: Option<usize>,
    /// Its parameters, `encoder.…`, behind those of the encoder's hidden layers.
    pub(super) parameters: fn(&Vae) -> Vec<ParameterSpec>,
    /// What the encoder says of z, from its last hidden layer `h [B, H]`.
    pub(super) encode: fn(&Vae, &mut Graph, h: TensorId) -> Heads,
    /// The point of z that stands for an image, `[B, Z]`: the mean, or where a flow's maps take the mean of
    /// the Gaussian that it begins with. A flow's own mean has no closed form.
    pub(super) location: fn(&Vae, &mut Graph, &Heads) -> TensorId,
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
    /// Of a flow, what its family's file reads for each map, with a row for each image.
    pub(super) maps: Vec<Vec<TensorId>>,
    /// Of a hierarchy, what the layers above this one are inferred from.
    pub(super) above: Option<Above>,
}

impl Heads {
    /// N(μ, σ²) of each row.
    pub(super) fn gaussian(mu: TensorId, logvar: TensorId) -> Self {
        let (maps, above) = (Vec::new(), None);
        Self {
            mu,
            logvar,
            maps,
            above,
        }
    }

    /// The same values, which no gradient passes.
    pub(super) fn stopped(&self, g: &mut Graph) -> Self {
        let above = self.above.as_ref().map(|above| above.stopped(g));
        let mut stop = |of| g.stop("q", of);
        let maps = self.maps.iter();
        Self {
            above,
            mu: stop(self.mu),
            logvar: stop(self.logvar),
            maps: maps
                .map(|said| said.iter().map(|&of| stop(of)).collect())
                .collect(),
        }
    }
}

/// A draw from q(z | x), and whatever the family computes its density from beside z.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Drawn {
    /// z, `[B · samples, Z]`.
    pub(super) z: TensorId,
    /// The draw that a flow begins with, of the same shape; without a flow, z.
    pub(super) start: TensorId,
    /// ln |det| of each of the flow's maps, `[B · samples]`.
    pub(super) log_dets: Vec<TensorId>,
    /// Of a hierarchy, ln q − ln p of each stochastic layer's draw, `[B · samples]`, from x upward; z is z₁.
    pub(super) layers: Vec<TensorId>,
}

impl From<TensorId> for Drawn {
    /// A draw without a flow.
    fn from(z: TensorId) -> Self {
        Self {
            z,
            start: z,
            log_dets: Vec::new(),
            layers: Vec::new(),
        }
    }
}

impl Drawn {
    /// A draw without a flow, whose gradient is multiplied on its way to the encoder
    /// ([`Graph::scale_gradient`]).
    pub(super) fn scaled(&self, g: &mut Graph) -> Self {
        g.scale_gradient("z.scaled", self.z).into()
    }
}

/// A layer on the encoder's last hidden layer.
fn head(vae: &Vae, name: impl Into<String>, outputs: usize) -> Layer {
    let inputs = vae.config().hidden.last().copied().unwrap_or_default();
    Layer::new(name, [outputs, inputs])
}

impl Posterior {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Gaussian, Self::Planar, Self::Radial, Self::Iaf];

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
            Self::Planar => &planar::FAMILY,
            Self::Radial => &radial::FAMILY,
            Self::Iaf => &iaf::FAMILY,
        }
    }

    /// Whether it is a chain of maps.
    pub fn is_flow(self) -> bool {
        self.family().flow_steps.is_some()
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
