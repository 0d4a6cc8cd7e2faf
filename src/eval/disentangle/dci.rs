//! Disentanglement, completeness and informativeness (Eastwood and Williams 2018, "A Framework for the Quantitative
//! Evaluation of Disentangled Representations", section 2).
//!
//! All latents together predict each factor, by a predictor that says how important each latent was: R `[latents,
//! factors]`, whose columns sum to 1.
//!
//! - Disentanglement is Σ_j ρ_j (1 − H_K(P_j)), with P_j the row of the latent j as a distribution over the K factors,
//!   H_K its entropy to the base K, and ρ_j the row's share of all importance.
//! - Completeness is the same of columns: Σ_k ρ_k (1 − H_Z(P_k)) over the Z latents.
//! - Informativeness is the share of other images' values that are predicted, its mean over the factors; the paper
//!   has the error.
//!
//! The predictor is disentanglement_lib's, gradient boosted trees (`trees.rs`). The paper's are a lasso and random
//! forests.

use super::trees::Boosted;
use super::{Draws, Part, Problem};
use crate::rng::{Philox, Stream};
use crate::threads;

/// What the predictors of all factors say.
pub(super) struct Learnt {
    /// R by columns: `[factors][latents]`.
    pub(super) importance: Vec<Vec<f64>>,
    pub(super) informativeness: f64,
}

impl Learnt {
    pub(super) fn disentanglement(&self) -> f64 {
        let latents = self.importance.first().map_or(0, Vec::len);
        let row = |latent: usize| {
            self.importance
                .iter()
                .map(|column| column[latent])
                .collect()
        };
        concentration(&(0..latents).map(row).collect::<Vec<_>>())
    }

    pub(super) fn completeness(&self) -> f64 {
        concentration(&self.importance)
    }
}

pub(super) fn learn(problem: &Problem, train: Part, test: Part, seed: u64) -> Learnt {
    let [known, asked] = [train, test].map(|part| -> Vec<Vec<f32>> {
        let code = |latent| {
            let row = |&image: &usize| problem.row(image)[latent];
            part.0.iter().map(row).collect()
        };
        (0..problem.latents).map(code).collect()
    });
    let of_factor = |&index: &usize| {
        let factor = &problem.factors[index];
        let mut rng = Philox::new(
            seed,
            Stream::Disentanglement,
            Draws::Trees as u64 + index as u64,
        );
        let boosted = Boosted::fit(
            &mut rng,
            &known,
            &train.of(&factor.values),
            factor.size,
            &asked,
        );
        let found = boosted.predicted.iter().zip(test.of(&factor.values));
        let right = found.filter(|(found, value)| *found == value).count();
        let accuracy = right as f64 / test.0.len() as f64;
        (boosted.importance, accuracy)
    };
    let numbers: Vec<usize> = (0..problem.factors.len()).collect();
    let (importance, accuracies): (Vec<_>, Vec<_>) =
        threads::map(&numbers, of_factor).into_iter().unzip();
    Learnt {
        importance,
        informativeness: super::mean(accuracies.into_iter()),
    }
}

/// 1 − the entropy of each row, to the base of its length, weighted by the row's share of the whole. Where nothing is
/// important, nothing is concentrated.
fn concentration(rows: &[Vec<f64>]) -> f64 {
    let whole: f64 = rows.iter().flatten().sum();
    let weighted = rows.iter().map(|row| {
        let sum: f64 = row.iter().sum();
        if sum <= 0.0 {
            return 0.0;
        }
        let shares = row.iter().map(|value| value / sum);
        let logs = shares.filter(|&share| share > 0.0).map(|p| p * p.ln());
        // The only one has an entropy of 0, of which the base is 1.
        let base = (row.len() as f64).ln();
        let entropy = if row.len() > 1 {
            -logs.sum::<f64>() / base
        } else {
            0.0
        };
        (1.0 - entropy) * sum / whole
    });
    weighted.sum()
}
