//! Pointwise work: one expression at every element of `[rows, columns]`, over operands that broadcast.

use super::{Activation, Graph, Kind, Op, Reduction, TensorId, gaussian};
use crate::expr::{Expr, operand};

/// Which row of an operand belongs to a row of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rows {
    /// So many consecutive rows of the work share one of the operand's: with 1, each has its own.
    Shared(usize),
    /// The operand has so many rows, which the work's rows take in turn, again and again: row r takes
    /// row r mod so many. With 1, all take the same.
    InTurn(usize),
}

impl Rows {
    /// How many the operand has for so many of the work.
    pub fn count(self, rows: usize) -> usize {
        match self {
            Self::Shared(shared) => rows / shared,
            Self::InTurn(count) => count,
        }
    }

    /// The one that belongs to a row of the work.
    pub fn index(self, row: usize) -> usize {
        match self {
            Self::Shared(shared) => row / shared,
            Self::InTurn(count) => row % count,
        }
    }

    /// Whether those of so many rows of the work come out even.
    fn divide(self, rows: usize) -> bool {
        match self {
            Self::Shared(count) | Self::InTurn(count) => rows.is_multiple_of(count),
        }
    }
}

/// Which element of an operand belongs to the element at (row, column) of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Broadcast {
    /// Which of its rows belongs to each of the work's.
    pub rows: Rows,
    /// Whether the operand has a value for each column, or one for the whole row.
    pub columns: bool,
}

impl Broadcast {
    /// `[rows, columns]`: an element for each.
    pub const EACH: Self = Self {
        rows: Rows::Shared(1),
        columns: true,
    };
    /// `[rows]`.
    pub const ROW: Self = Self {
        rows: Rows::Shared(1),
        columns: false,
    };
    /// `[columns]`.
    pub const COLUMN: Self = Self {
        rows: Rows::InTurn(1),
        columns: true,
    };
    /// `[1]`.
    pub const SCALAR: Self = Self {
        rows: Rows::InTurn(1),
        columns: false,
    };

    /// Elements of such an operand of work of this shape.
    pub fn len(self, [rows, columns]: [usize; 2]) -> usize {
        self.rows.count(rows) * if self.columns { columns } else { 1 }
    }

    /// The same for work of this shape: of one column, a value for each element is one for each row.
    pub(crate) fn over(self, [_, columns]: [usize; 2]) -> Self {
        Self {
            columns: self.columns && columns > 1,
            ..self
        }
    }

    /// Where the operand's element for one of the work lies.
    pub fn index(self, [row, column]: [usize; 2], columns: usize) -> usize {
        let row = self.rows.index(row);
        if self.columns {
            row * columns + column
        } else {
            row
        }
    }
}

/// A tensor with the way in which it broadcasts; a tensor alone has an element for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operand {
    /// What is read.
    pub tensor: TensorId,
    /// For which elements.
    pub broadcast: Broadcast,
}

impl Operand {
    /// `[rows]`: a value for each row.
    pub fn row(tensor: TensorId) -> Self {
        let broadcast = Broadcast::ROW;
        Self { tensor, broadcast }
    }

    /// `[columns]`: a value for each column.
    pub fn column(tensor: TensorId) -> Self {
        let broadcast = Broadcast::COLUMN;
        Self { tensor, broadcast }
    }

    /// `[1]`: one value for all.
    pub fn scalar(tensor: TensorId) -> Self {
        let broadcast = Broadcast::SCALAR;
        Self { tensor, broadcast }
    }

    /// The same as an operand of work of this shape.
    pub(crate) fn over(self, shape: [usize; 2]) -> Self {
        let broadcast = self.broadcast.over(shape);
        Self { broadcast, ..self }
    }

    /// `[rows / times, columns]`, or `[rows / times]` of an operand by row: each row of the operand
    /// belongs to `times` consecutive ones. What all rows share they share still.
    ///
    /// # Panics
    /// Where the operand's rows are taken in turn.
    #[must_use]
    pub fn repeated(mut self, times: usize) -> Self {
        self.broadcast.rows = match self.broadcast.rows {
            Rows::Shared(shared) => Rows::Shared(shared * times),
            Rows::InTurn(count) => {
                assert_eq!(count, 1, "rows that are taken in turn are not repeated");
                Rows::InTurn(count)
            }
        };
        self
    }

