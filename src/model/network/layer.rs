//! A linear layer.

use super::super::initial::InitialWeights;
use crate::executor::ParameterSpec;
use crate::graph::{Graph, TensorId, Transposed};

/// A linear layer by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Layer {
    /// Its parameters are `NAME.weight` and `NAME.bias`.
    pub(in super::super) name: String,
    /// `[out, in]`.
    pub(in super::super) shape: [usize; 2],
}

impl Layer {
    pub(in super::super) fn new(name: impl Into<String>, shape: [usize; 2]) -> Self {
        let name = name.into();
        Self { name, shape }
    }

    /// Weight and bias.
    pub(in super::super) fn parameters(&self, weights: InitialWeights) -> [ParameterSpec; 2] {
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

    /// `x [B, in] → [B, out]` by the weight alone.
    pub(in super::super) fn map(&self, g: &mut Graph, x: TensorId) -> TensorId {
        let weight = g.parameter(&format!("{}.weight", self.name), self.shape);
        g.product(&self.name, x, weight, Transposed::Right)
    }

    /// `x [B, in] → [B, out]`.
    pub(in super::super) fn apply(&self, g: &mut Graph, x: TensorId) -> TensorId {
        let [fan_out, fan_in] = self.shape;
        let weight = g.parameter(&format!("{}.weight", self.name), [fan_out, fan_in]);
        let bias = g.parameter(&format!("{}.bias", self.name), [fan_out]);
        g.linear(&self.name, x, weight, bias)
    }
}
