//! Twin of the kernel `kl`: KL divergence of a diagonal Gaussian from the standard normal (Kingma
//! and Welling 2013, appendix B), and its gradients.

use super::real::Real;

/// Where `exp(logvar)` is held: beyond it f32 overflows. The gradient passes.
pub const LOGVAR_MAX: f64 = 80.0;

/// rows\[r\] = ½ Σ_c μ² + exp(logvar) − 1 − logvar, in nats.
///
/// `mu [rows, columns], logvar [rows, columns] → [rows]`
pub fn value<T: Real>(mu: &[T], logvar: &[T], [rows, columns]: [usize; 2]) -> Vec<T> {
    assert_eq!([mu.len(), logvar.len()], [rows * columns; 2], "kl: lengths");
    let mut out = Vec::with_capacity(rows);
    for row in 0..rows {
        let mut total = 0.0;
        for i in row * columns..(row + 1) * columns {
            let (m, l) = (mu[i].wide(), logvar[i].wide());
            total += 0.5 * (m * m + (l.min(LOGVAR_MAX).exp_m1() - l));
        }
        out.push(T::narrow(total));
    }
    out
}

/// d_mu = d_rows · μ and d_logvar = d_rows · ½ (exp(logvar) − 1).
///
/// `mu [rows, columns], logvar [rows, columns], d_rows [rows] → d_mu, d_logvar [rows, columns]`
pub fn gradient<T: Real>(
    mu: &[T],
    logvar: &[T],
    d_rows: &[T],
    [rows, columns]: [usize; 2],
) -> (Vec<T>, Vec<T>) {
    assert_eq!([mu.len(), logvar.len()], [rows * columns; 2], "kl: lengths");
    assert_eq!(d_rows.len(), rows, "kl: d_rows");
    let mut d_mu = Vec::with_capacity(rows * columns);
    let mut d_logvar = Vec::with_capacity(rows * columns);
    for (row, d_row) in d_rows.iter().enumerate() {
        let upstream = d_row.wide();
        for i in row * columns..(row + 1) * columns {
            d_mu.push(T::narrow(upstream * mu[i].wide()));
            d_logvar.push(T::narrow(
                upstream * 0.5 * logvar[i].wide().min(LOGVAR_MAX).exp_m1(),
            ));
        }
    }
    (d_mu, d_logvar)
}
