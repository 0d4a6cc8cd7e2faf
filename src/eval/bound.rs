//! How probable images are under a model: the ELBO, and the estimate of ln p(x) by importance sampling of Burda,
//! Grosse and Salakhutdinov, *Importance Weighted Autoencoders* (2016), which approaches ln p(x) from below with
//! the number of draws.

use std::ops::Range;

use super::Autoencoder;
use super::mean::Mean;
use crate::executor::ExecutorError;
use crate::model::ImportanceGraph;

/// Draws of an image that one run computes at the most: the encoder runs once for so many.
const SAMPLES: usize = 64;
/// Draws of all images of a run at the most.
const ROWS: usize = 2048;

/// What is measured of each image, in nats.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bounds {
    /// The mean of −ln p(x | z) over the draws.
    pub recon: Vec<f64>,
    /// KL(q(z | x) ‖ p(z)), in closed form or as the mean over the draws.
    pub kl: Vec<f64>,
    /// −ln of the mean of the importance weights: an estimate of −ln p(x), too high in the mean.
    pub nll: Vec<f64>,
    /// What each layer of a hierarchy adds to `kl`, from x upward.
    pub layers: Vec<Vec<f64>>,
    /// The mean over the images of each dimension's divergence, where it has a closed form.
    pub kl_each: Option<Vec<f64>>,
}

impl Bounds {
    /// −ELBO of each image.
    pub fn negative_elbo(&self) -> impl Iterator<Item = f64> {
        let both = self.recon.iter().zip(&self.kl);
        both.map(|(recon, kl)| recon + kl)
    }

    /// −ELBO − (−ln p(x)) of each image: how far q(z | x) is from p(z | x).
    pub fn gap(&self) -> Mean {
        Mean::of(
            self.negative_elbo()
                .zip(&self.nll)
                .map(|(bound, nll)| bound - nll),
        )
    }
}

/// ln Σ exp of numbers that come one by one.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogSumExp {
    largest: f64,
    /// Σ exp(x − largest).
    sum: f64,
}

impl Default for LogSumExp {
    fn default() -> Self {
        Self {
            largest: f64::NEG_INFINITY,
            sum: 0.0,
        }
    }
}

impl LogSumExp {
    pub(super) fn add(&mut self, value: f64) {
        if value == f64::NEG_INFINITY {
            return;
        }
        if value > self.largest {
            self.sum = self.sum * (self.largest - value).exp() + 1.0;
            self.largest = value;
        } else {
            // Of a NaN, which is neither, the sum becomes one.
            self.sum += (value - self.largest).exp();
        }
    }

    pub(super) fn value(self) -> f64 {
        self.largest + self.sum.ln()
    }
}

/// How the draws of some images are spread over runs of one graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Runs {
    /// Images of a run.
    images: usize,
    /// Draws of each of them.
    samples: usize,
    /// Runs for the same images.
    repeats: usize,
}

impl Runs {
    /// Of `count` images with so many draws each, of which a run has room for `rows`.
    fn new(rows: usize, count: usize, samples: usize) -> Self {
        let repeats = samples.div_ceil(SAMPLES.min(rows));
        let of_run = samples.div_ceil(repeats);
        Self {
            images: (rows / of_run).clamp(1, count.max(1)),
            samples: of_run,
            repeats,
        }
    }
}

/// Where the draws of z come from.
#[derive(Clone, Copy, Debug)]
enum Draw<'a> {
    /// So many for each image, from noise of the executor's.
    Own(usize),
    /// From this noise, `[count, samples, Z]`.
    Given(&'a [f32]),
}

impl Draw<'_> {
    fn is_given(self) -> bool {
        matches!(self, Self::Given(_))
    }
}

