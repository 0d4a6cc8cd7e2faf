//! Twin of the kernel `latent_grad`: the adjoints of reparameterization and divergence, summed.

use super::real::Real;
use super::{add, kl, reparameterize_grad};

/// d_mu = d_z + d_rows·μ and d_logvar = d_z·½σε + d_rows·½(σ² − 1).
///
/// `mu, logvar, eps, d_z [rows, columns], d_rows [rows] → d_mu, d_logvar [rows, columns]`
pub fn gradient<T: Real>(
    [mu, logvar, eps]: [&[T]; 3],
    d_z: &[T],
    d_rows: &[T],
    shape: [usize; 2],
) -> (Vec<T>, Vec<T>) {
    let (d_mu, d_logvar) = kl::gradient(mu, logvar, d_rows, shape);
    let through_z = reparameterize_grad::gradient(d_z, logvar, eps);
    (add::value(d_z, &d_mu), add::value(&through_z, &d_logvar))
}
