//! What the latent says of images.

use super::{Autoencoder, Encoded, Mean};
use crate::executor::ExecutorError;

/// Variance of E[z_j | x] over the data above which a unit counts as active (Burda et al. 2016).
const ACTIVE: f64 = 0.01;
/// Images whose posteriors an aggregate posterior is the mean of, at the most.
pub const AGGREGATED: usize = 10_000;
/// Log densities that one run computes at the most.
const DENSITIES: usize = 1 << 22;
/// Draws of a run at the most.
const ROWS: usize = 256;

/// The variance of μ over the images of each dimension, with n in the denominator; `mu` is `[count, dims]`.
pub fn variances(mu: &[f32], dims: usize) -> Vec<f64> {
    let count = (mu.len() / dims.max(1)) as f64;
    let sum = |of: &dyn Fn(usize, f64) -> f64| {
        let mut sums = vec![0.0; dims];
        for row in mu.chunks(dims.max(1)) {
            for (dim, (sum, &value)) in sums.iter_mut().zip(row).enumerate() {
                *sum += of(dim, f64::from(value));
            }
        }
        sums.into_iter().map(|sum| sum / count).collect::<Vec<_>>()
    };
    let means = sum(&|_, value| value);
    sum(&|dim, value| (value - means[dim]).powi(2))
}

/// How many dimensions are active: Burda, Grosse and Salakhutdinov, *Importance Weighted Autoencoders* (2016).
pub fn active_units(variances: &[f64]) -> usize {
    variances.iter().filter(|&&of| of > ACTIVE).count()
}

impl Autoencoder {
    /// The mutual information of an image and its z under q, E[ln q(z | x) − ln q(z)], in nats: what the mean
    /// divergence has beside that of q(z) from the prior (Hoffman and Johnson, *ELBO surgery*, 2016). q(z) is the mean
    /// of q(z | x) over the images that `encoded` is of; of these the first [`AGGREGATED`] count, so that the
    /// information is at most the logarithm of their number. `z [count, Z]` has a draw from q(z | x) of each
    /// ([`Autoencoder::draw`]). `None` where q(z | x) has no density of a z that was drawn for another image.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// Where there are not as many draws as images.
    pub fn mutual_information(
        &mut self,
        z: &[f32],
        encoded: &Encoded,
    ) -> Result<Option<Mean>, ExecutorError> {
        let dims = self.vae().config().latent_dim;
        assert_eq!(z.len(), encoded.mu.len(), "draws of other images");
        let count = (z.len() / dims).min(AGGREGATED);
        let rows = (DENSITIES / count.max(1)).clamp(1, ROWS);
        let Some((graph, [of_z, of_mu, of_logvar])) = self.vae().aggregate_graph(rows, count)
        else {
            return Ok(None);
        };
        let [z, mu, logvar] = [z, &encoded.mu, &encoded.logvar].map(|of| &of[..count * dims]);
        let mut session = self.executor_mut().session(graph)?;
        let mut aggregate = Vec::with_capacity(count);
        let mut padded = vec![0.0; rows * dims];
        for (step, z) in (0..).zip(z.chunks(rows * dims)) {
            padded[..z.len()].copy_from_slice(z);
            let mut given = vec![(of_z, padded.as_slice())];
            if step == 0 {
                given.extend([(of_mu, mu), (of_logvar, logvar)]);
            }
            let nll = session.run(step, &given)?.tensors.swap_remove(0);
            aggregate.extend_from_slice(&nll[..z.len() / dims]);
        }
        let own = [z, mu, logvar].map(|of| of.chunks(dims));
        let [z, mu, logvar] = own;
        let own = z.zip(mu.zip(logvar)).map(|(z, (mu, logvar))| {
            let each = z.iter().zip(mu.iter().zip(logvar));
            each.map(|(&z, (&mu, &logvar))| log_density([z, mu, logvar].map(f64::from)))
                .sum::<f64>()
        });
        let gained = own.zip(&aggregate);
        Ok(Some(Mean::of(
            gained.map(|(own, &nll)| own + f64::from(nll)),
        )))
    }
}

/// ln N(z; μ, σ²) from z, μ and log σ².
fn log_density([z, mu, logvar]: [f64; 3]) -> f64 {
    let half_ln_tau = 0.5 * std::f64::consts::TAU.ln();
    -0.5 * (logvar + (z - mu).powi(2) * (-logvar).exp()) - half_ln_tau
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_with_a_variance_above_a_hundredth_are_active() {
        let mu = [0.0, 1.0, 5.0, 0.2, 1.0, 5.1, -0.2, 1.0, 5.3];
        let found = variances(&mu, 3);
        let expected = [0.08 / 3.0, 0.0, 0.14 / 3.0 / 3.0];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-7, "{found}, not {expected}");
        }
        assert_eq!(active_units(&found), 2);
        assert_eq!(active_units(&[0.01]), 0);
    }
}
