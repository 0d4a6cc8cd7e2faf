//! Writing a graph: one method per operation, each with its shape rule.
//!
//! Shapes come from a model's code, never from a user, so a rule that is broken is a mistake in the
//! program and panics, as indexing does.

use std::sync::Arc;

use super::index::WHOLE;
use super::{Graph, Kind, Node, Op, Ramp, Reduction, Shape, Tensor, TensorId, Term, Transposed};
use crate::rng::{Draw, Stream};

impl Graph {
    /// A tensor that the caller writes before each run.
    pub fn input(&mut self, name: &str, shape: impl Into<Shape>) -> TensorId {
        self.push_tensor(name, shape.into(), Kind::Input, false)
    }

    /// A trained parameter; the same name is the same parameter in every graph of an executor.
    pub fn parameter(&mut self, name: &str, shape: impl Into<Shape>) -> TensorId {
        let existing = self
            .tensors
            .iter()
            .position(|t| t.kind == Kind::Parameter && t.name == name);
        match existing {
            Some(index) => TensorId(index),
            None => self.push_tensor(name, shape.into(), Kind::Parameter, true),
        }
    }

    /// A tensor whose elements all have one value.
    pub fn constant(&mut self, name: &str, shape: impl Into<Shape>, value: f64) -> TensorId {
        self.push_tensor(name, shape.into(), Kind::Constant(value), false)
    }

    /// A tensor of these values, which nothing changes, such as a mask.
    pub fn values(
        &mut self,
        name: &str,
        shape: impl Into<Shape>,
        values: impl Into<Arc<[f32]>>,
    ) -> TensorId {
        let (shape, values) = (shape.into(), values.into());
        assert_eq!(values.len(), shape.len(), "{name}: values");
        self.push_tensor(name, shape, Kind::Values(values), false)
    }

    /// A tensor whose elements all are `scale` times the ramp at the step.
    pub fn ramp(
        &mut self,
        name: &str,
        shape: impl Into<Shape>,
        scale: f64,
        ramp: Ramp,
    ) -> TensorId {
        let shape = shape.into();
        match ramp {
            Ramp::NONE => self.constant(name, shape, scale),
            ramp => self.push(Op::Ramp { scale, ramp }, name, shape, &[]),
        }
    }

    /// The next batch of the data set, `[batch, dim]`, in [0, 1].
    pub fn gather(&mut self, name: &str, batch: usize, dim: usize) -> TensorId {
        self.push(Op::Gather, name, [batch, dim].into(), &[])
    }

    /// The labels of the next batch, `[batch, classes]`: each a row of zeros with a 1 in its column.
    pub fn one_hot(&mut self, name: &str, batch: usize, classes: usize) -> TensorId {
        self.push(Op::OneHot, name, [batch, classes].into(), &[])
    }

    /// Standard normals: the next draw of a stream, independent of those before it in the graph.
    pub fn normal(&mut self, name: &str, stream: Stream, shape: impl Into<Shape>) -> TensorId {
        let draw = self.next_draw(stream);
        self.push(Op::Normal(draw), name, shape.into(), &[])
    }

    /// Uniforms in [0, 1): the next draw of a stream, independent of those before it in the graph.
    pub fn uniform(&mut self, name: &str, stream: Stream, shape: impl Into<Shape>) -> TensorId {
        let draw = self.next_draw(stream);
        self.push(Op::Uniform(draw), name, shape.into(), &[])
    }

    fn next_draw(&self, stream: Stream) -> Draw {
        let of_stream = |node: &&Node| match node.op {
            Op::Normal(draw) | Op::Uniform(draw) => draw.stream == stream,
            _ => false,
        };
        let number = self.nodes.iter().filter(of_stream).count() as u32;
        Draw { stream, number }
    }

    /// x·weightᵀ + bias: `[B, in], [out, in], [out] → [B, out]`.
    pub fn linear(
        &mut self,
        name: &str,
        x: TensorId,
        weight: TensorId,
        bias: TensorId,
    ) -> TensorId {
        let (xs, ws, bs) = (self.shape(x), self.shape(weight), self.shape(bias));
        assert_eq!(
            xs.columns(),
            ws.columns(),
            "{name}: x {xs} does not fit weight {ws}"
        );
        assert_eq!(
            bs.dims(),
            [ws.rows()],
            "{name}: bias {bs} does not fit weight {ws}"
        );
        let transposed = Transposed::Right;
        self.push(
            Op::Product { transposed },
            name,
            [xs.rows(), ws.rows()].into(),
            &[x, weight, bias],
        )
    }

