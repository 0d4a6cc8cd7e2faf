//! Twin of the kernel `add`: elementwise sum.

use super::real::Real;

/// a + b: `[len], [len] → [len]`.
pub fn value<T: Real>(a: &[T], b: &[T]) -> Vec<T> {
    assert_eq!(a.len(), b.len(), "add: a and b");
    a.iter()
        .zip(b)
        .map(|(&a, &b)| T::narrow(a.wide() + b.wide()))
        .collect()
}
