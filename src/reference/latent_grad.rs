//! Twin of the kernel `latent_grad`: the adjoints of reparameterization and divergence, summed.

use super::latent::LOGVAR_MAX;
use super::real::Real;

/// d_mu = d_z + d_rows·μ and d_logvar = d_z·½σε + d_rows·½(σ² − 1).
///
/// `mu, logvar, eps, d_z [rows, columns], d_rows [rows] → d_mu, d_logvar [rows, columns]`
pub fn gradient<T: Real>(
    [mu, logvar, eps]: [&[T]; 3],
    d_z: &[T],
    d_rows: &[T],
    [rows, columns]: [usize; 2],
) -> (Vec<T>, Vec<T>) {
    let lengths = [mu.len(), logvar.len(), eps.len(), d_z.len()];
    assert_eq!(lengths, [rows * columns; 4], "latent_grad: lengths");
    assert_eq!(d_rows.len(), rows, "latent_grad: d_rows");
    let mut d_mu = Vec::with_capacity(rows * columns);
    let mut d_logvar = Vec::with_capacity(rows * columns);
    for (row, upstream) in d_rows.iter().enumerate() {
        let upstream = upstream.wide();
        for i in row * columns..(row + 1) * columns {
            let (d_z, held) = (d_z[i].wide(), logvar[i].wide().min(LOGVAR_MAX));
            d_mu.push(T::narrow(d_z + upstream * mu[i].wide()));
            let through_z = d_z * 0.5 * (0.5 * held).exp() * eps[i].wide();
            d_logvar.push(T::narrow(through_z + upstream * 0.5 * held.exp_m1()));
        }
    }
    (d_mu, d_logvar)
}
