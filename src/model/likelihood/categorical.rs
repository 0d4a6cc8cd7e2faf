//! Pixels of one of K levels, each with a probability of its own: van den Oord, Kalchbrenner and Kavukcuoglu,
//! *Pixel Recurrent Neural Networks* (2016), whose softmax has 256.

use super::{Density, Location, Outputs, Support};
use crate::expr::{Expr, less, operand};
use crate::graph::{Graph, Operand, Reduction, TensorId};
use crate::model::Vae;

/// Fewest and most levels.
pub const LEVELS: [usize; 2] = [2, 256];

/// −ln p(x) = −Σₖ [x is of level k]·ln pₖ, where p is the softmax of the pixel's K outputs.
pub(super) const DENSITY: Density = Density {
    name: "categorical",
    source: "one of several levels, with a softmax over as many outputs of a pixel: van den Oord, \
             Kalchbrenner and Kavukcuoglu 2016",
    nll: |log_share, _, is_level| -(is_level * log_share),
    support: Support::UnitInterval,
    location: Location::LogShare,
    mean: |log_share, _| log_share.exp(),
    scale: None,
    head: None,
};

/// Where level k of `levels` begins among values from 0 to 1. A value counts as the byte v that is nearest to
/// it, and v is of the level ⌊v·K/256⌋: the first byte of level k is ⌈256·k/K⌉.
fn first(level: usize, levels: usize) -> f64 {
    ((256 * level).div_ceil(levels) as f64 - 0.5) / 255.0
}

/// 1 where x is of the level that begins and ends there, elsewhere 0.
fn is_level(x: Expr, begin: Expr, end: Expr) -> Expr {
    less(&x, begin, 0.0, less(x.clone(), end, 1.0, 0.0))
}

/// A pixel a row: ln of the K probabilities of each, from K outputs of which row and shift are operands.
struct Pixels {
    shape: [usize; 2],
    /// The outputs, and −logsumexp of each pixel's.
    operands: [Operand; 2],
}

impl Pixels {
    fn of(g: &mut Graph, outputs: &Outputs, levels: usize) -> Self {
        let values = g.shape(outputs.output).len();
        let alone = g.reshape("outputs of levels", outputs.output, [values]);
        let total = g.reduce("levels.total", Reduction::LogSumExp, alone, levels);
        let shape = [values / levels, levels];
        let rows = g.reshape("outputs of pixels", outputs.output, shape);
        Self {
            shape,
            operands: [rows.into(), Operand::row(total)],
        }
    }
}

/// ln pₖ from an output and the logsumexp of the pixel's (operands 0 and 1).
fn log_share() -> Expr {
    operand(0) - operand(1)
}

/// A value for each level.
fn of_levels(g: &mut Graph, name: &str, levels: usize, value: impl Fn(usize) -> f64) -> Operand {
    let values: Vec<f32> = (0..levels).map(|level| value(level) as f32).collect();
    Operand::column(g.values(name, [levels], values))
}

/// −ln p(x_d | z) of each pixel of each row of outputs `[B, D · K]`, in nats: `[B, D]`.
pub(super) fn reconstruction_each(
    vae: &Vae,
    g: &mut Graph,
    outputs: &Outputs,
    x: Operand,
) -> TensorId {
    let (levels, dim) = (vae.config().levels, vae.config().input_dim);
    let rows = g.shape(outputs.output).rows();
    let x = match g.shape(x.tensor).rows() == rows {
        true => x.tensor,
        false => g.pointwise("x.repeated", [rows, dim], operand(0), &[x]),
    };
    let x = g.reshape("pixels", x, [rows * dim]);
    let Pixels {
        shape,
        operands: [outputs, total],
    } = Pixels::of(g, outputs, levels);
    // What is below the first level counts as of it, and likewise beyond the last.
    let begin = of_levels(g, "levels.begin", levels, |level| match level {
        0 => -1.0,
        level => first(level, levels),
    });
    let end = of_levels(g, "levels.end", levels, |level| match level + 1 {
        next if next == levels => 2.0,
        next => first(next, levels),
    });
    let is_level = is_level(operand(2), operand(3), operand(4));
    let nll = (DENSITY.nll)(log_share(), 0.0.into(), is_level);
    let operands = [outputs, total, Operand::row(x), begin, end];
    let pixels = g.row_sum("recon.pixels", shape, nll, &operands);
    g.reshape("recon of pixels", pixels, [rows, dim])
}

/// E\[k\]/(K − 1) of the level k of each pixel, `[B, D]`.
pub(super) fn mean(vae: &Vae, g: &mut Graph, outputs: &Outputs) -> TensorId {
    let (levels, dim) = (vae.config().levels, vae.config().input_dim);
    let rows = g.shape(outputs.output).rows();
    let Pixels {
        shape,
        operands: [outputs, total],
    } = Pixels::of(g, outputs, levels);
    let values = of_levels(g, "levels.values", levels, |level| value(level, levels));
    let mean = (DENSITY.mean)(log_share(), 0.0.into()) * operand(2);
    let mean = g.row_sum("mean.pixels", shape, mean, &[outputs, total, values]);
    g.reshape("mean", mean, [rows, dim])
}

/// What a level counts as from 0 to 1.
pub(super) fn value(level: usize, levels: usize) -> f64 {
    level as f64 / (levels - 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_of_its_level() {
        for levels in [2, 3, 7, 16, 100, 255, 256] {
            for byte in 0..256_usize {
                let x = f64::from(byte as f32 / 255.0);
                let count = (1..levels).filter(|&level| x >= first(level, levels));
                assert_eq!(count.count(), byte * levels / 256, "{byte} of {levels}");
            }
        }
    }
}
