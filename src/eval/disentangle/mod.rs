//! How well the latents of a model keep apart what its images were made from.
//!
//! Each score compares a representation, μ of each image, with the factors of the images
//! ([`Factors`]): is each factor in one latent, and only one factor in each latent? Definitions are
//! those of disentanglement_lib (Locatello et al. 2019, "Challenging Common Assumptions in the
//! Unsupervised Learning of Disentangled Representations"), whose settings are the defaults;
//! `docs/disentanglement.md` says where they differ from a paper's.
//!
//! All are between 0 and 1, more is better; the seed decides every digit.

use rand::seq::SliceRandom;
use serde::Serialize;

use super::Measure;
use crate::data::Factors;
use crate::rng::{Philox, Stream};

mod beta_vae;
mod dci;
mod discrete;
mod factor_vae;
mod logistic;
mod mig;
mod sap;
mod svm;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod theory;
mod trees;

pub(super) use trees::Boosted;

/// Fewer images than this say nothing.
pub const LEAST_IMAGES: usize = 100;

/// How much is drawn for the scores; the default is what disentanglement_lib's study drew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Samples {
    /// Images, votes or points that a predictor learns from. Of images, two thirds of what there are at most.
    pub train: usize,
    /// Those that it is measured with. Of images, others than the former, as many as are left at most.
    pub test: usize,
    /// Images, or pairs of them, of one vote or point.
    pub batch: usize,
}

impl Default for Samples {
    fn default() -> Self {
        Self {
            train: 10_000,
            test: 5_000,
            batch: 64,
        }
    }
}

/// The scores of a representation.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Scores {
    /// The β-VAE score (Higgins et al. 2017).
    pub beta_vae: f64,
    /// The FactorVAE score (Kim and Mnih 2018).
    pub factor_vae: f64,
    /// The mutual information gap (Chen et al. 2018).
    pub mig: f64,
    /// Separated attribute predictability (Kumar et al. 2018) by classification, as in disentanglement_lib.
    pub sap: f64,
    /// The same by regression on the number of a factor's value.
    pub sap_regression: f64,
    /// DCI (Eastwood and Williams 2018): whether a latent predicts one factor.
    pub disentanglement: f64,
    /// DCI: whether a factor is predicted by one latent.
    pub completeness: f64,
    /// DCI: the share of values that all latents together predict.
    pub informativeness: f64,
    /// What each latent knows of each factor that varies.
    pub factors: Vec<Known>,
}

/// What each latent knows of a factor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Known {
    /// The factor's name.
    pub name: String,
    /// I(z; v) / H(v) of each latent, as MIG has it: `[latents]`.
    pub information: Vec<f64>,
}

impl Scores {
    /// The scores as figures, in the order of the fields.
    pub fn measures(&self) -> [Measure; 8] {
        [
            ("beta_vae_score", self.beta_vae),
            ("factor_vae_score", self.factor_vae),
            ("mig", self.mig),
            ("sap", self.sap),
            ("sap_regression", self.sap_regression),
            ("dci_disentanglement", self.disentanglement),
            ("dci_completeness", self.completeness),
            ("dci_informativeness", self.informativeness),
        ]
        .map(|(name, value)| Measure::new(name, value, ""))
    }
}

/// Why there are no scores.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DisentangleError {
    /// The representation is not of the images that the factors are of.
    #[error(
        "{values} values are not the representation of {images} images with {latents} latents each"
    )]
    Size {
        /// Values that the representation has.
        values: usize,
        /// Latents of an image.
        latents: usize,
        /// Images that the factors are of.
        images: usize,
    },
    /// There are too few images.
    #[error(
        "scores of disentanglement of {images} images say nothing: take at least {LEAST_IMAGES}"
    )]
    TooFew {
        /// How many there are.
        images: usize,
    },
    /// No factor differs from image to image.
    #[error(
        "no factor differs among these {images} images, so that there is nothing to keep apart; take others"
    )]
    NothingVaries {
        /// How many there are.
        images: usize,
    },
    /// A value is NaN or infinite.
    #[error(
        "latent {latent} of image {image} is {value}; a model whose training diverged has no scores"
    )]
    NotFinite {
        /// The image's number.
        image: usize,
        /// The latent's number.
        latent: usize,
        /// What it is.
        value: f32,
    },
}

