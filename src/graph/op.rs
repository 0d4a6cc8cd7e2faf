//! The operations.

use super::{Pointwise, Ramp};
use crate::rng::Draw;

/// How the values of an axis become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// Σ x.
    Sum,
    /// ln Σ eˣ, by the largest x.
    LogSumExp,
}

/// What a node computes. `B` is the batch, `D` a row's length; operands and results in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// `() → x [B, D]`: the next `B` images of the data set that the graph runs over, in [0, 1].
    Gather,
    /// `() → y [B, classes]`: the labels of the same images, each a row with a 1 in its column.
    OneHot,
    /// `(x [B, in], weight [out, in], bias [out]) → y [B, out]`: x·weightᵀ + bias.
    Linear,
    /// `(d_y [B, out], weight [out, in]) → d_x [B, in]`: d_y·weight.
    LinearInputGrad,
    /// `(d_y [B, out], x [B, in]) → d_weight [out, in]`: d_yᵀ·x.
    LinearWeightGrad,
    /// `(d_y [B, out]) → d_bias [out]`: the sum of the rows.
    ColumnSum,
    /// `(operands…) → y [rows, columns]`: an expression at each element.
    Pointwise(Pointwise),
    /// `(operands…) → rows [rows]`: the sum of an expression over each row.
    RowSum(Pointwise),
    /// `(x [outer · axis, inner]) → y [outer, inner]`: so many consecutive rows become one.
    Reduce {
        /// How.
        function: Reduction,
        /// Rows that become one.
        axis: usize,
    },
    /// `(a [B, m], b [B, n]) → [B, m + n]`: rows side by side.
    Concat,
    /// `(x [B, n]) → [B, columns]`: the columns from `first` on.
    Slice {
        /// The first column.
        first: usize,
    },
    /// `(x) → x`: no gradient passes.
    Stop,
    /// `(x [B, D]) → x`: the gradient of each row passes multiplied by a factor that is computed from
    /// what follows ([`Graph::set_gradient_scale`](super::Graph::set_gradient_scale)).
    ScaleGradient,
    /// `() → [n]`: each `scale` times the ramp at this step.
    Ramp {
        /// The value at the top.
        scale: f64,
        /// The factor that follows the step.
        ramp: Ramp,
    },
    /// `() → ε`: standard normals, a function of seed, draw, step and element.
    Normal(Draw),
    /// `() → u`: uniform in [0, 1), multiples of 2⁻²⁴; a function of seed, draw, step and element.
    Uniform(Draw),
}
