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
    /// The largest x, whose first occurrence has the gradient.
    Max,
    /// Which x is the first of the largest, counted from 0: a whole number, which has no gradient.
    ArgMax,
}

impl Reduction {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sum, Self::LogSumExp, Self::Max, Self::ArgMax];
}

/// Which operand of a product enters transposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transposed {
    /// a·b: of a linear layer, d_y·W, the gradient of its inputs.
    Neither,
    /// aᵀ·b: of a linear layer, d_yᵀ·x, the gradient of its weight.
    Left,
    /// a·bᵀ: of a linear layer, x·Wᵀ, its outputs.
    Right,
}

impl Transposed {
    /// Whether the left operand does, and whether the right one.
    pub fn sides(self) -> [bool; 2] {
        [self == Self::Left, self == Self::Right]
    }

    /// How the operands' gradients are products of a, b and the gradient d of a product, in any number of
    /// groups: for each of a and b what enters transposed, and the operands.
    pub(super) fn adjoints<T: Copy>(self, [a, b]: [T; 2], d: T) -> [(Self, [T; 2]); 2] {
        match self {
            // d·bᵀ and aᵀ·d.
            Self::Neither => [(Self::Right, [d, b]), (Self::Left, [a, d])],
            // b·dᵀ and a·d.
            Self::Left => [(Self::Right, [b, d]), (Self::Neither, [a, d])],
            // d·b and dᵀ·a.
            Self::Right => [(Self::Neither, [d, b]), (Self::Left, [d, a])],
        }
    }

    /// m, n and k, of a product `[m, n]` with a left operand `[rows, columns]` as it lies.
    pub fn shape(self, [m, n]: [usize; 2], [rows, columns]: [usize; 2]) -> [usize; 3] {
        match self {
            Self::Left => [m, n, rows],
            Self::Neither | Self::Right => [m, n, columns],
        }
    }
}

/// What a node computes. `B` is the batch, `D` a row's length; operands and results in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// `() → x [B, D]`: the next `B` images of the data set that the graph runs over, in [0, 1].
    Gather,
    /// `() → y [B, classes]`: the labels of the same images, each a row with a 1 in its column.
    OneHot,
    /// `(a [m, k], b [k, n], bias [n]) → [m, n]`: a·b + bias, or without the last a·b. What enters
    /// transposed is `[k, m]` or `[n, k]`.
    Product {
        /// Which of a and b.
        transposed: Transposed,
    },
    /// `(a [groups · m, k], b [groups · k, n]) → [groups · m, n]`: so many products side by side, each of
    /// consecutive rows of a and of b. What enters transposed is `[groups · k, m]` or `[groups · n, k]`.
    BatchedProduct {
        /// How many products.
        groups: usize,
        /// Which of a and b.
        transposed: Transposed,
    },
    /// `(x [B, D]) → [D]`: the sum of the rows. Or `(x [n · m, D]) → [m, D]`, or `(x [n · m]) → [m]`: row
    /// r is the sum of the rows r, r + m, r + 2m, …, which is the same of x as `[n, m · D]`.
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
    /// `(table [N, D], index [B]) → [B, D]`, or of a table `[N]` `[B]`: its rows of these numbers. What is
    /// below 0 counts as 0, and what is above N − 1 as that: kernels read nothing outside of the table,
    /// whatever an index says. What lies between two whole numbers counts as the lower.
    Lookup,
    /// `(a [B, m], b [B, n], …) → [B, m + n + …]`: rows side by side.
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

impl Op {
    /// Whether a gradient goes on from its result to what it reads.
    pub(super) fn passes_gradients(&self) -> bool {
        match self {
            Self::Stop => false,
            Self::Reduce { function, .. } => *function != Reduction::ArgMax,
            _ => true,
        }
    }
}
