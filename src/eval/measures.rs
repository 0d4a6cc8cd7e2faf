//! What is known of how well a model does, as a list of named figures.

use serde::{Deserialize, Deserializer, Serialize};

use super::AGGREGATED;
use super::{Autoencoder, Bounds, Mean, active_units, mean_psnr, squared_errors, ssim, variances};
use crate::data::ImageSize;
use crate::executor::{ExecutorError, Rows};
use crate::model::{Likelihood, Prior};

/// A figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Its name: `nll`.
    pub name: String,
    /// Its value; a mean over the images where there is an error. What is not finite is null in JSON.
    #[serde(deserialize_with = "number")]
    pub value: f64,
    /// Its standard error over the images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<f64>,
    /// What it counts: `nats`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
}

/// Numbers, of which JSON has no NaN: for `deserialize_with`.
///
/// # Errors
/// Where there is something else.
pub fn numbers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    let values = Vec::<Option<f64>>::deserialize(deserializer)?;
    let values = values.into_iter().map(|value| value.unwrap_or(f64::NAN));
    Ok(values.collect())
}

/// A number likewise.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Option::deserialize(deserializer).map(|value| value.unwrap_or(f64::NAN))
}

impl Measure {
    /// A figure without an error.
    pub fn new(name: &str, value: f64, unit: &str) -> Self {
        Self {
            name: name.to_owned(),
            value,
            error: None,
            unit: unit.to_owned(),
        }
    }

    /// A mean with its error.
    pub fn mean(name: &str, mean: Mean, unit: &str) -> Self {
        Self {
            error: Some(mean.error),
            ..Self::new(name, mean.value, unit)
        }
    }
}

/// What the figures count.
pub const NATS: &str = "nats";

/// What is measured of a model's latent and its images, in the order in which it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Measures {
    /// The figures.
    pub list: Vec<Measure>,
    /// KL of each latent dimension in nats, where it has a closed form.
    pub kl_of_dimensions: Option<Vec<f64>>,
    /// The variance of μ over the images, of each latent dimension.
    pub variances: Vec<f64>,
    /// μ of each image, `[count, Z]`.
    pub mu: Vec<f32>,
}

impl Autoencoder {
    /// Measures the model with images as it sees them, of this size, by so many draws of z for each;
    /// `done` hears of how many images there are results. The executor's seed decides every digit.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// As [`Autoencoder::bounds`].
    pub fn measures(
        &mut self,
        rows: &Rows<'_>,
        size: ImageSize,
        samples: usize,
        done: &mut dyn FnMut(usize),
    ) -> Result<Measures, ExecutorError> {
        let labels = rows.labels.as_deref();
        let images = self.seen(rows.floats(0..rows.count()))?;
        let bounds = self.bounds(&images, labels, samples, done)?;
        let mut list = of_bounds(&bounds, samples);
        list.extend(self.bits(&bounds, &images));
        let dims = self.vae().config().latent_dim;
        // With labels in part the encoder reads a class, which is then the most probable one.
        let said = self.classify(&images)?;
        let said = said.map(|log_q| super::most_probable(&log_q, self.vae().config().classes));
        let labels = said.as_deref().or(labels);
        let encoded = self.encode(&images, labels)?;
        let variances = variances(&encoded.mu, dims);
        list.push(Measure::new(
            "active_units",
            active_units(&variances) as f64,
            &format!("of {dims}"),
        ));
        let (z, _) = self.draw(&images, labels, 0)?;
        if said.is_none()
            && let Some(information) = self.mutual_information(&z, &encoded)?
        {
            list.push(Measure::mean("mutual_information", information, NATS));
            // A prior of each label has no single q(z) to be near to.
            if self.vae().config().prior != Prior::Conditional {
                // Of the same images.
                let kl = Mean::of(bounds.kl.iter().take(AGGREGATED).copied()).value;
                let rest = kl - information.value;
                list.push(Measure::new("aggregate_kl", rest, NATS));
            }
        }
        let reconstructed = self.reconstruct(&images, labels)?;
        list.extend(self.of_pixels(&images, &reconstructed, size));
        Ok(Measures {
            list,
            kl_of_dimensions: bounds.kl_each,
            variances,
            mu: encoded.mu,
        })
    }

    /// Images as the model's encoder meets them: pixels are drawn once where the model draws them.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn seen(&mut self, images: Vec<f32>) -> Result<Vec<f32>, ExecutorError> {
        if !self.vae().config().draws_pixels {
            return Ok(images);
        }
        let dim = self.vae().config().input_dim;
        let (graph, x) = self.vae().seen_graph(self.chunk());
        Ok(self
            .run_rows(graph, &[(x, &images, dim)], 0)?
            .swap_remove(0))
    }

    /// Bits for each value, where the likelihood is a probability of levels.
    fn bits(&self, bounds: &Bounds, images: &[f32]) -> Option<Measure> {
        let config = self.vae().config();
        let of_levels = match config.likelihood {
            Likelihood::Categorical | Likelihood::DiscretisedLogistic => true,
            // Of grey pixels it is no probability.
            Likelihood::Bernoulli => images.iter().all(|&pixel| pixel == 0.0 || pixel == 1.0),
            _ => false,
        };
        let per_value = 1.0 / (config.input_dim as f64 * std::f64::consts::LN_2);
        let bits = Mean::of(bounds.nll.iter().map(|nll| nll * per_value));
        of_levels.then(|| Measure::mean("bits_per_dimension", bits, "bits"))
    }

    /// How near reconstructions are. The ratio and the structure are of images whose values are shades from 0 to 1.
    fn of_pixels(&self, images: &[f32], reconstructed: &[f32], size: ImageSize) -> Vec<Measure> {
        let dim = self.vae().config().input_dim;
        if self.vae().config().table.is_some() {
            // Of values of several kinds there is no one mean.
            return Vec::new();
        }
        let errors: Vec<_> = squared_errors(images, reconstructed, dim).collect();
        let mut list = vec![Measure::mean("mse", Mean::of(errors.iter().copied()), "")];
        let are_shades = images.iter().all(|value| (0.0..=1.0).contains(value));
        if !are_shades
            || self.vae().config().likelihood.is_of_counts()
            || size.height == 1
            || size.width == 1
        {
            return list;
        }
        list.extend(mean_psnr(&errors).map(|psnr| Measure::mean("psnr", psnr, "dB")));
        let pairs = images.chunks(dim).zip(reconstructed.chunks(dim));
        let found: Option<Vec<_>> = pairs.map(|(a, b)| ssim(a, b, size)).collect();
        list.extend(found.map(|ssim| Measure::mean("ssim", Mean::of(ssim), "")));
        list
    }
}

/// The figures of the bounds.
fn of_bounds(bounds: &Bounds, samples: usize) -> Vec<Measure> {
    let mean = |of: &[f64]| Mean::of(of.iter().copied());
    let mut list = vec![
        Measure::mean("negative_elbo", Mean::of(bounds.negative_elbo()), NATS),
        Measure::mean("reconstruction", mean(&bounds.recon), NATS),
        Measure::mean("kl", mean(&bounds.kl), NATS),
    ];
    if bounds.layers.len() > 1 {
        let layers = (1..).zip(&bounds.layers);
        list.extend(
            layers.map(|(layer, of)| Measure::mean(&format!("kl_{layer}"), mean(of), NATS)),
        );
    }
    if samples > 1 {
        list.push(Measure::mean("nll", mean(&bounds.nll), NATS));
        list.push(Measure::mean("gap", bounds.gap(), NATS));
    }
    list
}
