//! Multi-layer perceptrons: what lies between x and the posterior's heads, and between z and the
//! likelihood's.

use super::initial::InitialWeights;
use super::vae::Vae;
use crate::executor::ParameterSpec;
use crate::expr::operand;
use crate::graph::{Graph, Operand, TensorId, Transposed};

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

    /// The same of each x beside each of several rows that it has: `x [B, m], beside [B · n, in − m] →
    /// [B · n, out]`. Where m is most of the inputs, it is little more than the layer of `[B, in]`.
    pub(super) fn apply_beside(&self, g: &mut Graph, x: TensorId, beside: TensorId) -> TensorId {
        let [fan_out, fan_in] = self.shape;
        let name = &self.name;
        let weight = g.parameter(&format!("{name}.weight"), [fan_out, fan_in]);
        let bias = g.parameter(&format!("{name}.bias"), [fan_out]);
        let first = g.shape(x).columns();
        let [rows, each] = [g.shape(beside).rows(), g.shape(x).rows()];
        let of_x = g.slice(&format!("{name}.weight.x"), weight, 0, first);
        let rest = g.slice(
            &format!("{name}.weight.beside"),
            weight,
            first,
            fan_in - first,
        );
        let of_x = g.product(&format!("{name}.x"), x, of_x, Transposed::Right);
        let of_beside = g.linear(&format!("{name}.beside"), beside, rest, bias);
        let operands = [
            of_beside.into(),
            Operand::from(of_x).repeated(rows / each.max(1)),
        ];
        g.pointwise(name, [rows, fan_out], operand(0) + operand(1), &operands)
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
        self.apply_beside(vae, g, x, None)
    }

    /// The same with what else the first layer reads ([`Layer::apply_beside`]).
    pub(super) fn apply_beside(
        &self,
        vae: &Vae,
        g: &mut Graph,
        x: TensorId,
        mut beside: Option<TensorId>,
    ) -> TensorId {
        let function = vae.config().activation;
        self.layers.iter().fold(x, |x, layer| {
            let linear = match beside.take() {
                Some(beside) => layer.apply_beside(g, x, beside),
                None => layer.apply(g, x),
            };
            g.activation(&format!("{}.activation", layer.name), function, linear)
        })
    }
}
