//! The β-VAE score (Higgins et al. 2017, "beta-VAE: Learning Basic Visual Concepts with a Constrained Variational
//! Framework", section 3).
//!
//! A point: a factor is drawn and pairs of images, each of which has one value of it. |μ − μ′| of each latent, its
//! mean over the pairs, says which factor it was: a linear classifier learns it from some points, and the score is
//! the share of further points of which it is right.
//!
//! As in disentanglement_lib a point has 64 pairs, and the classifier is a logistic regression with the penalty
//! ½‖W‖² beside the sum of its losses.

use rand::RngExt;

use super::logistic::Logistic;
use super::{Draws, Problem, Samples, generator};

/// What a classifier learns from: points `[points, latents]` and the factor of each.
pub(super) struct Points {
    pub(super) points: Vec<f64>,
    pub(super) factors: Vec<u32>,
}

pub(super) fn score(problem: &Problem, samples: Samples, seed: u64) -> f64 {
    let mut rng = generator(seed, Draws::Differences);
    let by_value: Vec<_> = problem.factors.iter().map(super::Factor::images).collect();
    let mut drawn = |count: usize| {
        let mut all = Points {
            points: Vec::with_capacity(count * problem.latents),
            factors: Vec::with_capacity(count),
        };
        for _ in 0..count {
            let factor = rng.random_range(0..by_value.len());
            let pairs = (0..samples.batch).map(|_| {
                let first = rng.random_range(0..problem.images);
                let value = problem.factors[factor].values[first];
                let among = &by_value[factor][value as usize];
                [first, among[rng.random_range(0..among.len())]]
            });
            all.points.extend(point(problem, pairs));
            all.factors.push(factor as u32);
        }
        all
    };
    let (train, test) = (drawn(samples.train), drawn(samples.test));
    accuracy(problem, &train, &test)
}

/// The share of `test`'s factors that a classifier finds which learnt from `train`.
pub(super) fn accuracy(problem: &Problem, train: &Points, test: &Points) -> f64 {
    let classes = problem.factors.len();
    let logistic = Logistic::fit(&train.points, problem.latents, &train.factors, classes);
    let points = test.points.chunks(problem.latents).zip(&test.factors);
    let right = points.filter(|(point, factor)| logistic.predict(point) == **factor);
    right.count() as f64 / test.factors.len().max(1) as f64
}

/// The mean of |μ − μ′| over pairs of images: `[latents]`.
pub(super) fn point(
    problem: &Problem,
    pairs: impl ExactSizeIterator<Item = [usize; 2]>,
) -> Vec<f64> {
    let count = pairs.len() as f64;
    let mut sums = vec![0.0; problem.latents];
    for pair in pairs {
        let [a, b] = pair.map(|image| problem.row(image));
        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum += (f64::from(a) - f64::from(b)).abs();
        }
    }
    sums.iter().map(|sum| sum / count).collect()
}
