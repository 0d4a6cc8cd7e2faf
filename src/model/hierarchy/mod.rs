//! Stochastic layers above each other: p(z_L) p(z_{L−1} | z_L) … p(z₁ | z₂) p(x | z₁), all Gaussians but the
//! prior of z_L, which is any, and the likelihood of x.
//!
//! How z is inferred from x is a file for each: from below (`bottom_up.rs`) or by a ladder (`ladder.rs`). To
//! the rest of the model z is z₁, and the layers above it are what stands in the place of z₁'s prior. The
//! divergence has no closed form, and is estimated by the densities of draws.

mod bottom_up;
mod formulas;
mod gap;
mod ladder;
#[cfg(test)]
mod tests;

use super::posterior::{Drawn, Heads, Posterior, gaussian};
use super::vae::{Inputs, Noise, Vae, VaeConfig};
use crate::executor::ParameterSpec;
use crate::expr::operand;
use crate::graph::{Graph, TensorId};
use gap::Gap;

pub use formulas::Inference;

/// The stochastic layers above the first, whose size is that of the latent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hierarchy {
    /// From below. None is a hierarchy of one layer: the plain model with the estimate by densities.
    pub above: Vec<StochasticLayer>,
    /// How all layers are inferred from an image.
    pub inference: Inference,
}

/// A stochastic layer above another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StochasticLayer {
    /// Its dimensions.
    pub latent_dim: usize,
    /// Units of the hidden layers between the layer below and this one, on the way up; the way down
    /// mirrors them.
    pub hidden: Vec<usize>,
}

/// What the layers above the first are inferred from, besides z.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Above {
    /// The image with its label.
    inputs: Inputs,
    /// What a ladder's upward pass says of each layer above the first, from below.
    estimates: Vec<Heads>,
}

impl Above {
    /// The same values, which no gradient passes.
    pub(super) fn stopped(&self, g: &mut Graph) -> Self {
        let estimates = self.estimates.iter();
        Self {
            inputs: self.inputs,
            estimates: estimates.map(|estimate| estimate.stopped(g)).collect(),
        }
    }
}

/// The labels of draws, where networks read them.
#[derive(Clone, Copy, Debug)]
struct Labels {
    /// Those of the encoder's.
    up: Option<TensorId>,
    /// Those of the decoder's.
    down: Option<TensorId>,
}

impl Labels {
    /// Each row so many times.
    fn repeated(g: &mut Graph, vae: &Vae, inputs: Inputs, times: usize) -> Self {
        Self {
            up: inputs.repeated_for_encoder(g, vae, times),
            down: inputs.repeated_label(g, vae, times),
        }
    }
}

impl Vae {
    /// The dimensions of each stochastic layer, from below.
    pub fn latent_dims(&self) -> Vec<usize> {
        let above = self.config().hierarchy.iter().flat_map(|of| &of.above);
        let above = above.map(|layer| layer.latent_dim);
        [self.config().latent_dim]
            .into_iter()
            .chain(above)
            .collect()
    }

    /// The model of the highest stochastic layer by itself, which its prior and its divergence are asked of.
    /// Without a hierarchy it is the model as it is.
    pub(super) fn top(&self) -> Vae {
        let mut config = self.config().clone();
        if let Some(highest) = config.hierarchy.take().and_then(|mut of| of.above.pop()) {
            config.latent_dim = highest.latent_dim;
        }
        Vae::of_checked(config)
    }

    /// Parameters of the networks between the stochastic layers.
    pub(super) fn parameters_above(&self) -> Vec<ParameterSpec> {
        let gaps = Gap::all(self).into_iter();
        gaps.flat_map(|gap| gap.parameters(self)).collect()
    }

    /// What q(z₁ | x) has said, with what the layers above are inferred from; `h` is the encoder's last hidden
    /// layer.
    pub(super) fn with_above(
        &self,
        g: &mut Graph,
        heads: Heads,
        h: TensorId,
        inputs: Inputs,
    ) -> Heads {
        let Some(hierarchy) = &self.config().hierarchy else {
            return heads;
        };
        let estimates = match hierarchy.inference {
            Inference::BottomUp => Vec::new(),
            Inference::Ladder => ladder::estimates(self, g, h, inputs),
        };
        let above = Some(Above { inputs, estimates });
        Heads { above, ..heads }
    }