/// The part of given noise `[count, samples, dims]` that the repeat of this number reads for some images, as
/// `[runs.images, runs.samples, dims]`; where there is none, zeros.
fn noise_of_run(
    eps: &[f32],
    [samples, dims]: [usize; 2],
    images: Range<usize>,
    repeat: usize,
    runs: Runs,
) -> Vec<f32> {
    let of_image = runs.samples * dims;
    let mut noise = vec![0.0; runs.images * of_image];
    let first = repeat * of_image;
    for (image, noise) in images.zip(noise.chunks_mut(of_image)) {
        let all = &eps[image * samples * dims..][..samples * dims];
        let wanted = of_image.min(all.len() - first);
        noise[..wanted].copy_from_slice(&all[first..][..wanted]);
    }
    noise
}

impl Autoencoder {
    /// ELBO and likelihood of images `[count, input_dim]`, with values as [`Autoencoder::encode`] takes them, from
    /// so many draws of z for each; `done` hears of how many images there are results. Memory does not grow
    /// with the number of draws. Of a model that was trained with labels in part, labels are summed over and none
    /// are read. The executor's seed decides every digit.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// As [`Autoencoder::encode`], and without any draws.
    pub fn bounds(
        &mut self,
        images: &[f32],
        labels: Option<&[u8]>,
        samples: usize,
        done: &mut dyn FnMut(usize),
    ) -> Result<Bounds, ExecutorError> {
        assert!(samples > 0, "no draws");
        match self.classify(images)? {
            None => self.bounds_given(images, labels, Draw::Own(samples), done),
            Some(log_q) => self.bounds_over_labels(images, &log_q, samples, done),
        }
    }

    /// The same from given ε `[count, samples, Z]`, for comparisons with other programs. Of a hierarchy the columns of
    /// its layers lie side by side, as [`Noise::Given`](crate::model::Noise::Given) has them.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// As [`Autoencoder::bounds`], and where the noise is not of as many draws for each image.
    pub fn bounds_of_draws(
        &mut self,
        images: &[f32],
        labels: Option<&[u8]>,
        eps: &[f32],
    ) -> Result<Bounds, ExecutorError> {
        self.bounds_given(images, labels, Draw::Given(eps), &mut |_| {})
    }

    /// The same of images without labels: p(x) is the mean of p(x | y), and the bound that of Kingma et al. 2014,
    /// Σ q(y | x)·(recon + kl) + KL(q(y | x) ‖ p(y)).
    fn bounds_over_labels(
        &mut self,
        images: &[f32],
        log_q: &[f32],
        samples: usize,
        done: &mut dyn FnMut(usize),
    ) -> Result<Bounds, ExecutorError> {
        let classes = self.vae().config().classes;
        let count = log_q.len() / classes;
        let log_classes = (classes as f64).ln();
        let mut bounds = Bounds {
            recon: vec![0.0; count],
            kl: vec![0.0; count],
            ..Bounds::default()
        };
        let mut totals = vec![LogSumExp::default(); count];
        for class in 0..classes {
            let labels = vec![class as u8; count];
            let mut of_class = |images: usize| done((class * count + images) / classes);
            let draw = Draw::Own(samples);
            let given = self.bounds_given(images, Some(&labels), draw, &mut of_class)?;
            for (image, total) in totals.iter_mut().enumerate() {
                let log_q = f64::from(log_q[image * classes + class]);
                let q = log_q.exp();
                bounds.recon[image] += q * given.recon[image];
                bounds.kl[image] += q * (given.kl[image] + log_q + log_classes);
                total.add(-given.nll[image] - log_classes);
            }
        }
        bounds.nll = totals.into_iter().map(|total| -total.value()).collect();
        Ok(bounds)
    }

