//! Whole numbers that say which: indices, rows with a 1 at an index, rows of a table by an index, and where
//! a maximum is.

use super::{Graph, Op, Operand, Reduction, Shape, TensorId, Transposed};
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
        let numbers = (0..shape.len()).map(|number| number as f32);
        self.values(name, shape, numbers.collect::<Vec<_>>())
    }

    /// A row of zeros for each index, with a 1 in its column: `[B] → [B, classes]`, of which one column is
    /// `[B]`. Indices are whole numbers; those outside count as the nearest inside.
    pub fn one_hot_of(&mut self, name: &str, index: TensorId, classes: usize) -> TensorId {
        let shape = self.shape(index);
        assert!(
            shape.columns() == 1 && classes > 0,
            "{name}: {classes} classes of indices {shape}"
        );
        let columns = self.indices(&format!("columns of {name}"), [classes]);
        let within = operand(0).clamp(0.0, (classes - 1) as f64);
        let hot = same(within, operand(1), 1.0, 0.0);
        let operands = [Operand::row(index), Operand::column(columns)];
        self.pointwise(name, [shape.rows(), classes], hot, &operands)
    }

    /// Rows of a table by their numbers: `[N, D], [B] → [B, D]`, or `[N], [B] → [B]`. Indices are whole
    /// numbers without a gradient; those outside count as the nearest inside. Of a table without a gradient
    /// an index between two whole numbers counts as the lower.
    pub fn lookup(&mut self, name: &str, table: TensorId, index: TensorId) -> TensorId {
        let [of, by] = [table, index].map(|id| self.shape(id));
        assert!(
            by.columns() == 1 && of.rows() > 0 && of.rows() <= WHOLE,
            "{name}: indices {by} of a table {of}"
        );
        let shape = match *of.dims() {
            [_, columns] => [by.rows(), columns].into(),
            _ => [by.rows()].into(),
        };
        self.push(Op::Lookup, name, shape, &[table, index])
    }

    /// The gradient of a table whose rows were looked up: for each, the sum of those of its uses. It is a
    /// product with a row for each use that has a 1 where it looked, so that the order of the sum is fixed.
    pub(super) fn lookup_adjoint(
        &mut self,
        table: TensorId,
        index: TensorId,
        d_y: TensorId,
    ) -> TensorId {
        let (name, shape) = (self.gradient_name(table), self.shape(table));
        let uses = self.one_hot_of(&format!("uses of {name}"), index, shape.rows());
        let transposed = Transposed::Left;
        self.push(Op::Product { transposed }, &name, shape, &[uses, d_y])
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
