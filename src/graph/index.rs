//! Whole numbers that say which: indices, rows with a 1 at an index, and where a maximum is.

use super::{Graph, Kind, Operand, Reduction, Shape, TensorId};
use crate::expr::{Expr, less, operand};

/// Up to here f32 has all whole numbers.
pub(super) const WHOLE: usize = 1 << 24;

/// `yes` where two whole numbers are the same, else `no`.
fn same(a: Expr, b: Expr, yes: impl Into<Expr>, no: impl Into<Expr>) -> Expr {
    less((a - b).abs(), 0.5, yes, no)
}

impl Graph {
    /// The numbers 0, 1, 2, … in the order of the elements.
    pub fn indices(&mut self, name: &str, shape: impl Into<Shape>) -> TensorId {
        let shape = shape.into();
        assert!(shape.len() <= WHOLE, "{name}: {shape}, counted in f32");
        self.push_tensor(name, shape, Kind::Indices, false)
    }

    /// The gradient of the rows of which [`Reduction::Max`] took the largest: that of the maximum for the
    /// first of the largest, 0 for others.
    pub(super) fn max_adjoint(&mut self, x: TensorId, axis: usize, d_y: TensorId) -> TensorId {
        let shape = self.shape(x);
        let name = self.gradient_name(x);
        let first = self.reduce(&format!("which of {name}"), Reduction::ArgMax, x, axis);
        let rows = self.indices(&format!("rows of {name}"), [axis]);
        let operands = [
            Operand::from(first).repeated(axis),
            Operand::row(rows).in_turn(axis),
            Operand::from(d_y).repeated(axis),
        ];
        let d_x = same(operand(0), operand(1), operand(2), 0.0);
        self.pointwise(&name, [shape.rows(), shape.columns()], d_x, &operands)
    }
}
