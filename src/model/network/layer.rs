//! A linear layer.

use super::super::initial::InitialWeights;
use crate::executor::ParameterSpec;
use crate::expr::operand;
use crate::graph::{Graph, Operand, TensorId, Transposed};

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

    /// Layers `PREFIX.hidden.0` and so on of these units, the first of which has so many inputs.
    pub(in super::super) fn chain(prefix: &str, inputs: usize, units: &[usize]) -> Vec<Self> {
        let mut fan_in = inputs;
        let layer = |(index, &fan_out): (usize, &usize)| {
            let shape = [fan_out, std::mem::replace(&mut fan_in, fan_out)];
            Self::new(format!("{prefix}.hidden.{index}"), shape)
        };
        units.iter().enumerate().map(layer).collect()
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

    /// The same of each x beside each of several rows that it has, with the bias or without:
    /// `x [B, m], beside [B · n, in − m] → [B · n, out]`. Where m is most of the inputs, it is little more than the
    /// layer of `[B, in]`.
    pub(in super::super) fn apply_beside(
        &self,
        g: &mut Graph,
        x: TensorId,
        beside: TensorId,
        biased: bool,
    ) -> TensorId {
        let [fan_out, fan_in] = self.shape;
        let name = &self.name;
        let weight = g.parameter(&format!("{name}.weight"), [fan_out, fan_in]);
        let first = g.shape(x).columns();
        let [rows, each] = [g.shape(beside).rows(), g.shape(x).rows()];
        let of_x = g.slice(&format!("{name}.weight.x"), weight, 0, first);
        let rest = format!("{name}.weight.beside");
        let rest = g.slice(&rest, weight, first, fan_in - first);
        let of_x = g.product(&format!("{name}.x"), x, of_x, Transposed::Right);
        let of_beside = format!("{name}.beside");
        let of_beside = match biased {
            true => {
                let bias = g.parameter(&format!("{name}.bias"), [fan_out]);
                g.linear(&of_beside, beside, rest, bias)
            }
            false => g.product(&of_beside, beside, rest, Transposed::Right),
        };
        let of_x = Operand::from(of_x).repeated(rows / each.max(1));
        let operands = [of_beside.into(), of_x];
        g.pointwise(name, [rows, fan_out], operand(0) + operand(1), &operands)
    }
}
