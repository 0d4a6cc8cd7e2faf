//! The mutual information gap (Chen et al. 2018, "Isolating Sources of Disentanglement in Variational
//! Autoencoders", section 4.1).
//!
//! MIG = (1/K) Σ_k (I(z_j; v_k) − max_{i ≠ j} I(z_i; v_k)) / H(v_k), with j the latent that knows most of the
//! factor v_k. 1 where each factor is known by one latent alone, 0 where two latents know as much of it.
//!
//! As in disentanglement_lib, I is that of μ in a histogram of 20 bins of equal width and of the factor's values.
//! The paper estimates the information of draws of q(z | x) instead, whose densities it averages over all images.

use super::discrete::{binned, entropy, mutual_information};
use super::{Known, Problem};

/// Bins of a histogram.
const BINS: usize = 20;

/// The score, of all images.
pub(super) fn score(problem: &Problem) -> f64 {
    super::mean(
        known(problem)
            .iter()
            .map(|factor| super::gap(factor.information.iter().copied())),
    )
}

/// I(z; v) / H(v) of each factor v and each latent z.
pub(super) fn known(problem: &Problem) -> Vec<Known> {
    let codes: Vec<Vec<u32>> = (0..problem.latents)
        .map(|latent| binned(&problem.code(latent), BINS))
        .collect();
    let factors = problem.factors.iter().map(|factor| {
        let entropy = entropy(&factor.values);
        let share = |code: &Vec<u32>| mutual_information(code, &factor.values) / entropy;
        Known {
            name: factor.name.to_owned(),
            information: codes.iter().map(share).collect(),
        }
    });
    factors.collect()
}
