//! Networks in which a dimension is a function of those before it alone: Germain, Gregor, Murray and Larochelle,
//! *MADE: Masked Autoencoder for Distribution Estimation* (2015).

use super::super::InitialWeights;
use super::Layer;
use crate::executor::ParameterSpec;
use crate::expr::operand;
use crate::graph::{Graph, TensorId};

/// The order of the dimensions of z, in which each knows those before it.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Order {
    latent: usize,
    reversed: bool,
}

impl Order {
    /// That of the map of this number in a chain of maps: every other one has the reverse order.
    pub(in super::super) fn of_map(number: usize, latent: usize) -> Self {
        let reversed = number % 2 == 1;
        Self { latent, reversed }
    }

    /// The place of a dimension, from 1 on.
    fn place(self, dimension: usize) -> usize {
        match self.reversed {
            false => dimension + 1,
            true => self.latent - dimension,
        }
    }

    /// The place up to which a hidden unit reads: 1 to Z − 1 in turn.
    fn reach(self, unit: usize) -> usize {
        unit % (self.latent - 1).max(1) + 1
    }

    /// The layer from z to so many hidden units.
    pub(in super::super) fn hidden(self, name: String, units: usize) -> Masked {
        let reads = |unit, dimension| self.reach(unit) >= self.place(dimension);
        Masked::new(name, [units, self.latent], reads)
    }

    /// A layer from the hidden units to a number for each dimension.
    pub(in super::super) fn output(self, name: String, units: usize) -> Masked {
        let reads = |dimension, unit| self.place(dimension) > self.reach(unit);
        Masked::new(name, [self.latent, units], reads)
    }
}

/// A linear layer of which some weights are zero.
pub(in super::super) struct Masked {
    pub(in super::super) layer: Layer,
    /// 1 where there is a weight, else 0: `[out, in]`.
    mask: Vec<f32>,
}

impl Masked {
    /// A layer whose output `row` reads the input `column` where `reads(row, column)`.
    fn new(name: String, shape: [usize; 2], reads: impl Fn(usize, usize) -> bool) -> Self {
        let [fan_out, fan_in] = shape;
        let reads = &reads;
        let places = (0..fan_out).flat_map(|row| (0..fan_in).map(move |column| reads(row, column)));
        Self {
            layer: Layer::new(name, shape),
            mask: places.map(f32::from).collect(),
        }
    }

    /// Weight and bias.
    pub(in super::super) fn parameters(&self, weights: InitialWeights) -> [ParameterSpec; 2] {
        self.layer.parameters(weights)
    }

    /// `x [B, in] → [B, out]`.
    pub(in super::super) fn apply(&self, g: &mut Graph, x: TensorId) -> TensorId {
        let Layer { name, shape } = &self.layer;
        let weight = g.parameter(&format!("{name}.weight"), *shape);
        let bias = g.parameter(&format!("{name}.bias"), [shape[0]]);
        let mask = g.values(&format!("{name}.mask"), *shape, self.mask.clone());
        let operands = [weight.into(), mask.into()];
        let masked = operand(0) * operand(1);
        let masked = g.pointwise(&format!("{name}.masked"), *shape, masked, &operands);
        g.linear(name, x, masked, bias)
    }
}
