//! Kernels that expressions made: each element within its expression's own bound (`expr::Bounded`).

use super::{EPS, Expected, Job, Results, additions};
use crate::expr::Expr;
use crate::graph::Broadcast;
use crate::kernels::pointwise::Work;

/// Values within their bounds; sums within those of their elements and the roundings of their addition.
pub(super) fn pointwise(job: Job<'_>, work: &Work) -> Results {
    let [rows, columns] = work.shape;
    let operands: Vec<(&[f32], Broadcast)> = work
        .operands
        .iter()
        .enumerate()
        .map(|(binding, (_, broadcast))| (job.before.floats(binding), *broadcast))
        .collect();
    let at = |row: usize, column: usize| -> Vec<f32> {
        let element = |(values, broadcast): &(&[f32], Broadcast)| {
            values[broadcast.index([row, column], columns)]
        };
        operands.iter().map(element).collect()
    };
    let mut results = Results::new();
    let stored = work.operands.len();
    for (index, (expr, _)) in work.values.iter().enumerate() {
        for element in 0..rows * columns {
            let bounded = expr.bounded(&at(element / columns, element % columns));
            let expected = Expected::float(bounded.value, bounded.error);
            results.insert((stored + index, element), expected);
        }
    }
    let summed = stored + work.values.len();
    for (index, (expr, _)) in work.sums.iter().enumerate() {
        for row in 0..rows {
            let expected = sum(
                expr,
                (0..columns).map(|column| at(row, column)),
                job,
                columns,
            );
            results.insert((summed + index, row), expected);
        }
    }
    results
}

fn sum(
    expr: &Expr,
    operands: impl Iterator<Item = Vec<f32>>,
    job: Job<'_>,
    columns: usize,
) -> Expected {
    let (mut value, mut error, mut size) = (0.0, 0.0, 0.0);
    for operands in operands {
        let element = expr.bounded(&operands);
        value += element.value;
        error += element.error;
        size += element.value.abs() + element.error;
    }
    error += additions(columns, job.constant("LANES")) * EPS * size;
    Expected::float(value, error)
}
