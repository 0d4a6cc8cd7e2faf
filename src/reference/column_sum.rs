//! Twin of the kernel `column_sum`: the sum of a matrix's rows.

use super::real::Real;

/// sum\[n\] = Σ_m a\[m, n\]: `[rows, columns] → [columns]`.
pub fn value<T: Real>(a: &[T], [rows, columns]: [usize; 2]) -> Vec<T> {
    assert_eq!(a.len(), rows * columns, "column_sum: length");
    let mut sum = vec![0.0; columns];
    for row in 0..rows {
        for column in 0..columns {
            sum[column] += a[row * columns + column].wide();
        }
    }
    sum.into_iter().map(T::narrow).collect()
}
