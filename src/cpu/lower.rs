//! From tasks to works: what each computes, on which arrays.

use super::memory::Span;
use super::noise::{Distribution, Noise};
use super::pointwise::Pointwise;
use super::product::{Matrix, Product};
use super::work::{Part, Work};
use crate::expr::operand;
use crate::fuse::task::{self, Task};
use crate::graph::{Graph, TensorId, Transposed};

/// The work of a task, whose tensors lie where `of` says.
pub(super) fn lower(graph: &Graph, task: &Task, of: &dyn Fn(TensorId) -> Span) -> Work {
    let columns = |id: TensorId| graph.shape(id).columns();
    let shape = |id: TensorId| [graph.shape(id).rows(), graph.shape(id).columns()];
    match task {
        Task::Gather { x } => Work::Gather {
            x: of(*x),
            dim: columns(*x),
        },
        Task::OneHot { y } => Work::OneHot {
            y: of(*y),
            classes: columns(*y),
        },
        &Task::Normal { draw, eps } => Work::Noise(Noise {
            draw,
            distribution: Distribution::Normal,
            to: of(eps),
        }),
        &Task::Uniform { draw, u } => Work::Noise(Noise {
            draw,
            distribution: Distribution::Uniform,
            to: of(u),
        }),
        &Task::Ramp {
            scale,
            ramp,
            values,
        } => Work::Ramp {
            scale,
            ramp,
            values: of(values),
        },
        Task::Product(product) => Work::Product(self::product(graph, product, of)),
        &Task::BatchedProduct {
            groups,
            shape: product,
            transposed,
            left,
            right,
            y,
        } => {
            let [left, right] = [left, right].map(|id| (of(id), columns(id)));
            Work::Product(Product {
                shape: product,
                groups,
                left: Matrix::entering(left, transposed.sides()[0]),
                right: Matrix::entering(right, transposed.sides()[1]),
                result: of(y),
                epilogue: None,
                sums: None,
            })
        }
        Task::ColumnSum { a, sum } => Work::ColumnSum {
            a: of(*a),
            sum: of(*sum),
        },
        Task::Pointwise(work) => Work::Pointwise(self::pointwise(work, of)),
        &Task::Reduce {
            function,
            axis,
            x,
            y,
        } => Work::Reduce {
            function,
            axis,
            columns: columns(x),
            x: of(x),
            y: of(y),
        },
        &Task::Lookup { table, index, y } => Work::Lookup {
            table: of(table),
            index: of(index),
            y: of(y),
            columns: columns(y),
        },
        Task::Copy(copy) => {
            let part = |part: &task::CopiedPart| Part {
                from: of(part.from),
                from_width: columns(part.from),
                from_first: part.from_first,
                to: of(part.to),
                to_width: columns(part.to),
                to_first: part.to_first,
                columns: part.columns,
            };
            Work::Copy {
                rows: copy.parts.first().map_or(0, |part| shape(part.to)[0]),
                parts: copy.parts.iter().map(part).collect(),
            }
        }
    }
}

fn pointwise(work: &task::Pointwise, span: &dyn Fn(TensorId) -> Span) -> Pointwise {
    let operands = work.operands.iter();
    let operands = operands.map(|o| (span(o.tensor), o.broadcast)).collect();
    let values = work.values.iter().map(|(expr, to)| (expr, span(*to)));
    let sums = work.sums.iter().map(|(expr, to)| (expr, span(*to)));
    Pointwise::new(work.shape, operands, values.collect(), sums.collect()).flattened()
}

fn product(graph: &Graph, of: &task::Product, span: &dyn Fn(TensorId) -> Span) -> Product {
    let columns = |id: TensorId| graph.shape(id).columns();
    let [left, right] = of.transposed.sides();
    let entering = |id: TensorId, side| Matrix::entering((span(id), columns(id)), side);
    let (left, right) = (entering(of.left, left), entering(of.right, right));
    let inner = match of.transposed {
        Transposed::Left => graph.shape(of.left).rows(),
        Transposed::Neither | Transposed::Right => columns(of.left),
    };
    let result = span(of.result());
    // The product alone lies where its epilogue will, which replaces it.
    let place = |id: TensorId| match id == of.product {
        true => result,
        false => span(id),
    };
    let [(value, _)] = of.epilogue.values.as_slice() else {
        unreachable!("an epilogue stores one value")
    };
    let alone = *value == operand(0) && of.epilogue.operands.len() == 1;
    let operands = of.epilogue.operands.iter();
    let operands = operands.map(|o| (place(o.tensor), o.broadcast));
    let [m, n] = of.epilogue.shape;
    let epilogue = || Pointwise::new([m, n], operands.collect(), vec![(value, result)], vec![]);
    Product {
        shape: [m, n, inner],
        groups: 1,
        left,
        right,
        result,
        epilogue: (!alone).then(epilogue),
        sums: of.sums.map(span),
    }
}