    /// The same where each image has the label that its networks read, if they read any.
    fn bounds_given(
        &mut self,
        images: &[f32],
        labels: Option<&[u8]>,
        draw: Draw<'_>,
        done: &mut dyn FnMut(usize),
    ) -> Result<Bounds, ExecutorError> {
        let dim = self.vae().config().input_dim;
        let count = images.len() / dim;
        let dims: usize = self.vae().latent_dims().iter().sum();
        let samples = match draw {
            Draw::Own(samples) => samples,
            Draw::Given(eps) => eps.len() / (count * dims),
        };
        let runs = Runs::new(self.rows_of_run(ROWS), count, samples);
        let ImportanceGraph {
            graph,
            inputs,
            eps: of_eps,
            layers,
            has_kl_each,
        } = self
            .vae()
            .importance_graph(runs.images, runs.samples, draw.is_given());
        let hot = inputs.label.map(|id| (id, self.one_hot(labels)));
        let given = self.given((inputs.x, images, dim), &hot);
        let mut sums = Sums::new(layers, has_kl_each);
        let mut padded = given
            .iter()
            .map(|(id, _, columns)| (*id, vec![0.0; runs.images * columns]))
            .collect::<Vec<_>>();
        let mut session = self.executor_mut().session(graph)?;
        let mut step = 0;
        for first in (0..count).step_by(runs.images) {
            let here = runs.images.min(count - first);
            for ((_, padded), (_, rows, columns)) in padded.iter_mut().zip(&given) {
                let rows = &rows[first * columns..][..here * columns];
                padded[..rows.len()].copy_from_slice(rows);
            }
            sums.begin(here);
            for repeat in 0..runs.repeats {
                let wanted = runs.samples.min(samples - repeat * runs.samples);
                let noise = match (of_eps, draw) {
                    (Some(id), Draw::Given(eps)) => {
                        let shape = [samples, dims];
                        let images = first..first + here;
                        Some((id, noise_of_run(eps, shape, images, repeat, runs)))
                    }
                    _ => None,
                };
                // Inputs stay from run to run.
                let inputs = padded.iter().filter(|_| repeat == 0).chain(&noise);
                let inputs: Vec<_> = inputs.map(|(id, rows)| (*id, rows.as_slice())).collect();
                let found = session.run(step, &inputs)?.tensors;
                step += 1;
                sums.add(&found, runs.samples, wanted);
            }
            sums.end(samples);
            done(first + here);
        }
        Ok(sums.finish(count))
    }
}

/// What the draws of images add up to.
struct Sums {
    bounds: Bounds,
    layers: usize,
    has_kl_each: bool,
    /// Of the images at hand.
    recon: Vec<f64>,
    excess: Vec<f64>,
    of_layers: Vec<Vec<f64>>,
    weights: Vec<LogSumExp>,
    /// KL of each of the images, in closed form.
    kl: Option<Vec<f64>>,
    /// Sums over all images of each dimension's.
    kl_each: Option<Vec<f64>>,
}

impl Sums {
    fn new(layers: usize, has_kl_each: bool) -> Self {
        Self {
            bounds: Bounds {
                layers: vec![Vec::new(); layers],
                ..Bounds::default()
            },
            layers,
            has_kl_each,
            recon: Vec::new(),
            excess: Vec::new(),
            of_layers: Vec::new(),
            weights: Vec::new(),
            kl: None,
            kl_each: None,
        }
    }

    /// So many further images.
    fn begin(&mut self, images: usize) {
        self.recon = vec![0.0; images];
        self.excess = vec![0.0; images];
        self.of_layers = vec![vec![0.0; images]; self.layers];
        self.weights = vec![LogSumExp::default(); images];
        self.kl = None;
    }

    /// The outputs of a run with `samples` draws for an image, of which the first `wanted` count.
    fn add(&mut self, found: &[Vec<f32>], samples: usize, wanted: usize) {
        let images = self.recon.len();
        let of_images = |rows: &[f32], add: &mut dyn FnMut(usize, f64)| {
            for (image, draws) in rows.chunks(samples).take(images).enumerate() {
                draws[..wanted]
                    .iter()
                    .for_each(|&of| add(image, f64::from(of)));
            }
        };
        of_images(&found[0], &mut |image, recon| self.recon[image] += recon);
        of_images(&found[1], &mut |image, excess| self.excess[image] += excess);
        for (sums, rows) in self.of_layers.iter_mut().zip(&found[2..]) {
            of_images(rows, &mut |image, of_layer| sums[image] += of_layer);
        }
        for (image, weights) in self.weights.iter_mut().enumerate() {
            let draws = found[0].iter().zip(&found[1]).skip(image * samples);
            for (&recon, &excess) in draws.take(wanted) {
                weights.add(-f64::from(recon) - f64::from(excess));
            }
        }
        if !self.has_kl_each || self.kl.is_some() {
            return;
        }
        let rows = &found[2 + self.layers];
        let columns = rows.len() * samples / found[0].len();
        let all = self.kl_each.get_or_insert_with(|| vec![0.0; columns]);
        let rows = rows.chunks(columns).take(images);
        let kl = rows.map(|row| {
            all.iter_mut()
                .zip(row)
                .for_each(|(all, &kl)| *all += f64::from(kl));
            row.iter().map(|&kl| f64::from(kl)).sum()
        });
        self.kl = Some(kl.collect());
    }

