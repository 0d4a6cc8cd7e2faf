//! Twin of the kernel `gradient_norm`: the Euclidean norm of all gradients together.

use super::real::Real;

/// √(Σ g²) over all elements of all gradients.
pub fn value<'a, T: Real + 'a>(gradients: impl IntoIterator<Item = &'a [T]>) -> f64 {
    let elements = gradients.into_iter().flatten();
    elements.map(|g| g.wide().powi(2)).sum::<f64>().sqrt()
}
