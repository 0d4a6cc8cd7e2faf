//! Rows drawn from a model of a table: z from the prior, and each cell from what the decoder says of it.

use rand::RngExt;
use rand_distr::{Distribution, Exp1, Gamma, Poisson, StandardNormal, StudentT};

use crate::data::table::Layout;
use crate::eval::Autoencoder;
use crate::executor::ExecutorError;
use crate::model::{Likelihood, RowGraph, STUDENT_T_FREEDOM};
use crate::rng::{Philox, Stream};

/// The randomness of rows that follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// The key: the same seed gives the same rows.
    pub seed: u64,
    /// The number of the first row; the draws of a row depend on its number alone.
    pub first_row: u64,
}

impl Drawing {
    /// The words of a row, counted from `first_row`.
    pub(super) fn of_row(self, row: usize) -> Philox {
        Philox::new(self.seed, Stream::Cells, self.first_row + row as u64)
    }
}

/// The largest count that is drawn: up to here f32 has all whole numbers.
const MOST: f64 = 16_777_216.0;

/// What the cells of rows are drawn from.
struct Parameters<'a> {
    layout: &'a Layout,
    likelihood: Likelihood,
    /// E\[x | z\], `[count, values]`.
    mean: Vec<f32>,
    /// ln of the scales of the numbers `[count, numbers]`, where they are not 1.
    log_scale: Option<Vec<f32>>,
    /// ln θ of the counts, `[count, counts]`.
    log_theta: Vec<f32>,
}

impl Parameters<'_> {
    /// Draws the cells of a row.
    fn draw(&self, row: usize, words: &mut Philox) -> Vec<f32> {
        let Layout {
            numbers,
            counts,
            ref categories,
            ..
        } = *self.layout;
        let values = self.layout.values();
        let mean = &self.mean[row * values..][..values];
        let mut cells = Vec::with_capacity(values);
        for (column, &mean) in mean[..numbers].iter().enumerate() {
            let log_scale = self.log_scale.as_ref();
            let log_scale = log_scale.map_or(0.0, |all| f64::from(all[row * numbers + column]));
            let error = error(self.likelihood, log_scale, words);
            cells.push((f64::from(mean) + error) as f32);
        }
        for (column, &mean) in mean[numbers..numbers + counts].iter().enumerate() {
            let log_theta = f64::from(self.log_theta[row * counts + column]);
            cells.push(count(f64::from(mean), log_theta.exp(), words) as f32);
        }
        let mut rest = &mean[numbers + counts..];
        for &count in categories {
            let (own, others) = rest.split_at(count);
            rest = others;
            let chosen = word(own, words);
            cells.extend((0..count).map(|of| f32::from(of == chosen)));
        }
        cells
    }
}

/// How far a number is drawn from its mean, with ln of its scale, of a Gaussian of its square.
fn error(likelihood: Likelihood, log_scale: f64, words: &mut Philox) -> f64 {
    match likelihood {
        Likelihood::StudentT => {
            let drawn = StudentT::new(STUDENT_T_FREEDOM).map(|of| of.sample(words));
            log_scale.exp() * drawn.unwrap_or(0.0)
        }
        Likelihood::Laplace => {
            let size: f64 = Exp1.sample(words);
            let sign = if words.random::<bool>() { 1.0 } else { -1.0 };
            log_scale.exp() * sign * size
        }
        _ => {
            let drawn: f64 = StandardNormal.sample(words);
            (0.5 * log_scale).exp() * drawn
        }
    }
}

/// A negative binomial of this mean and θ: a Poisson whose rate is a Gamma's.
fn count(mean: f64, theta: f64, words: &mut Philox) -> f64 {
    let rate = Gamma::new(theta, mean / theta).map_or(mean, |of| of.sample(words));
    // A rate of 0 has no Poisson, and no counts.
    Poisson::new(rate)
        .map_or(0.0, |of| of.sample(words))
        .min(MOST)
}

/// A word of these probabilities.
fn word(probabilities: &[f32], words: &mut Philox) -> usize {
    let total: f64 = probabilities.iter().map(|&p| f64::from(p)).sum();
    let mut left = total * words.random::<f64>();
    let passed = probabilities.iter().position(|&p| {
        left -= f64::from(p);
        left < 0.0
    });
    passed.unwrap_or(probabilities.len() - 1)
}

