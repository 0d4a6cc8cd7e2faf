//! Kernels that expressions made: each element within its expression's own bound (`expr::Bounded`), and where
//! that is not enough, within what a compiler may make of the expression.
//!
//! WGSL lets a compiler reassociate sums, `a − b + ln 2` as `(a + ln 2) − b`. The bound is that of the order in which
//! the expression stands, where terms that cancel leave a small partial sum, and so a small rounding. In whatever order, the two additions of
//! three terms are each off by at most EPS times the sum of the terms' sizes: as much as a relative change of two EPS of each operand makes.
//! What that makes of the value is allowed as well. Longer sums, whose roundings are more, stand in no formula of the house without
//! a bound that is as wide.

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
            let operands = at(element / columns, element % columns);
            let bounded = expr.bounded(&operands);
            let found = found(job, stored + index, element);
            let allowed = match (found - bounded.value).abs() <= bounded.error {
                true => bounded.error,
                false => bounded.error + reassociated(expr, &operands),
            };
            let expected = Expected::float(bounded.value, allowed);
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
                found(job, summed + index, row),
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
    found: f64,
) -> Expected {
    let operands: Vec<_> = operands.collect();
    let (mut value, mut error, mut size) = (0.0, 0.0, 0.0);
    for operands in &operands {
        let element = expr.bounded(operands);
        value += element.value;
        error += element.error;
        size += element.value.abs() + element.error;
    }
    error += additions(columns, job.constant("LANES")) * EPS * size;
    if (found - value).abs() > error {
        error += operands
            .iter()
            .map(|operands| reassociated(expr, operands))
            .sum::<f64>();
    }
    Expected::float(value, error)
}

/// What the kernel has left, where it ran.
fn found(job: Job<'_>, binding: usize, word: usize) -> f64 {
    let after = job.after.and_then(|after| after.floats(binding).get(word));
    after.map_or(f64::NAN, |&found| found.into())
}

/// What relative changes of the operands make of the value.
fn reassociated(expr: &Expr, operands: &[f32]) -> f64 {
    let exact: Vec<f64> = operands.iter().map(|&x| x.into()).collect();
    let value = expr.evaluate::<f64>(&exact);
    let moved = |index: usize| {
        let mut moved = exact.clone();
        moved[index] *= 1.0 + 2.0 * EPS;
        (expr.evaluate::<f64>(&moved) - value).abs()
    };
    (0..operands.len()).map(moved).sum()
}
