//! Twin of the kernel `reparameterize_grad`: the adjoint with respect to logvar; that of mu is d_z
//! itself.

use super::kl::LOGVAR_MAX;
use super::real::Real;

/// d_logvar = d_z · ½ exp(½ logvar)·ε: `[len], [len], [len] → [len]`.
///
/// The clamp of logvar passes the gradient on, so that a value beyond it can come back.
pub fn gradient<T: Real>(d_z: &[T], logvar: &[T], eps: &[T]) -> Vec<T> {
    let len = d_z.len();
    assert_eq!(
        [logvar.len(), eps.len()],
        [len; 2],
        "reparameterize_grad: lengths"
    );
    (0..len)
        .map(|i| {
            let deviation = (0.5 * logvar[i].wide().min(LOGVAR_MAX)).exp();
            T::narrow(d_z[i].wide() * 0.5 * deviation * eps[i].wide())
        })
        .collect()
}
