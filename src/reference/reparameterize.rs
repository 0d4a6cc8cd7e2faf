//! Twin of the kernel `reparameterize` (Kingma and Welling 2013, section 2.4).

use super::kl::LOGVAR_MAX;
use super::real::Real;

/// z = μ + exp(½ logvar)·ε: `[len], [len], [len] → [len]`.
pub fn value<T: Real>(mu: &[T], logvar: &[T], eps: &[T]) -> Vec<T> {
    let len = mu.len();
    assert_eq!(
        [logvar.len(), eps.len()],
        [len; 2],
        "reparameterize: lengths"
    );
    (0..len)
        .map(|i| {
            let deviation = (0.5 * logvar[i].wide().min(LOGVAR_MAX)).exp();
            T::narrow(mu[i].wide() + deviation * eps[i].wide())
        })
        .collect()
}
