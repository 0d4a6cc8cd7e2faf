//! Multi-layer perceptrons: what lies between x and the posterior's heads, and between z and the
//! likelihood's.

use super::initial::InitialWeights;
use super::vae::Vae;
use crate::executor::ParameterSpec;
use crate::graph::{Graph, TensorId};

/// A linear layer by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layer {
    /// Its parameters are `NAME.weight` and `NAME.bias`.
    pub(super) name: String,
    /// `[out, in]`.
    pub(super) shape: [usize; 2],
}

impl Layer {
    pub(super) fn new(name: impl Into<String>, shape: [usize; 2]) -> Self {
        let name = name.into();
        Self { name, shape }
    }

    /// Weight and bias.
    pub(super) fn parameters(&self, weights: InitialWeights) -> [ParameterSpec; 2] {
        let [weight, bias] = weights.of_layer(self.shape);
        let [fan_out, fan_in] = self.shape;
        let spec = |suffix, shape, initial| ParameterSpec {
            name: format!("{}.{suffix}", self.name),
            shape,
            initial,
        };
        [
            spec("weight", [fan_out, fan_in].into(), weight),
            spec("bias", [fan_out].into(), bias),
        ]
    }

    /// `x [B, in] → [B, out]`.
    pub(super) fn apply(&self, g: &mut Graph, x: TensorId) -> TensorId {
        let [fan_out, fan_in] = self.shape;
        let weight = g.parameter(&format!("{}.weight", self.name), [fan_out, fan_in]);
        let bias = g.parameter(&format!("{}.bias", self.name), [fan_out]);
        g.linear(&self.name, x, weight, bias)
    }
}

/// Linear layers `SIDE.hidden.0` and so on, with the non-linearity of the model after each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mlp {
    layers: Vec<Layer>,
}

impl Mlp {
    /// Layers of these units, the first of which has so many inputs.
    pub(super) fn new(side: &str, inputs: usize, units: &[usize]) -> Self {
        let mut fan_in = inputs;
        let layer = |(index, &fan_out): (usize, &usize)| {
            let shape = [fan_out, std::mem::replace(&mut fan_in, fan_out)];
            Layer::new(format!("{side}.hidden.{index}"), shape)
        };
        let layers = units.iter().enumerate().map(layer).collect();
        Self { layers }
    }

    /// Those of each layer in their order.
    pub(super) fn parameters(&self, vae: &Vae) -> Vec<ParameterSpec> {
        let weights = vae.config().initial_weights;
        let layers = self.layers.iter();
        layers.flat_map(|layer| layer.parameters(weights)).collect()
    }

    /// `x [B, inputs] → [B, units of the last layer]`.
    pub(super) fn apply(&self, vae: &Vae, g: &mut Graph, x: TensorId) -> TensorId {
        let function = vae.config().activation;
        self.layers.iter().fold(x, |x, layer| {
            let linear = layer.apply(g, x);
            g.activation(&format!("{}.activation", layer.name), function, linear)
        })
    }
}