    /// A draw of every stochastic layer for each sample of each image.
    pub(super) fn draw(&self, g: &mut Graph, heads: &Heads, noise: Noise, samples: usize) -> Drawn {
        let inference = self.config().hierarchy.as_ref().map(|of| of.inference);
        match (inference, &heads.above) {
            (Some(Inference::BottomUp), Some(above)) => {
                bottom_up::draw(self, g, heads, above, noise, samples)
            }
            (Some(Inference::Ladder), Some(above)) => {
                ladder::draw(self, g, heads, above, noise, samples)
            }
            _ => {
                let rows = samples * g.shape(heads.mu).rows();
                let eps = self.eps(g, noise, 0, rows);
                (self.config().posterior.family().draw)(self, g, heads, eps, samples)
            }
        }
    }

    /// The point of z₁ that stands for an image, and log σ² of z₁ there: `[B, Z]` each. The layers above are at
    /// their means where z₁ depends on them.
    pub(super) fn location_of(&self, g: &mut Graph, heads: &Heads) -> [TensorId; 2] {
        let inference = self.config().hierarchy.as_ref().map(|of| of.inference);
        match (inference, &heads.above) {
            (Some(Inference::Ladder), Some(above)) => ladder::location(self, g, heads, above),
            _ => {
                let location = self.config().posterior.family().location;
                [location(self, g, heads), heads.logvar]
            }
        }
    }

    /// A draw of z₁ from its prior `[rows, Z]`: through all layers from the highest on. The labels are
    /// `[rows, classes]`, where the decoder reads them.
    pub(super) fn draw_prior(
        &self,
        g: &mut Graph,
        rows: usize,
        label: Option<TensorId>,
    ) -> TensorId {
        let top = self.top().with_temperature(self.temperature());
        let highest = (top.config().prior.family().draw)(&top, g, rows, label);
        let gaps = Gap::all(self).into_iter().rev();
        gaps.fold(highest, |z, gap| {
            let p = gap.down(self, g, z, label);
            let shape = g.shape(p.mu);
            let shape = [shape.rows(), shape.columns()];
            let eps = self.prior_noise(g, "z.eps", shape);
            gaussian::draw(g, &p, eps, 1)
        })
    }

    /// ε of the stochastic layer of this number, from 0, for so many draws.
    fn eps(&self, g: &mut Graph, noise: Noise, layer: usize, rows: usize) -> TensorId {
        let dims = self.latent_dims();
        match noise {
            Noise::Stream(stream) => g.normal("eps", stream, [rows, dims[layer]]),
            Noise::Given(eps) if g.shape(eps).columns() == dims[layer] => eps,
            Noise::Given(eps) => g.slice("eps", eps, dims[..layer].iter().sum(), dims[layer]),
        }
    }

    /// The sum of what each layer adds to the divergence of a draw `[B · samples]`, in a hierarchy.
    pub(super) fn excess_of_layers(&self, g: &mut Graph, drawn: &Drawn) -> Option<TensorId> {
        let (&first, above) = drawn.layers.split_first()?;
        let mut sum = first;
        for &layer in above {
            let operands = [sum.into(), layer.into()];
            let rows = g.shape(sum).rows();
            sum = g.pointwise("excess", [rows, 1], operand(0) + operand(1), &operands);
        }
        Some(sum)
    }

    /// The terms `kl_1`, `kl_2` and so on, from x upward, which are only reported: a layer that is not
    /// used has one of 0.
    pub(super) fn report_layers(&self, g: &mut Graph, drawn: &Drawn) {
        if drawn.layers.len() < 2 {
            return;
        }
        for (number, &rows) in (1..).zip(&drawn.layers) {
            g.add_term(&format!("kl_{number}"), rows, 0.0);
        }
    }
}

impl VaeConfig {
    /// Whether the divergence is estimated layer by layer from draws.
    pub(super) fn is_hierarchy(&self) -> bool {
        self.hierarchy.is_some()
    }

    /// Whether z₁ of an image is inferred with what the networks on the way down say.
    pub(super) fn infers_downward(&self) -> bool {
        let inference = self.hierarchy.as_ref().map(|of| of.inference);
        inference == Some(Inference::Ladder)
    }
}

/// ln q(z | ·) − ln p(z | ·) of the highest layer's draws, as the model of that layer alone has it.
fn excess_of_highest(
    vae: &Vae,
    g: &mut Graph,
    q: &Heads,
    z: TensorId,
    labels: Labels,
    samples: usize,
) -> TensorId {
    let top = vae.top();
    debug_assert_eq!(top.config().posterior, Posterior::Gaussian);
    top.excess(g, q, &Drawn::from(z), labels.down, samples)
}
