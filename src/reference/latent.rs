//! Twin of the kernel `latent`: the reparameterization and the divergence, one after the other.

use super::real::Real;
use super::{kl, reparameterize};

/// z = μ + exp(½ log σ²)·ε, and KL(N(μ, σ²) ‖ N(0, 1)) per row, in nats.
///
/// `mu, logvar, eps [rows, columns] → z [rows, columns], rows [rows]`
pub fn value<T: Real>(mu: &[T], logvar: &[T], eps: &[T], shape: [usize; 2]) -> (Vec<T>, Vec<T>) {
    (
        reparameterize::value(mu, logvar, eps),
        kl::value(mu, logvar, shape),
    )
}