impl Autoencoder {
    /// `count` rows drawn from the model of a table, `[count, values]` as its [`Layout`] has them without the mask, from
    /// z of the prior under the executor's seed; the cells are drawn under `seed`. Where the decoder reads labels, all
    /// are of `label`, or without one of each class in turn. `None` of a model that is not of a table.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// As [`Autoencoder::sample`].
    pub fn sample_rows(
        &mut self,
        count: usize,
        label: Option<u8>,
        seed: u64,
    ) -> Result<Option<Vec<f32>>, ExecutorError> {
        if self.vae().config().table.is_none() {
            return Ok(None);
        }
        let z = self.sample_latents(count, label)?;
        let classes = self.vae().config().classes;
        let read = self.vae().config().condition.decoder();
        let labels: Option<Vec<u8>> = read.then(|| {
            let in_turn = |row: usize| label.unwrap_or((row % classes) as u8);
            (0..count).map(in_turn).collect()
        });
        let drawing = Drawing { seed, first_row: 0 };
        self.draw_rows(&z, labels.as_deref(), drawing)
    }

    /// Rows of a table drawn at latents `[count, latent_dim]`, with a label each where the model reads them:
    /// `[count, values]`. `None` of a model that is not of a table.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// As [`Autoencoder::encode`].
    pub fn draw_rows(
        &mut self,
        z: &[f32],
        labels: Option<&[u8]>,
        drawing: Drawing,
    ) -> Result<Option<Vec<f32>>, ExecutorError> {
        let dims = self.vae().config().latent_dim;
        let Some(RowGraph {
            graph,
            z: input,
            label,
            has_scale,
        }) = self.vae().row_graph(self.chunk())
        else {
            return Ok(None);
        };
        let hot = label.map(|id| (id, self.one_hot(labels)));
        let given = self.given((input, z, dims), &hot);
        let mut found = self.run_rows(graph, &given, 0)?.into_iter();
        let mut next = || found.next().unwrap_or_default();
        let config = self.vae().config();
        let Some(layout) = &config.table else {
            return Ok(None);
        };
        let parameters = Parameters {
            layout,
            likelihood: config.likelihood,
            mean: next(),
            log_scale: has_scale.then(&mut next),
            log_theta: next(),
        };
        let rows = 0..z.len() / dims;
        let drawn = rows.flat_map(|row| parameters.draw(row, &mut drawing.of_row(row)));
        Ok(Some(drawn.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: usize = 20_000;

    /// Mean and variance of draws, each of a row of its own.
    fn moments(draw: impl Fn(&mut Philox) -> f64) -> [f64; 2] {
        let drawing = Drawing {
            seed: 3,
            first_row: 7,
        };
        let drawn: Vec<f64> = (0..DRAWS)
            .map(|row| draw(&mut drawing.of_row(row)))
            .collect();
        let mean = drawn.iter().sum::<f64>() / DRAWS as f64;
        let squares = drawn.iter().map(|x| (x - mean).powi(2));
        [mean, squares.sum::<f64>() / DRAWS as f64]
    }

    /// A mean of n draws is off by √(variance / n), and their variance by √((κ − 1) / n) of itself, where κ is the
    /// kurtosis: 3 of a Gaussian, 6 of a Laplace, 9 of five degrees of freedom. Five such deviations.
    #[test]
    fn numbers_and_counts_have_the_moments_of_their_distributions() {
        let scale = 0.7_f64;
        let [log_scale, log_square] = [scale.ln(), 2.0 * scale.ln()];
        let (mean, theta) = (4.0, 1.5);
        let of_counts = mean + mean * mean / theta;
        for (kurtosis, expected, found) in [
            (
                3.0,
                [0.0, scale * scale],
                moments(|w| error(Likelihood::Gaussian, log_square, w)),
            ),
            (
                6.0,
                [0.0, 2.0 * scale * scale],
                moments(|w| error(Likelihood::Laplace, log_scale, w)),
            ),
            (
                9.0,
                [0.0, 5.0 / 3.0 * scale * scale],
                moments(|w| error(Likelihood::StudentT, log_scale, w)),
            ),
            (9.0, [mean, of_counts], moments(|w| count(mean, theta, w))),
        ] {
            let [of_mean, of_variance] = [expected[1], (kurtosis - 1.0) * expected[1].powi(2)]
                .map(|variance| 5.0 * (variance / DRAWS as f64).sqrt());
            let off = [0, 1].map(|i| (found[i] - expected[i]).abs());
            assert!(
                off[0] < of_mean && off[1] < of_variance,
                "{found:?}, not {expected:?}"
            );
        }
    }

    #[test]
    fn words_are_as_frequent_as_they_are_probable() {
        let probabilities = [0.2_f32, 0.0, 0.5, 0.3];
        for (chosen, &probability) in probabilities.iter().enumerate() {
            let is_it =
                |words: &mut Philox| f64::from(u8::from(word(&probabilities, words) == chosen));
            let [frequency, _] = moments(is_it);
            assert!(
                (frequency - f64::from(probability)).abs() < 5.0 * (0.25 / DRAWS as f64).sqrt()
            );
        }
        // A mean of 0 has no counts.
        assert_eq!(count(0.0, 1.0, &mut Philox::new(0, Stream::Cells, 0)), 0.0);
    }
}
