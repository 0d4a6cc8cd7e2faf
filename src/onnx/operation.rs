//! Operations of a graph as nodes: what each reads is there, in the shape that the graph says.

use super::error::Obstacle;
use super::extent::Extent;
use super::translation::Translation;
use super::writer::{Value, axis, integer, integers};
use crate::graph::{Op, Reduction, TensorId, Transposed};

/// An operation with its operands and its result, in graphs of both batches.
pub(super) struct Work<'a> {
    pub(super) ops: [&'a Op; 2],
    pub(super) inputs: &'a [TensorId],
    pub(super) output: TensorId,
}

impl Translation<'_, '_> {
    /// Writes the nodes of an operation.
    pub(super) fn operation(&mut self, work: &Work<'_>) -> Result<Value, Obstacle> {
        let input = |index: usize| work.inputs[index];
        match work.ops {
            [Op::Pointwise(a), Op::Pointwise(b)] => {
                let (value, extents) = self.pointwise([a, b], work.inputs)?;
                self.shaped(value, &extents, work.output)
            }
            [Op::RowSum(a), Op::RowSum(b)] => {
                let (value, extents) = self.pointwise([a, b], work.inputs)?;
                match extents[..] {
                    [_, _] => Ok(self.writer.sum(&value, 1)),
                    _ => Ok(value),
                }
            }
            [Op::Product { transposed }, Op::Product { .. }] => {
                let operands = self.values(work.inputs)?;
                let sides = transposed.sides().map(i64::from);
                let sides = [integer("transA", sides[0]), integer("transB", sides[1])];
                let operands: Vec<_> = operands.iter().collect();
                Ok(self.writer.node("Gemm", &operands, sides))
            }
            [
                Op::BatchedProduct {
                    groups: a,
                    transposed,
                },
                Op::BatchedProduct { groups: b, .. },
            ] => self.batched_product(work, [*a, *b], *transposed),
            [Op::ColumnSum, Op::ColumnSum] => self.column_sum(input(0), work.output),
            [Op::Reduce { function, axis: a }, Op::Reduce { axis: b, .. }] => {
                self.reduce(*function, input(0), [*a, *b])
            }
            [Op::Lookup, Op::Lookup] => self.lookup(input(0), input(1)),
            [Op::Concat, Op::Concat] => {
                let mut parts = Vec::new();
                for &part in work.inputs {
                    parts.push(self.matrix(part)?);
                }
                let parts: Vec<_> = parts.iter().collect();
                Ok(self.writer.node("Concat", &parts, [axis(1)]))
            }
            [Op::Slice { first }, Op::Slice { first: other }] if first == other => {
                let value = self.matrix(input(0))?;
                let columns = self.extents(work.output)?[1];
                let Extent::Fixed(columns) = columns else {
                    return Err(Obstacle::Shape);
                };
                let ends = [*first, first + columns].map(|end| self.writer.integers(&[end as i64]));
                let axes = self.writer.integers(&[1]);
                let inputs = [&value, &ends[0], &ends[1], &axes];
                Ok(self.writer.node("Slice", &inputs, []))
            }
            [Op::Stop | Op::ScaleGradient, Op::Stop | Op::ScaleGradient] => self.value(input(0)),
            [Op::Normal(_) | Op::Uniform(_), _] => Err(Obstacle::Draws),
            [Op::Gather | Op::OneHot, _] => Err(Obstacle::ReadsData),
            [Op::Ramp { .. }, _] => Err(Obstacle::FollowsSteps),
            _ => Err(Obstacle::Values),
        }
    }

    /// A tensor as a matrix, which a vector is with one column.
    fn matrix(&mut self, id: TensorId) -> Result<Value, Obstacle> {
        let value = self.value(id)?;
        match self.extents(id)?[..] {
            [rows] => Ok(self.writer.reshape(&value, &[rows, Extent::Fixed(1)])),
            _ => Ok(value),
        }
    }

    /// A value of these extents in a tensor's own shape.
    fn shaped(
        &mut self,
        value: Value,
        extents: &[Extent],
        id: TensorId,
    ) -> Result<Value, Obstacle> {
        let own = self.extents(id)?;
        match own == extents {
            true => Ok(value),
            false => Ok(self.writer.reshape(&value, &own)),
        }
    }