/// The scores of a representation `mu`, `[count, latents]`, of the images that `factors` are of.
///
/// Factors that are the same in all images are left out. Where the images are every combination of
/// the factors' values, as those of [`crate::data::shapes::all`], the scores are the published ones but
/// for what [`Samples`] says; of other images, a batch with one factor fixed is drawn among those that
/// have its value.
///
/// Most of the time goes to DCI's trees, of which there are 100 for each value of a factor: some seconds
/// for ten latents and the default of 10,000 images.
///
/// # Errors
/// [`DisentangleError`], where a value is not finite, or there are too few images or factors.
pub fn scores(
    mu: &[f32],
    latents: usize,
    factors: &Factors,
    samples: Samples,
    seed: u64,
) -> Result<Scores, DisentangleError> {
    let problem = Problem::new(mu, latents, factors)?;
    let order = problem.order(seed);
    let (train, test) = problem.parts(&order, samples);
    let learnt = dci::learn(&problem, train, test, seed);
    Ok(Scores {
        beta_vae: beta_vae::score(&problem, samples, seed),
        factor_vae: factor_vae::score(&problem, samples, seed),
        mig: mig::score(&problem),
        sap: sap::score(&problem, train, test, sap::Predictor::Classes),
        sap_regression: sap::score(&problem, train, test, sap::Predictor::Numbers),
        disentanglement: learnt.disentanglement(),
        completeness: learnt.completeness(),
        informativeness: learnt.informativeness,
        factors: mig::known(&problem),
    })
}

/// A representation, and the factors that vary.
struct Problem<'a> {
    mu: &'a [f32],
    latents: usize,
    images: usize,
    factors: Vec<Factor<'a>>,
}

/// A factor of at least two values.
struct Factor<'a> {
    name: &'a str,
    /// How many values are met.
    size: usize,
    /// The number of each image's value among these: `[images]`.
    values: Vec<u32>,
}

impl<'a> Problem<'a> {
    fn new(mu: &'a [f32], latents: usize, factors: &'a Factors) -> Result<Self, DisentangleError> {
        let images = factors.count();
        if latents == 0 || mu.len() != images * latents {
            return Err(DisentangleError::Size {
                values: mu.len(),
                latents,
                images,
            });
        }
        if images < LEAST_IMAGES {
            return Err(DisentangleError::TooFew { images });
        }
        if let Some(index) = mu.iter().position(|value| !value.is_finite()) {
            return Err(DisentangleError::NotFinite {
                image: index / latents,
                latent: index % latents,
                value: mu[index],
            });
        }
        let named = factors.names.iter().enumerate();
        let met = named.map(|(index, name)| Factor::new(name, factors.of(index).collect()));
        let varying: Vec<_> = met.filter(|factor| factor.size > 1).collect();
        if varying.is_empty() {
            return Err(DisentangleError::NothingVaries { images });
        }
        Ok(Self {
            mu,
            latents,
            images,
            factors: varying,
        })
    }

    /// One latent of all images.
    fn code(&self, latent: usize) -> Vec<f64> {
        let values = self.mu.iter().skip(latent).step_by(self.latents);
        values.map(|&value| value.into()).collect()
    }

    /// All latents of an image.
    fn row(&self, image: usize) -> &[f32] {
        &self.mu[image * self.latents..][..self.latents]
    }

    /// The images' numbers in an order of the seed.
    fn order(&self, seed: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.images).collect();
        order.shuffle(&mut generator(seed, Draws::Parts));
        order
    }

    /// The images that a predictor learns from, and others that it is measured with.
    fn parts<'b>(&self, order: &'b [usize], samples: Samples) -> (Part<'b>, Part<'b>) {
        let (train, rest) = order.split_at(samples.train.min(2 * self.images / 3));
        (Part(train), Part(&rest[..samples.test.min(rest.len())]))
    }
}

impl<'a> Factor<'a> {
    fn new(name: &'a str, mut values: Vec<u32>) -> Self {
        let mut met = values.clone();
        met.sort_unstable();
        met.dedup();
        for value in &mut values {
            *value = met.partition_point(|other| other < value) as u32;
        }
        let size = met.len();
        Self { name, size, values }
    }

    /// The images of each value.
    fn images(&self) -> Vec<Vec<usize>> {
        let mut images = vec![Vec::new(); self.size];
        for (image, &value) in self.values.iter().enumerate() {
            images[value as usize].push(image);
        }
        images
    }
}

/// Some of the images, by their numbers.
#[derive(Clone, Copy)]
struct Part<'a>(&'a [usize]);

impl Part<'_> {
    fn of<T: Copy>(self, values: &[T]) -> Vec<T> {
        self.0.iter().map(|&image| values[image]).collect()
    }
}

/// What is drawn, the counter of the stream.
#[derive(Clone, Copy)]
enum Draws {
    Parts = 0,
    Votes = 1,
    Differences = 2,
    /// And what follows: one for each factor.
    Trees = 3,
}

fn generator(seed: u64, draws: Draws) -> Philox {
    Philox::new(seed, Stream::Disentanglement, draws as u64)
}

/// How far the greatest is above the next; above 0 where there is no other.
fn gap(values: impl Iterator<Item = f64>) -> f64 {
    let [mut first, mut second] = [0.0; 2];
    for value in values {
        if value > first {
            (first, second) = (value, first);
        } else if value > second {
            second = value;
        }
    }
    first - second
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}
