//! Twin of the kernel `reduce`: consecutive rows become one.

use super::real::Real;
use crate::graph::Reduction;

/// The largest value with its place, that of the first where there are several. NaN is the largest of all,
/// so that what diverged shows.
pub(crate) fn first_largest(values: impl Iterator<Item = f64>) -> (usize, f64) {
    let larger = |x: f64, than: f64| x > than || x.is_nan() && !than.is_nan();
    values
        .enumerate()
        .reduce(|first, next| if larger(next.1, first.1) { next } else { first })
        .unwrap_or((0, f64::NEG_INFINITY))
}

/// `x [n · axis, columns] → [n, columns]`: over each `axis` consecutive rows, column by column.
pub fn value<T: Real>(function: Reduction, x: &[T], axis: usize, columns: usize) -> Vec<T> {
    let group = |rows: &[T]| -> Vec<T> {
        let column = |c: usize| rows.iter().skip(c).step_by(columns).map(|x| x.wide());
        let reduced = (0..columns).map(|c| match function {
            Reduction::Sum => column(c).sum(),
            Reduction::LogSumExp => {
                let largest = column(c).fold(f64::NEG_INFINITY, f64::max);
                largest + column(c).map(|x| (x - largest).exp()).sum::<f64>().ln()
            }
            Reduction::Max => first_largest(column(c)).1,
            Reduction::ArgMax => first_largest(column(c)).0 as f64,
        });
        reduced.map(T::narrow).collect()
    };
    assert!(x.len().is_multiple_of(axis * columns), "reduce: lengths");
    x.chunks(axis * columns).flat_map(group).collect()
}
