//! Tasks: launches in terms of a graph's tensors, before they have buffers.

use crate::expr::Expr;
use crate::graph::{Operand, Ramp, Reduction, TensorId, Transposed};
use crate::rng::Draw;

/// One launch, in terms of the graph's tensors.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Task {
    Gather {
        x: TensorId,
    },
    OneHot {
        y: TensorId,
    },
    Normal {
        draw: Draw,
        eps: TensorId,
    },
    Uniform {
        draw: Draw,
        u: TensorId,
    },
    Ramp {
        scale: f64,
        ramp: Ramp,
        values: TensorId,
    },
    Product(Product),
    /// Products side by side: `groups` of the shape m, n, k, each of consecutive rows of both operands.
    BatchedProduct {
        groups: usize,
        shape: [usize; 3],
        transposed: Transposed,
        left: TensorId,
        right: TensorId,
        y: TensorId,
    },
    ColumnSum {
        a: TensorId,
        sum: TensorId,
    },
    Pointwise(Pointwise),
    Reduce {
        function: Reduction,
        axis: usize,
        x: TensorId,
        y: TensorId,
    },
    /// Rows of a table.
    Lookup {
        table: TensorId,
        index: TensorId,
        y: TensorId,
    },
    Copy(Copy),
}

/// Expressions over the same operands at each element of `shape`: some are stored, of others the sum of
/// each row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pointwise {
    pub(crate) shape: [usize; 2],
    pub(crate) operands: Vec<Operand>,
    /// Each with where its values `[rows, columns]` go.
    pub(crate) values: Vec<(Expr, TensorId)>,
    /// Each with where its sums `[rows]` go.
    pub(crate) sums: Vec<(Expr, TensorId)>,
}

/// Columns of rows, each part from one tensor into another.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Copy {
    pub(crate) parts: Vec<CopiedPart>,
}

/// `columns` columns from column `from_first` of `from` to column `to_first` of `to`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CopiedPart {
    pub(crate) from: TensorId,
    pub(crate) from_first: usize,
    pub(crate) to: TensorId,
    pub(crate) to_first: usize,
    pub(crate) columns: usize,
}

/// A matrix product and what follows it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Product {
    pub(crate) transposed: Transposed,
    pub(crate) left: TensorId,
    pub(crate) right: TensorId,
    /// The product alone: an operand of the epilogue, and nowhere stored.
    pub(crate) product: TensorId,
    /// What is stored: one value for each element of the product.
    pub(crate) epilogue: Pointwise,
    /// The sums of the left operand's rows as they enter: the gradient of a bias.
    pub(crate) sums: Option<TensorId>,
}

impl Product {
    /// What its epilogue stores.
    pub(crate) fn result(&self) -> TensorId {
        self.epilogue.values[0].1
    }

    /// The layer's weight, or the gradient of it.
    pub(crate) fn weight(&self) -> TensorId {
        match self.transposed {
            Transposed::Left => self.result(),
            Transposed::Neither | Transposed::Right => self.right,
        }
    }
}

impl Task {
    /// The tensors it reads.
    pub(crate) fn reads(&self) -> Vec<TensorId> {
        match self {
            Self::Gather { .. }
            | Self::OneHot { .. }
            | Self::Normal { .. }
            | Self::Uniform { .. }
            | Self::Ramp { .. } => vec![],
            Self::Pointwise(work) => work.operands.iter().map(|o| o.tensor).collect(),
            Self::Reduce { x, .. } => vec![*x],
            Self::Lookup { table, index, .. } => vec![*table, *index],
            Self::Copy(copy) => copy.parts.iter().map(|part| part.from).collect(),
            Self::Product(p) => {
                let operands = p.epilogue.operands.iter().map(|o| o.tensor);
                let others = operands.filter(|&id| id != p.product);
                [p.left, p.right].into_iter().chain(others).collect()
            }
            Self::BatchedProduct { left, right, .. } => vec![*left, *right],
            Self::ColumnSum { a, .. } => vec![*a],
        }
    }

    /// The tensors it writes.
    pub(crate) fn writes(&self) -> Vec<TensorId> {
        match self {
            Self::Gather { x } => vec![*x],
            Self::OneHot { y } | Self::Reduce { y, .. } | Self::Lookup { y, .. } => vec![*y],
            Self::BatchedProduct { y, .. } => vec![*y],
            Self::Normal { eps, .. } => vec![*eps],
            Self::Uniform { u, .. } => vec![*u],
            Self::Ramp { values, .. } => vec![*values],
            Self::Pointwise(work) => {
                let results = work.values.iter().chain(&work.sums);
                results.map(|&(_, id)| id).collect()
            }
            Self::Copy(copy) => vec![copy.parts[0].to],
            Self::Product(p) => [p.result()].into_iter().chain(p.sums).collect(),
            Self::ColumnSum { sum, .. } => vec![*sum],
        }
    }
}
