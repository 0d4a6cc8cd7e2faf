//! Twin of the kernel `objective`: the losses of a step.

use super::real::Real;

/// The objective Σ_t weight_t · mean(rows_t), then each term's mean(rows_t): `[1 + terms]`.
///
/// Each term is its weight at this step and its rows `[n]`. The result stays in `f64`: it is read by
/// people, and by gradient checks that divide a difference by a small step.
pub fn value<T: Real>(terms: &[(f64, &[T])]) -> Vec<f64> {
    let mut line = vec![0.0];
    for (weight, rows) in terms {
        let mean = rows.iter().map(|row| row.wide()).sum::<f64>() / rows.len() as f64;
        line[0] += *weight * mean;
        line.push(mean);
    }
    line
}