    /// a·b, of which one may enter transposed: `[m, k], [k, n] → [m, n]` as they enter.
    pub fn product(
        &mut self,
        name: &str,
        a: TensorId,
        b: TensorId,
        transposed: Transposed,
    ) -> TensorId {
        let result = self.product_shape(name, [a, b], transposed, 1);
        self.push(Op::Product { transposed }, name, result, &[a, b])
    }

    /// So many products side by side, each of as many consecutive rows of a and of b, of which one may
    /// enter transposed: `[groups · m, k], [groups · k, n] → [groups · m, n]`, where a is `[groups · k, m]`
    /// or b is `[groups · n, k]` if it enters transposed.
    pub fn batched_product(
        &mut self,
        name: &str,
        a: TensorId,
        b: TensorId,
        transposed: Transposed,
        groups: usize,
    ) -> TensorId {
        let result = self.product_shape(name, [a, b], transposed, groups);
        let op = Op::BatchedProduct { groups, transposed };
        self.push(op, name, result, &[a, b])
    }

    /// The rows of all groups' results, and their columns.
    fn product_shape(
        &self,
        name: &str,
        operands: [TensorId; 2],
        transposed: Transposed,
        groups: usize,
    ) -> Shape {
        let entering = |id: TensorId, transposed: bool| {
            let shape = self.shape(id);
            let rows = shape.rows();
            assert!(
                groups > 0 && rows.is_multiple_of(groups),
                "{name}: {rows} rows in {groups} groups"
            );
            match transposed {
                false => [rows / groups, shape.columns()],
                true => [shape.columns(), rows / groups],
            }
        };
        let ([a, b], [left, right]) = (operands, transposed.sides());
        let ([m, k], [inner, n]) = (entering(a, left), entering(b, right));
        assert_eq!(k, inner, "{name}: {m}×{k} does not fit {inner}×{n}");
        [groups * m, n].into()
    }

    /// The sum of the rows: `[B, D] → [D]`.
    pub fn column_sum(&mut self, name: &str, x: TensorId) -> TensorId {
        self.push(Op::ColumnSum, name, [self.shape(x).columns()].into(), &[x])
    }

    /// The sums of the rows that come in turn: `[n · count, D] → [count, D]`, or `[n · count] → [count]`, of
    /// which row r is the sum of the rows r, r + `count`, r + 2 · `count`, …
    pub fn sum_in_turn(&mut self, name: &str, x: TensorId, count: usize) -> TensorId {
        let shape = self.shape(x);
        let rows = shape.rows();
        assert!(
            count > 0 && rows.is_multiple_of(count),
            "{name}: {rows} rows, {count} in turn"
        );
        let result = match *shape.dims() {
            [_, columns] => [count, columns].into(),
            _ => [count].into(),
        };
        self.push(Op::ColumnSum, name, result, &[x])
    }

    /// Each `axis` consecutive rows become one: `[n · axis, D] → [n, D]`, or `[n · axis] → [n]`.
    pub fn reduce(
        &mut self,
        name: &str,
        function: Reduction,
        x: TensorId,
        axis: usize,
    ) -> TensorId {
        let shape = self.shape(x);
        let rows = shape.rows();
        assert!(rows.is_multiple_of(axis), "{name}: {rows} rows by {axis}");
        let result = match *shape.dims() {
            [_, columns] => [rows / axis, columns].into(),
            _ => [rows / axis].into(),
        };
        let counts = function == Reduction::ArgMax;
        assert!(
            !counts || axis <= WHOLE,
            "{name}: {axis} rows, counted in f32"
        );
        self.push(Op::Reduce { function, axis }, name, result, &[x])
    }

    /// Rows side by side: `[B, m], [B, n] → [B, m + n]`.
    pub fn concat(&mut self, name: &str, a: TensorId, b: TensorId) -> TensorId {
        let [left, right] = [a, b].map(|id| self.shape(id));
        assert_eq!(left.rows(), right.rows(), "{name}: rows");
        let shape = [left.rows(), left.columns() + right.columns()];
        self.push(Op::Concat, name, shape.into(), &[a, b])
    }

