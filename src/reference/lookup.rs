//! Twin of the kernel `lookup`: rows of a table by their numbers.

use super::real::Real;

/// `table [N, columns], index [rows] → [rows, columns]`, with an index outside as the nearest inside.
pub fn value<T: Real>(table: &[T], index: &[T], columns: usize) -> Vec<T> {
    let last = table.len() / columns - 1;
    let row = |at: &T| {
        let row = row(at.wide(), last);
        &table[row * columns..][..columns]
    };
    index.iter().flat_map(row).copied().collect()
}

/// The row that an index means, of rows up to the last.
pub(crate) fn row(index: f64, last: usize) -> usize {
    (index.max(0.0) as usize).min(last)
}