    /// `[count, columns]`, or `[count]` of an operand by row: the rows of the work take those of the
    /// operand in turn, again and again. So each of B · `count` rows is a pair of one that is
    /// [`repeated`](Self::repeated) `count` times, and one of these.
    #[must_use]
    pub fn in_turn(mut self, count: usize) -> Self {
        self.broadcast.rows = Rows::InTurn(count);
        self
    }
}

impl From<TensorId> for Operand {
    fn from(tensor: TensorId) -> Self {
        let broadcast = Broadcast::EACH;
        Self { tensor, broadcast }
    }
}

/// An expression over `[rows, columns]`; its operands are a node's inputs, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Pointwise {
    /// What is computed.
    pub expr: Expr,
    /// Rows and columns.
    pub shape: [usize; 2],
    /// How each operand broadcasts.
    pub operands: Vec<Broadcast>,
}

impl Pointwise {
    /// The expression by which the gradient `d` of its value goes on to an operand: the slope times
    /// `d`, which is the operand behind all others.
    pub fn adjoint(&self, index: usize) -> Expr {
        let d = operand(self.operands.len());
        d * self.expr.derivative(index)
    }

    /// Likewise where the slope is a function of the value alone, as a product with a non-linearity
    /// keeps it: the value is the operand behind `d`, and no other one is read.
    fn adjoint_by_value(&self, index: usize) -> Option<Expr> {
        let (d, value) = (self.operands.len(), self.operands.len() + 1);
        let slope = self
            .expr
            .derivative(index)
            .replace(&self.expr, &operand(value));
        let reads_operands = (0..self.operands.len()).any(|other| slope.reads(other));
        (!reads_operands).then(|| operand(d) * slope)
    }
}

impl Graph {
    /// An expression at each element of `[rows, columns]`; a column of `[rows, 1]` is a tensor `[rows]`.
    pub fn pointwise(
        &mut self,
        name: &str,
        shape: [usize; 2],
        expr: Expr,
        operands: &[Operand],
    ) -> TensorId {
        let (work, inputs) = self.work(name, shape, expr, operands);
        let result = match shape {
            [rows, 1] => [rows].into(),
            shape => shape.into(),
        };
        self.push(Op::Pointwise(work), name, result, &inputs)
    }

    /// The sum of an expression over each row of `[rows, columns]`: a tensor `[rows]`.
    pub fn row_sum(
        &mut self,
        name: &str,
        shape: [usize; 2],
        expr: Expr,
        operands: &[Operand],
    ) -> TensorId {
        let (work, inputs) = self.work(name, shape, expr, operands);
        self.push(Op::RowSum(work), name, [shape[0]].into(), &inputs)
    }

    /// f(x) at each element.
    pub fn activation(&mut self, name: &str, function: Activation, x: TensorId) -> TensorId {
        self.elementwise(name, function.formula(), &[x])
    }

    /// a + b, of one shape.
    pub fn add(&mut self, name: &str, a: TensorId, b: TensorId) -> TensorId {
        self.elementwise(name, operand(0) + operand(1), &[a, b])
    }

    /// z = μ + exp(½ log σ²)·ε, of one shape.
    pub fn reparameterize(
        &mut self,
        name: &str,
        mu: TensorId,
        logvar: TensorId,
        eps: TensorId,
    ) -> TensorId {
        self.elementwise(name, gaussian::reparameterized(), &[mu, logvar, eps])
    }

    /// KL(N(μ, σ²) ‖ N(0, 1)) per row: `[B, D], [B, D] → [B]`, in nats.
    pub fn kl(&mut self, name: &str, mu: TensorId, logvar: TensorId) -> TensorId {
        let shape = self.shape(mu);
        let operands = [mu.into(), logvar.into()];
        self.row_sum(
            name,
            [shape.rows(), shape.columns()],
            gaussian::kl(),
            &operands,
        )
    }

