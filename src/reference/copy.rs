//! Twin of the kernel `copy`: rows side by side, and parts of rows.

use super::real::Real;

/// `a [rows, m], b [rows, n] → [rows, m + n]`.
pub fn concat<T: Real>(a: &[T], b: &[T], [rows, m]: [usize; 2], [_, n]: [usize; 2]) -> Vec<T> {
    let row = |row: usize| [&a[row * m..][..m], &b[row * n..][..n]].concat();
    (0..rows).flat_map(row).collect()
}

/// `x [rows, n] → [rows, columns]`, from column `first` on.
pub fn slice<T: Real>(x: &[T], [rows, n]: [usize; 2], first: usize, columns: usize) -> Vec<T> {
    let row = |row: usize| x[row * n + first..][..columns].to_vec();
    (0..rows).flat_map(row).collect()
}
