//! Separated attribute predictability (Kumar et al. 2018, "Variational Inference of Disentangled Latent Concepts
//! from Unlabeled Observations", section 3).
//!
//! SAP = (1/K) Σ_k (S_{j k} − max_{i ≠ j} S_{i k}), where S_{i k} says how well the latent i alone predicts the
//! factor k, and j is the best. By [`Predictor`] a prediction is
//!
//! - a class, and S the share of other images whose class is found by a linear support vector machine, as
//!   disentanglement_lib's study has it for all factors. Its classes are found one against the rest, each with a
//!   half-line of z: of factors with an order only the first and the last value are found, so that scores are low
//!   even where a latent is the factor itself;
//! - a number, and S the R² of a linear regression, as in the paper for factors with an order.

use super::svm::LinearSvm;
use super::{Part, Problem};

/// How a latent predicts a factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Predictor {
    /// Every factor by classification.
    Classes,
    /// Every factor by regression on the number of its value.
    Numbers,
}

/// The score; a classifier learns from `train` and is measured with `test`, a regression needs the former alone.
pub(super) fn score(problem: &Problem, train: Part, test: Part, predictor: Predictor) -> f64 {
    let codes: Vec<[Vec<f64>; 2]> = (0..problem.latents)
        .map(|latent| {
            let code = problem.code(latent);
            [train, test].map(|part| part.of(&code))
        })
        .collect();
    let gaps = problem.factors.iter().map(|factor| {
        let [known, asked] = [train, test].map(|part| part.of(&factor.values));
        let scores = codes.iter().map(|[code, other]| match predictor {
            Predictor::Numbers => determination(code, &known),
            Predictor::Classes => {
                let machine = LinearSvm::fit(code, &known, factor.size);
                let found = other.iter().zip(&asked);
                let right = found.filter(|&(&z, &value)| machine.predict(z) == value);
                right.count() as f64 / asked.len() as f64
            }
        });
        super::gap(scores)
    });
    super::mean(gaps)
}

/// R² of a linear regression of `values` on `code`: their squared correlation, 0 where the code hardly varies.
fn determination(code: &[f64], values: &[u32]) -> f64 {
    let n = code.len() as f64;
    let means = [
        code.iter().sum::<f64>() / n,
        values.iter().map(|&v| f64::from(v)).sum::<f64>() / n,
    ];
    let [mut zz, mut zv, mut vv] = [0.0; 3];
    for (&z, &v) in code.iter().zip(values) {
        let (z, v) = (z - means[0], f64::from(v) - means[1]);
        zz += z * z;
        zv += z * v;
        vv += v * v;
    }
    let varies = zz / (n - 1.0) > 1e-12 && vv > 0.0;
    if varies { zv * zv / (zz * vv) } else { 0.0 }
}
