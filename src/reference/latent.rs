//! Twin of the kernel `latent`: the reparameterization (Kingma and Welling 2013, section 2.4) and the
//! divergence from the standard normal (appendix B).

use super::real::Real;

/// Where log σ² is held: beyond it exp overflows in f32. The gradient passes.
pub(super) const LOGVAR_MAX: f64 = 80.0;

/// z = μ + exp(½ log σ²)·ε, and KL(N(μ, σ²) ‖ N(0, 1)) = ½ Σ_c μ² + σ² − 1 − log σ² per row, in nats.
///
/// `mu, logvar, eps [rows, columns] → z [rows, columns], rows [rows]`
pub fn value<T: Real>(
    mu: &[T],
    logvar: &[T],
    eps: &[T],
    [rows, columns]: [usize; 2],
) -> (Vec<T>, Vec<T>) {
    let lengths = [mu.len(), logvar.len(), eps.len()];
    assert_eq!(lengths, [rows * columns; 3], "latent: lengths");
    let mut z = Vec::with_capacity(rows * columns);
    let mut divergences = Vec::with_capacity(rows);
    for row in 0..rows {
        let mut total = 0.0;
        for i in row * columns..(row + 1) * columns {
            let (m, l) = (mu[i].wide(), logvar[i].wide());
            let held = l.min(LOGVAR_MAX);
            z.push(T::narrow(m + (0.5 * held).exp() * eps[i].wide()));
            total += 0.5 * (m * m + (held.exp_m1() - l));
        }
        divergences.push(T::narrow(total));
    }
    (z, divergences)
}
