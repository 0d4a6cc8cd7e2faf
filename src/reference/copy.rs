//! Twin of the kernel `copy`: rows side by side, and parts of rows.

use super::real::Real;

/// `[rows, m], [rows, n], … → [rows, m + n + …]`: each part with its columns.
pub fn concat<T: Real>(parts: &[(&[T], usize)], rows: usize) -> Vec<T> {
    let row = |row: usize| {
        let columns = |&(part, columns): &(&[T], usize)| part[row * columns..][..columns].to_vec();
        parts.iter().flat_map(columns).collect::<Vec<_>>()
    };
    (0..rows).flat_map(row).collect()
}

/// `x [rows, n] → [rows, columns]`, from column `first` on.
pub fn slice<T: Real>(x: &[T], [rows, n]: [usize; 2], first: usize, columns: usize) -> Vec<T> {
    let row = |row: usize| x[row * n + first..][..columns].to_vec();
    (0..rows).flat_map(row).collect()
}
