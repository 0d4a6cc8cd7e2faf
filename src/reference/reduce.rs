//! Twin of the kernel `reduce`: consecutive rows become one.

use super::real::Real;
use crate::graph::Reduction;

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
        });
        reduced.map(T::narrow).collect()
    };
    assert!(x.len().is_multiple_of(axis * columns), "reduce: lengths");
    x.chunks(axis * columns).flat_map(group).collect()
}