    /// Tensors `[rows, n]` as one, beside each other in their order; `None` of none.
    pub fn side_by_side(&mut self, name: &str, of: Vec<TensorId>) -> Option<TensorId> {
        of.into_iter()
            .reduce(|left, right| self.concat(name, left, right))
    }

    /// The same values in another shape, which costs nothing: nothing is computed or copied.
    pub fn reshape(&mut self, name: &str, x: TensorId, shape: impl Into<Shape>) -> TensorId {
        let (of, shape) = (self.shape(x), shape.into());
        assert_eq!(of.len(), shape.len(), "{name}: {of} as {shape}");
        let differentiable = self.tensor(x).differentiable;
        self.push_tensor(name, shape, Kind::View(x), differentiable)
    }

    /// Zeros on both sides of each row: `[B, n] → [B, before + n + after]`. They are constants, which an
    /// executor holds as it does any.
    pub fn pad(&mut self, name: &str, x: TensorId, before: usize, after: usize) -> TensorId {
        let shape = self.shape(x);
        let mut zeros = |columns| {
            let shape = [shape.rows(), columns];
            (columns > 0).then(|| self.constant(&format!("zeros of {name}"), shape, 0.0))
        };
        let [left, right] = [before, after].map(&mut zeros);
        let parts: Vec<_> = left.into_iter().chain([x]).chain(right).collect();
        let result = [shape.rows(), before + shape.columns() + after];
        self.push(Op::Concat, name, result.into(), &parts)
    }

    /// `columns` columns from `first` on: `[B, n] → [B, columns]`.
    pub fn slice(&mut self, name: &str, x: TensorId, first: usize, columns: usize) -> TensorId {
        let shape = self.shape(x);
        assert!(first + columns <= shape.columns(), "{name}: columns");
        let result = [shape.rows(), columns];
        self.push(Op::Slice { first }, name, result.into(), &[x])
    }

    /// The same values; no gradient passes.
    pub fn stop(&mut self, name: &str, x: TensorId) -> TensorId {
        self.push(Op::Stop, name, self.shape(x), &[x])
    }

    /// The same values `[B, D]`; the gradient passes multiplied by the factors that
    /// [`Graph::set_gradient_scale`] names once they are computed.
    pub fn scale_gradient(&mut self, name: &str, x: TensorId) -> TensorId {
        self.push(Op::ScaleGradient, name, self.shape(x), &[x])
    }

    /// Names the factors `[B]` by which the gradient of each row of `scaled`, a result of
    /// [`Graph::scale_gradient`], is multiplied. They count as constants.
    pub fn set_gradient_scale(&mut self, scaled: TensorId, factors: TensorId) {
        self.gradient_scales.push((scaled, factors));
    }

    /// Adds `weight · mean(rows)` to the objective; `rows` is `[n]`. With the weight 0 it is reported only.
    pub fn add_term(&mut self, name: &str, rows: TensorId, weight: f32) {
        self.add_ramped_term(name, rows, weight, Ramp::NONE);
    }

    /// Adds `weight · ramp(step) · mean(rows)` to the objective; `rows` is `[n]`.
    pub fn add_ramped_term(&mut self, name: &str, rows: TensorId, weight: f32, ramp: Ramp) {
        assert_eq!(
            self.shape(rows).dims().len(),
            1,
            "{name}: a term has one value per row"
        );
        self.terms.push(Term {
            name: name.to_owned(),
            rows,
            weight,
            ramp,
        });
    }

    /// Makes a tensor readable after each run.
    pub fn output(&mut self, tensor: TensorId) {
        self.outputs.push(tensor);
    }

    /// Appends a node.
    pub(super) fn push(
        &mut self,
        op: Op,
        name: &str,
        shape: Shape,
        inputs: &[TensorId],
    ) -> TensorId {
        let mut depends = inputs.iter().map(|id| self.tensors[id.0].differentiable);
        let differentiable = op.passes_gradients() && depends.any(|depends| depends);
        let output = self.push_tensor(name, shape, Kind::Computed, differentiable);
        self.nodes.push(Node {
            op,
            inputs: inputs.to_vec(),
            output,
        });
        output
    }

    pub(super) fn push_tensor(
        &mut self,
        name: &str,
        shape: Shape,
        kind: Kind,
        differentiable: bool,
    ) -> TensorId {
        self.tensors.push(Tensor {
            name: name.to_owned(),
            shape,
            kind,
            differentiable,
        });
        TensorId(self.tensors.len() - 1)
    }
}
