//! The FactorVAE score (Kim and Mnih 2018, "Disentangling by Factorising", section 4).
//!
//! A vote: a factor is drawn and a batch of images in which it has one value. The latent whose variance in the
//! batch is the least, as a share of its variance over all images, votes for the factor. Of each latent, most of the
//! training's votes say which factor it stands for; the score is the share of further votes that are for that
//! factor.
//!
//! As in disentanglement_lib a batch has 64 images, and latents whose standard deviation is below 0.05 have no
//! vote. It estimates the variances from 10,000 images, while here they are those of all images; the paper draws 800
//! votes of 200 images and measures with the same votes.

use rand::RngExt;

use super::{Draws, Problem, Samples, generator};

/// The least standard deviation of a latent that votes.
const LEAST_DEVIATION: f64 = 0.05;

/// Images that have the same value of a factor.
pub(super) struct Batch {
    /// The factor's number.
    pub(super) factor: usize,
    /// The images' numbers.
    pub(super) images: Vec<usize>,
}

pub(super) fn score(problem: &Problem, samples: Samples, seed: u64) -> f64 {
    let mut rng = generator(seed, Draws::Votes);
    let by_value: Vec<_> = problem.factors.iter().map(super::Factor::images).collect();
    let mut batch = || {
        let factor = rng.random_range(0..by_value.len());
        let value = problem.factors[factor].values[rng.random_range(0..problem.images)];
        let among = &by_value[factor][value as usize];
        let images = (0..samples.batch).map(|_| among[rng.random_range(0..among.len())]);
        Batch {
            factor,
            images: images.collect(),
        }
    };
    let voters = Voters::of(problem);
    let train = voters.votes((0..samples.train).map(|_| batch()));
    let test = voters.votes((0..samples.test).map(|_| batch()));
    accuracy(&train, &test)
}

/// The share of `test`'s votes that are for the factor that most of `train`'s votes of the same latent are for; 0
/// where nobody votes. Both are `[factors][latents]`.
pub(super) fn accuracy(train: &[Vec<u32>], test: &[Vec<u32>]) -> f64 {
    let latents = train.first().map_or(0, Vec::len);
    let mut right = 0;
    for latent in 0..latents {
        let mut most = 0;
        for factor in 1..train.len() {
            if train[factor][latent] > train[most][latent] {
                most = factor;
            }
        }
        right += test[most][latent];
    }
    let all: u32 = test.iter().flatten().sum();
    f64::from(right) / f64::from(all.max(1))
}

/// The latents that vote, with their variances over all images.
pub(super) struct Voters<'a> {
    problem: &'a Problem<'a>,
    active: Vec<(usize, f64)>,
}

impl<'a> Voters<'a> {
    pub(super) fn of(problem: &'a Problem<'a>) -> Self {
        let variances = (0..problem.latents).map(|latent| variance(problem.code(latent)));
        let active = variances.enumerate();
        let active = active.filter(|(_, variance)| variance.sqrt() >= LEAST_DEVIATION);
        Self {
            problem,
            active: active.collect(),
        }
    }

    /// How often each latent votes for each factor: `[factors][latents]`.
    pub(super) fn votes(&self, batches: impl Iterator<Item = Batch>) -> Vec<Vec<u32>> {
        let mut votes = vec![vec![0; self.problem.latents]; self.problem.factors.len()];
        for batch in batches {
            let share = |&(latent, all): &(usize, f64)| {
                let values = batch.images.iter();
                let values = values.map(|&image| f64::from(self.problem.row(image)[latent]));
                (variance(values.collect()) / all, latent)
            };
            // The first of several.
            let least = self.active.iter().map(share);
            if let Some((_, latent)) = least.min_by(|a, b| a.0.total_cmp(&b.0)) {
                votes[batch.factor][latent] += 1;
            }
        }
        votes
    }
}

/// The variance of a sample: its n − 1 degrees of freedom.
fn variance(values: Vec<f64>) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares = values.iter().map(|value| (value - mean) * (value - mean));
    squares.sum::<f64>() / (n - 1.0)
}
