//! The networks between two stochastic layers: the one that leads up from what is below, and the one of
//! p(z_l | z_{l+1}) down.

use crate::executor::ParameterSpec;
use crate::graph::{Graph, TensorId};
use crate::model::hierarchy::{Hierarchy, Inference};
use crate::model::network::{Layer, Mlp};
use crate::model::posterior::Heads;
use crate::model::vae::{Vae, beside};

/// What lies between a stochastic layer and the one above it. Of the layer of number l, from 2 on, parameters
/// are `encoder.l.…` and `decoder.l.…`.
pub(super) struct Gap {
    rise: Mlp,
    estimate: [Layer; 2],
    fall: Mlp,
    below: [Layer; 2],
}

impl Gap {
    /// All of a model, from below.
    pub(super) fn all(vae: &Vae) -> Vec<Self> {
        let config = vae.config();
        let Some(Hierarchy { above, inference }) = &config.hierarchy else {
            return Vec::new();
        };
        let [up, down] = [config.condition.encoder(), config.condition.decoder()]
            .map(|read| vae.label_columns(read));
        // What the way up begins with, and the stochastic layer there.
        let mut units = config.hidden.last().copied().unwrap_or_default();
        let mut latent = config.latent_dim;
        let gap = |(number, layer): (usize, &super::StochasticLayer)| {
            let hidden = &layer.hidden;
            let mirrored: Vec<_> = hidden.iter().rev().copied().collect();
            let (last, first) = (hidden.last(), hidden.first());
            let [last, first] = [last, first].map(|units| units.copied().unwrap_or_default());
            let inputs = match inference {
                Inference::BottomUp => latent,
                Inference::Ladder => units,
            };
            let [encoder, decoder] = ["encoder", "decoder"].map(|side| format!("{side}.{number}"));
            let heads = |side: &str, shape: [usize; 2]| {
                ["mu", "logvar"].map(|head| Layer::new(format!("{side}.{head}"), shape))
            };
            let gap = Self {
                rise: Mlp::new(&encoder, inputs + up, hidden),
                estimate: heads(&encoder, [layer.latent_dim, last]),
                fall: Mlp::new(&decoder, layer.latent_dim + down, &mirrored),
                below: heads(&decoder, [latent, first]),
            };
            (units, latent) = (last, layer.latent_dim);
            gap
        };
        (2..).zip(above).map(gap).collect()
    }

    /// Those of the way up, then those of the way down.
    pub(super) fn parameters(&self, vae: &Vae) -> Vec<ParameterSpec> {
        let weights = vae.config().initial_weights;
        let of = |network: &Mlp, heads: &[Layer; 2]| {
            let mut specs = network.parameters(vae);
            specs.extend(heads.iter().flat_map(|layer| layer.parameters(weights)));
            specs
        };
        let mut specs = of(&self.rise, &self.estimate);
        specs.extend(of(&self.fall, &self.below));
        specs
    }

    /// The last hidden layer on the way up, from what is below and the encoder's labels.
    pub(super) fn rise(
        &self,
        vae: &Vae,
        g: &mut Graph,
        below: TensorId,
        label: Option<TensorId>,
    ) -> TensorId {
        let input = beside(g, "rise.input", below, label);
        self.rise.apply(vae, g, input)
    }

    /// What that hidden layer says of the upper stochastic layer: of a ladder the estimate from below.
    pub(super) fn estimate(&self, g: &mut Graph, h: TensorId) -> Heads {
        heads(g, &self.estimate, h)
    }

    /// p(z_l | z_{l+1}) of the lower stochastic layer, from the upper one `[rows, Z]` and the decoder's labels.
    pub(super) fn down(
        &self,
        vae: &Vae,
        g: &mut Graph,
        z: TensorId,
        label: Option<TensorId>,
    ) -> Heads {
        let input = beside(g, "fall.input", z, label);
        let h = self.fall.apply(vae, g, input);
        heads(g, &self.below, h)
    }
}

fn heads(g: &mut Graph, layers: &[Layer; 2], h: TensorId) -> Heads {
    let [mu, logvar] = layers.each_ref().map(|layer| layer.apply(g, h));
    Heads::gaussian(mu, logvar)
}
