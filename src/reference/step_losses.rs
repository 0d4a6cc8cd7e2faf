//! Twin of the kernel `step_losses`: the losses of whole steps from those of their rows.

use std::ops::Range;

use super::objective;
use super::real::Real;
use crate::graph::Ramp;
use crate::kernels::rows::Log;
use crate::kernels::{State, Term};

/// The lines `[entries, 1 + terms]` of these entries: each the objective, then its terms.
///
/// `rows` is `[terms, entries, column_groups, batch]` as [`Log`] says; of each group the first `batch`
/// count. `state` is where the loop stands after the last entry that is written. The result stays in
/// `f64`, as that of [`objective::value`].
pub fn value<T: Real>(
    rows: &[T],
    terms: &[Term],
    batch: usize,
    log: Log,
    entries: Range<usize>,
    state: State,
) -> Vec<f64> {
    let row = |first: usize| {
        let sum = |group: usize| rows[first + group * log.batch].wide();
        (0..log.column_groups).map(sum).sum::<f64>()
    };
    let line = |entry: usize| {
        let step = state.step - (state.entry - entry as u32);
        let term = |(index, term): (usize, &Term)| {
            let [steps, period] = term.ramp;
            let weight = f64::from(term.weight) * Ramp { steps, period }.at(step);
            let first = index * log.term() + entry * log.entry();
            (
                weight,
                (first..first + batch).map(row).collect::<Vec<f64>>(),
            )
        };
        let terms: Vec<_> = terms.iter().enumerate().map(term).collect();
        let terms: Vec<_> = terms
            .iter()
            .map(|(weight, rows)| (*weight, rows.as_slice()))
            .collect();
        objective::value(&terms)
    };
    entries.flat_map(line).collect()
}