    /// All of so many draws of these images are there.
    fn end(&mut self, samples: usize) {
        let samples = samples as f64;
        let mean = |sums: &[f64]| -> Vec<f64> { sums.iter().map(|sum| sum / samples).collect() };
        self.bounds.recon.extend(mean(&self.recon));
        let kl = self.kl.take();
        self.bounds
            .kl
            .extend(kl.unwrap_or_else(|| mean(&self.excess)));
        for (all, sums) in self.bounds.layers.iter_mut().zip(&self.of_layers) {
            all.extend(mean(sums));
        }
        let nll = self.weights.iter();
        let nll = nll.map(|weights| samples.ln() - weights.value());
        self.bounds.nll.extend(nll);
    }

    fn finish(self, images: usize) -> Bounds {
        let mean = |sums: Vec<f64>| sums.into_iter().map(|sum| sum / images as f64).collect();
        Bounds {
            kl_each: self.kl_each.map(mean),
            ..self.bounds
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_of_exponentials_does_not_depend_on_the_order() {
        let of = |values: &[f64]| {
            let mut sum = LogSumExp::default();
            values.iter().for_each(|&value| sum.add(value));
            sum.value()
        };
        let expected = -1000.0 + (1.0 + (-1f64).exp() + (-700f64).exp()).ln();
        for values in [
            [-1000.0, -1001.0, -1700.0],
            [-1700.0, -1000.0, -1001.0],
            [-1001.0, -1700.0, -1000.0],
        ] {
            assert!((of(&values) - expected).abs() < 1e-12);
        }
        assert_eq!(of(&[]), f64::NEG_INFINITY);
        assert_eq!(of(&[f64::NEG_INFINITY, 2.0]), 2.0);
        assert!(of(&[1.0, f64::NAN]).is_nan() && of(&[f64::NAN, 1.0]).is_nan());
    }

    #[test]
    fn given_noise_is_cut_into_runs() {
        let runs = Runs {
            images: 2,
            samples: 2,
            repeats: 2,
        };
        let eps: Vec<f32> = (0..18u8).map(f32::from).collect();
        let shape = [3, 2];
        assert_eq!(
            noise_of_run(&eps, shape, 1..3, 0, runs),
            [6.0, 7.0, 8.0, 9.0, 12.0, 13.0, 14.0, 15.0]
        );
        assert_eq!(
            noise_of_run(&eps, shape, 2..3, 1, runs),
            [16.0, 17.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
        );
    }

    #[test]
    fn every_draw_has_its_run() {
        for (rows, count, samples) in [
            (2048, 10_000, 1),
            (2048, 10_000, 5000),
            (1, 7, 65),
            (100, 3, 64),
        ] {
            let runs = Runs::new(rows, count, samples);
            assert!(runs.images * runs.samples <= rows.max(1), "{runs:?}");
            assert!(runs.samples * runs.repeats >= samples, "{runs:?}");
            assert!(runs.samples * (runs.repeats - 1) < samples, "{runs:?}");
        }
        // What one run holds of 50 draws and of 5000 is the same size.
        let [few, many] = [50, 5000].map(|samples| Runs::new(2048, 1000, samples));
        assert_eq!((few.images, few.samples), (40, 50));
        assert_eq!((many.images, many.samples, many.repeats), (32, 64, 79));
    }
}
