//! Multi-layer perceptrons.

use super::super::vae::Vae;
use super::{Layer, Network, dropout};
use crate::executor::ParameterSpec;
use crate::graph::{Graph, TensorId};

/// Hidden layers `SIDE.hidden.0` and so on, each a linear map with what the model's [`Network`] says, and the
/// model's non-linearity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Mlp {
    layers: Vec<Layer>,
}

impl Mlp {
    /// Layers of these units, the first of which has so many inputs.
    pub(in super::super) fn new(side: &str, inputs: usize, units: &[usize]) -> Self {
        let layers = Layer::chain(side, inputs, units);
        Self { layers }
    }

    /// Those of each layer in their order, its normalisation's behind its own.
    pub(in super::super) fn parameters(&self, vae: &Vae) -> Vec<ParameterSpec> {
        let weights = vae.config().initial_weights;
        let norm = vae.config().network.norm;
        let of_layer = |layer: &Layer| {
            let [units, _] = layer.shape;
            let own = layer.parameters(weights).into_iter();
            let own = own.take(if norm.takes_biases() { 1 } else { 2 });
            own.chain(norm.parameters(&layer.name, units))
                .collect::<Vec<_>>()
        };
        self.layers.iter().flat_map(of_layer).collect()
    }

    /// `x [B, inputs] → [B, units of the last layer]`.
    pub(in super::super) fn apply(&self, vae: &Vae, g: &mut Graph, x: TensorId) -> TensorId {
        self.apply_beside(vae, g, x, None)
    }

    /// The same with what else the first layer reads ([`Layer::apply_beside`]).
    pub(in super::super) fn apply_beside(
        &self,
        vae: &Vae,
        g: &mut Graph,
        x: TensorId,
        mut beside: Option<TensorId>,
    ) -> TensorId {
        let function = vae.config().activation;
        let Network {
            norm,
            dropout,
            residual,
        } = vae.config().network;
        let mut h = x;
        for (index, layer) in self.layers.iter().enumerate() {
            let Layer { name, shape } = layer;
            let biased = !norm.takes_biases();
            let linear = match beside.take() {
                Some(beside) => layer.apply_beside(g, h, beside, biased),
                None if biased => layer.apply(g, h),
                None => layer.map(g, h),
            };
            let normalized = norm.apply(vae.mode(), g, name, linear);
            let bent = g.activation(&format!("{name}.activation"), function, normalized);
            let kept = dropout::apply(vae.mode(), g, name, bent, dropout);
            // Only what comes from a hidden layer: x and z keep to their own.
            let [units, inputs] = *shape;
            h = match residual && index > 0 && units == inputs {
                true => g.add(&format!("{name}.residual"), h, kept),
                false => kept,
            };
        }
        h
    }
}

/// Whether hidden layers of these units have residual connections, where they are asked for: two of one width
/// follow one another.
pub(in super::super) fn has_skips(units: &[usize]) -> bool {
    units.windows(2).any(|pair| pair[0] == pair[1])
}
