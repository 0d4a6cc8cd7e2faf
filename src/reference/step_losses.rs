//! Twin of the kernel `step_losses`: the losses of whole steps from those of their rows.

use std::ops::Range;

use super::objective;
use super::real::Real;
use crate::kernels::rows::Log;

/// The lines `[entries, 1 + terms]` of these entries: each the objective, then its terms.
///
/// `rows` is `[terms, entries, shares, batch]` as [`Log`] says; of each share the first `batch`
/// count. `weights` has a factor for each term. The result stays in `f64`, as that of
/// [`objective::value`].
pub fn value<T: Real>(
    rows: &[T],
    weights: &[f32],
    batch: usize,
    log: Log,
    entries: Range<usize>,
) -> Vec<f64> {
    let row = |first: usize| {
        let shares = (0..log.shares).map(|share| rows[first + share * log.batch].wide());
        shares.sum::<f64>()
    };
    let line = |entry: usize| {
        let term = |term: usize| {
            let first = term * log.term() + entry * log.entry();
            (first..first + batch).map(row).collect::<Vec<f64>>()
        };
        let terms: Vec<_> = (0..weights.len()).map(term).collect();
        let weighted = weights.iter().copied().zip(terms.iter().map(Vec::as_slice));
        objective::value(&weighted.collect::<Vec<_>>())
    };
    entries.flat_map(line).collect()
}
