//! Twin of the kernel `one_hot`: labels as rows with a 1 in their column.

use super::real::Real;

/// The labels of `rows` images from `position` on in `order`: `[rows, classes]`.
pub fn value<T: Real>(
    labels: &[u8],
    order: &[u32],
    position: usize,
    [rows, classes]: [usize; 2],
) -> Vec<T> {
    let mut out = vec![T::zero(); rows * classes];
    for (row, &image) in out.chunks_mut(classes).zip(&order[position..]) {
        row[usize::from(labels[image as usize])] = T::one();
    }
    out
}
