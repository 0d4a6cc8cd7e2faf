//! Twin of the kernel `step_losses`: the losses of whole steps from those of their rows.

use std::ops::Range;

use super::objective;
use super::real::Real;
use crate::kernels::rows::Log;

/// The lines `[entries, 1 + terms]` of these entries: each the objective, then its terms.
///
/// `rows` is `[terms, entries, stride]`, of which the first `batch` of each entry count; `weights`
/// has a factor for each term. The result stays in `f64`, as that of [`objective::value`].
pub fn value<T: Real>(
    rows: &[T],
    weights: &[f32],
    batch: usize,
    log: Log,
    entries: Range<usize>,
) -> Vec<f64> {
    let line = |entry: usize| {
        let term = |(term, &weight): (usize, &f32)| {
            let first = (term * log.entries + entry) * log.stride;
            (weight, &rows[first..first + batch])
        };
        let terms: Vec<_> = weights.iter().enumerate().map(term).collect();
        objective::value(&terms)
    };
    entries.flat_map(line).collect()
}