    /// An expression at each element of tensors of one shape; the result has that of the first. `[rows]`
    /// and `[rows, 1]` are one shape: gradients of a column come as either.
    fn elementwise(&mut self, name: &str, expr: Expr, tensors: &[TensorId]) -> TensorId {
        let shape = self.shape(tensors[0]);
        for &other in tensors {
            let of = self.shape(other);
            let alike = [of.rows(), of.len()] == [shape.rows(), shape.len()];
            assert!(alike, "{name}: operands of shapes {shape} and {of}");
        }
        let operands: Vec<_> = tensors.iter().map(|&id| Operand::from(id)).collect();
        let (work, inputs) = self.work(name, [shape.rows(), shape.columns()], expr, &operands);
        self.push(Op::Pointwise(work), name, shape, &inputs)
    }

    /// The work with the operands that the expression reads, each once.
    fn work(
        &self,
        name: &str,
        shape: [usize; 2],
        expr: Expr,
        operands: &[Operand],
    ) -> (Pointwise, Vec<TensorId>) {
        assert!(expr.arity() <= operands.len(), "{name}: operands");
        for operand in operands {
            let (len, expected) = (
                self.shape(operand.tensor).len(),
                operand.broadcast.len(shape),
            );
            let of = &self.tensor(operand.tensor).name;
            let Broadcast { rows, .. } = operand.broadcast;
            assert!(
                rows.divide(shape[0]),
                "{name}: {of} is {rows:?}, which {} rows are no multiple of",
                shape[0]
            );
            assert!(
                len == expected,
                "{name}: {of} has {len} elements, not {expected}"
            );
        }
        let mut read: Vec<Operand> = Vec::new();
        let mut by = Vec::with_capacity(operands.len());
        for (index, given) in operands.iter().enumerate() {
            if !expr.reads(index) {
                by.push(operand(0));
                continue;
            }
            let given = given.over(shape);
            let place = read.iter().position(|known| *known == given);
            let place = place.unwrap_or_else(|| {
                read.push(given);
                read.len() - 1
            });
            by.push(operand(place));
        }
        let work = Pointwise {
            expr: expr.substitute(&by),
            shape,
            operands: read.iter().map(|operand| operand.broadcast).collect(),
        };
        (
            work,
            read.into_iter().map(|operand| operand.tensor).collect(),
        )
    }

    /// What the gradient `d_out` of a result contributes to the operand `index` of pointwise work:
    /// summed over the elements that share one of the operand's. `value` is the result, where each
    /// element has its own.
    pub(super) fn pointwise_adjoint(
        &mut self,
        work: &Pointwise,
        inputs: &[TensorId],
        index: usize,
        d_out: Operand,
        value: Option<TensorId>,
    ) -> Option<TensorId> {
        let by_value = value.and_then(|_| work.adjoint_by_value(index));
        let expr = by_value.unwrap_or_else(|| work.adjoint(index));
        if expr.as_constant() == Some(0.0) {
            return None;
        }
        let operands = work.operands.iter().zip(inputs);
        let operands = operands.map(|(&broadcast, &tensor)| Operand { tensor, broadcast });
        let operands = operands.chain([d_out]).chain(value.map(Operand::from));
        let operands: Vec<_> = operands.collect();
        let shape = self.shape(inputs[index]);
        let name = self.gradient_name(inputs[index]);
        let Broadcast { rows, columns } = work.operands[index];
        let [_, width] = work.shape;
        // A parameter's gradient is a tensor of its own.
        let passes = expr == operand(work.operands.len())
            && d_out.broadcast == Broadcast::EACH
            && self.tensor(inputs[index]).kind != Kind::Parameter;
        let by_row = match columns || width == 1 {
            true if passes => d_out.tensor,
            true => self.pointwise(&name, work.shape, expr, &operands),
            false => self.row_sum(&name, work.shape, expr, &operands),
        };
        Some(match rows {
            Rows::Shared(1) => by_row,
            Rows::Shared(shared) => self.reduce(&name, Reduction::Sum, by_row, shared),
            Rows::InTurn(_) => self.push(Op::ColumnSum, &name, shape, &[by_row]),
        })
    }
}