    fn batched_product(
        &mut self,
        work: &Work<'_>,
        groups: [usize; 2],
        transposed: Transposed,
    ) -> Result<Value, Obstacle> {
        let groups = Extent::of(groups).ok_or(Obstacle::Shape)?;
        let mut factors = Vec::new();
        for (&id, transposed) in work.inputs.iter().zip(transposed.sides()) {
            let value = self.value(id)?;
            let [rows, columns] = self.matrix_extents(id)?;
            let each = rows.by(groups).ok_or(Obstacle::Shape)?;
            let split = self.writer.reshape(&value, &[groups, each, columns]);
            factors.push(match transposed {
                false => split,
                true => {
                    let order = integers("perm", &[0, 2, 1]);
                    self.writer.node("Transpose", &[&split], [order])
                }
            });
        }
        let products = self.writer.node("MatMul", &[&factors[0], &factors[1]], []);
        let extents = self.extents(work.output)?;
        Ok(self.writer.reshape(&products, &extents))
    }

    fn column_sum(&mut self, x: TensorId, output: TensorId) -> Result<Value, Obstacle> {
        let value = self.value(x)?;
        let (of, result) = (self.extents(x)?, self.extents(output)?);
        if of.len() == 2 && result.len() == 1 {
            return Ok(self.writer.sum(&value, 0));
        }
        // Rows in turn.
        let times = of[0].by(result[0]).ok_or(Obstacle::Shape)?;
        let extents: Vec<_> = [times].into_iter().chain(result).collect();
        let split = self.writer.reshape(&value, &extents);
        Ok(self.writer.sum(&split, 0))
    }

    fn reduce(
        &mut self,
        function: Reduction,
        x: TensorId,
        rows: [usize; 2],
    ) -> Result<Value, Obstacle> {
        let value = self.value(x)?;
        let of = self.extents(x)?;
        let rows = Extent::of(rows).ok_or(Obstacle::Shape)?;
        let outer = of[0].by(rows).ok_or(Obstacle::Shape)?;
        let extents: Vec<_> = [outer, rows].iter().chain(&of[1..]).copied().collect();
        let w = &mut self.writer;
        let split = w.reshape(&value, &extents);
        let along = |keep: i64| [integers("axes", &[1]), integer("keepdims", keep)];
        Ok(match function {
            Reduction::Sum => w.sum(&split, 1),
            Reduction::Max => w.node("ReduceMax", &[&split], along(0)),
            Reduction::LogSumExp => {
                let most = w.node("ReduceMax", &[&split], along(1));
                let less = w.node("Sub", &[&split, &most], []);
                let exp = w.node("Exp", &[&less], []);
                let sum = w.sum(&exp, 1);
                let ln = w.node("Log", &[&sum], []);
                let most = w.node("ReduceMax", &[&split], along(0));
                w.node("Add", &[&ln, &most], [])
            }
            Reduction::ArgMax => {
                let along = [axis(1), integer("keepdims", 0)];
                let index = w.node("ArgMax", &[&split], along);
                self.cast(&index, super::proto::Tensor::FLOAT)
            }
        })
    }

    /// Rows of a table, with what lies outside of it at its ends and what lies between two numbers at the lower.
    fn lookup(&mut self, table: TensorId, index: TensorId) -> Result<Value, Obstacle> {
        let Extent::Fixed(rows) = self.extents(table)?[0] else {
            return Err(Obstacle::Shape);
        };
        let (of, by) = (self.value(table)?, self.value(index)?);
        let by = match self.extents(index)?[..] {
            [_] => by,
            [rows, ..] => self.writer.reshape(&by, &[rows]),
            [] => return Err(Obstacle::Shape),
        };
        let w = &mut self.writer;
        let ends = [0.0, rows.saturating_sub(1) as f64].map(|end| w.scalar(end));
        let within = w.node("Clip", &[&by, &ends[0], &ends[1]], []);
        let whole = w.node("Floor", &[&within], []);
        let whole = self.cast(&whole, super::proto::Tensor::INT64);
        Ok(self.writer.node("Gather", &[&of, &whole], [axis(0)]))
    }

    /// The same numbers of another element type.
    pub(super) fn cast(&mut self, value: &Value, to: i32) -> Value {
        let to = integer("to", i64::from(to));
        self.writer.node("Cast", &[value], [to])
    }
}
