//! A model with its parameters, ready to encode, decode and draw.

use super::points::PriorMoments;
use super::run::{Given, Runs};
use crate::executor::{Executor, ExecutorError};
use crate::graph::{Graph, TensorId};
use crate::model::{Prior, Vae, VaeConfig};

/// Rows that one run of a session handles at the most; more are handled in turn.
const CHUNK: usize = 256;
/// Values that a layer's outputs of a run have at the most, so that wide layers fit any adapter.
const CHUNK_VALUES: usize = 1 << 24;

/// q(z | x) of some images: `[count, latent_dim]` each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Encoded {
    /// μ. Of a posterior that is a flow, where its maps take the μ of the Gaussian that it begins with: its
    /// own mean has no closed form. Of a hierarchy, that of z₁, with the layers above at their means.
    pub mu: Vec<f32>,
    /// log σ². Of a flow, that of the Gaussian that it begins with.
    pub logvar: Vec<f32>,
}

/// A VAE on an executor that holds its parameters.
pub struct Autoencoder {
    vae: Vae,
    executor: Box<dyn Executor>,
}

impl Autoencoder {
    /// `executor` holds the parameters of `vae`.
    pub fn new(vae: Vae, executor: Box<dyn Executor>) -> Self {
        Self { vae, executor }
    }

    /// Rows of a run.
    pub(super) fn chunk(&self) -> usize {
        self.rows_of_run(CHUNK)
    }

    /// Rows of a run, at most so many. A function of the architecture alone, so that samples are one of the seed.
    pub(super) fn rows_of_run(&self, most: usize) -> usize {
        let config = self.vae.config();
        let widest = config.hidden.iter().copied().max().unwrap_or(1);
        let above = config.hierarchy.iter().flat_map(|of| &of.above);
        let above = above.flat_map(|layer| layer.hidden.iter().chain([&layer.latent_dim]));
        let widest = above.copied().fold(widest, usize::max);
        let widest = widest.max(config.input_dim.max(config.outputs()));
        let widest = widest.max(config.latent_dim);
        (CHUNK_VALUES / widest).clamp(1, most)
    }

    /// The architecture.
    pub fn vae(&self) -> &Vae {
        &self.vae
    }

    /// Where it runs.
    pub fn executor(&self) -> &dyn Executor {
        &*self.executor
    }

    /// Where it runs, to change its parameters.
    pub fn executor_mut(&mut self) -> &mut dyn Executor {
        &mut *self.executor
    }

    /// q(z | x) of images `[count, input_dim]` with values as the model sees them (bytes as 0 to 1; see
    /// [`Scaling::model_values`](crate::train::Scaling::model_values)), with a label each where the model
    /// reads them: see [`Autoencoder::reads_labels`].
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// Where `images` is no whole number of images, or labels that are read are not as many or none of the
    /// model's classes.
    pub fn encode(
        &mut self,
        images: &[f32],
        labels: Option<&[u8]>,
    ) -> Result<Encoded, ExecutorError> {
        let dim = self.vae.config().input_dim;
        let (graph, inputs) = self.vae.encoder_graph(self.chunk());
        let hot = inputs.label.map(|id| (id, self.one_hot(labels)));
        let given = self.given((inputs.x, images, dim), &hot);
        let mut outputs = self.run_rows(graph, &given, 0)?.into_iter();
        let mut next = || outputs.next().unwrap_or_default();
        Ok(Encoded {
            mu: next(),
            logvar: next(),
        })
    }

    /// A draw of z from q(z | x) for each image, `[count, latent_dim]`, with what [`Autoencoder::encode`] takes. The
    /// noise is that of the steps from `first_step` on; says how many of them there were.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// As [`Autoencoder::encode`].
    pub fn draw(
        &mut self,
        images: &[f32],
        labels: Option<&[u8]>,
        first_step: u32,
    ) -> Result<(Vec<f32>, u32), ExecutorError> {
        let dim = self.vae.config().input_dim;
        let (graph, inputs) = self.vae.posterior_graph(self.chunk());
        let hot = inputs.label.map(|id| (id, self.one_hot(labels)));
        let given = self.given((inputs.x, images, dim), &hot);
        let steps = (images.len() / dim).div_ceil(self.chunk()) as u32;
        let z = self.run_rows(graph, &given, first_step)?.swap_remove(0);
        Ok((z, steps))
    }

    /// E[x | z] of latents `[count, latent_dim]`, with a label each where the model reads them: images
    /// `[count, input_dim]`. Those of counts have sums of [`Vae::library`], and those of a table's rows have the
    /// values of the cells alone ([`VaeConfig::mean_dim`]), with the probability of each word.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// As [`Autoencoder::encode`].
    pub fn decode(
        &mut self,
        latents: &[f32],
        labels: Option<&[u8]>,
    ) -> Result<Vec<f32>, ExecutorError> {
        let dim = self.vae.config().latent_dim;
        let (graph, z, label) = self.vae.decoder_graph(self.chunk());
        let hot = label.map(|id| (id, self.one_hot(labels)));
        let given = self.given((z, latents, dim), &hot);
        Ok(self.run_rows(graph, &given, 0)?.swap_remove(0))
    }

    /// ln q(y | x) of every class of images `[count, input_dim]`, with values as [`Autoencoder::encode`] takes
    /// them: `[count, classes]`. `None` where the model was not trained with labels in part.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// Where `images` is no whole number of images.
    pub fn classify(&mut self, images: &[f32]) -> Result<Option<Vec<f32>>, ExecutorError> {
        let dim = self.vae.config().input_dim;
        let Some((graph, x)) = self.vae.classifier_graph(self.chunk()) else {
            return Ok(None);
        };
        Ok(self.run_rows(graph, &[(x, images, dim)], 0)?.pop())
    }

    /// Whether the model reads a label of each image.
    pub fn reads_labels(&self) -> bool {
        self.vae.reads_labels()
    }

    /// Labels as rows of zeros with a 1.
    pub(super) fn one_hot(&self, labels: Option<&[u8]>) -> Vec<f32> {
        let classes = self.vae.config().classes;
        let row = |&label: &u8| {
            assert!(usize::from(label) < classes, "label {label} of {classes}");
            (0..classes).map(move |class| f32::from(class == usize::from(label)))
        };
        let labels = labels.unwrap_or_default();
        labels.iter().flat_map(row).collect()
    }

    /// What a graph is given: rows, and labels where it reads them.
    pub(super) fn given<'a>(
        &self,
        rows: (TensorId, &'a [f32], usize),
        labels: &'a Option<(TensorId, Vec<f32>)>,
    ) -> Vec<(TensorId, &'a [f32], usize)> {
        let classes = self.vae.config().classes;
        let labels = labels
            .iter()
            .map(|(id, rows)| (*id, rows.as_slice(), classes));
        [rows].into_iter().chain(labels).collect()
    }

    /// Images through encoder and decoder, with z = μ as [`Encoded`] has it. Those of counts keep their sums.
    ///
    /// # Errors
    /// As [`Autoencoder::encode`].
    ///
    /// # Panics
    /// As [`Autoencoder::encode`].
    pub fn reconstruct(
        &mut self,
        images: &[f32],
        labels: Option<&[u8]>,
    ) -> Result<Vec<f32>, ExecutorError> {
        let encoded = self.encode(images, labels)?;
        let mut means = self.decode(&encoded.mu, labels)?;
        let dim = self.vae.config().input_dim;
        if self.vae.config().likelihood.is_of_counts() {
            for (mean, image) in means.chunks_mut(dim).zip(images.chunks(dim)) {
                let sum: f64 = image.iter().map(|&count| f64::from(count)).sum();
                let factor = (sum.max(1.0) / self.vae.library()) as f32;
                mean.iter_mut().for_each(|value| *value *= factor);
            }
        }
        Ok(means)
    }

    /// `count` images E[x | z], `[count, input_dim]`, with z from the prior under the executor's
    /// seed. Where the decoder reads labels, all are of `label`, or without one of each class in turn.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// Where the label is none of the model's classes.
    pub fn sample(&mut self, count: usize, label: Option<u8>) -> Result<Vec<f32>, ExecutorError> {
        self.draws(count, label, 1)
    }

    /// `count` latents of the prior under the executor's seed, `[count, latent_dim]`: those of the images that
    /// [`Autoencoder::sample`] draws.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// As [`Autoencoder::sample`].
    pub fn sample_latents(
        &mut self,
        count: usize,
        label: Option<u8>,
    ) -> Result<Vec<f32>, ExecutorError> {
        self.draws(count, label, 0)
    }

    /// So many rows of an output of [`Vae::prior_graph`]: z, or the images.
    pub(super) fn draws(
        &mut self,
        count: usize,
        label: Option<u8>,
        output: usize,
    ) -> Result<Vec<f32>, ExecutorError> {
        let VaeConfig {
            latent_dim,
            classes,
            ..
        } = *self.vae.config();
        let dim = [latent_dim, self.vae.config().mean_dim()][output];
        let rows = self.chunk();
        let (graph, read) = self.vae.prior_graph(rows);
        let mut session = self.executor.session(graph)?;
        let mut images = Vec::with_capacity(count.next_multiple_of(rows) * dim);
        for chunk in 0..count.div_ceil(rows) {
            let hot = read.map(|id| {
                let in_turn = |row: usize| ((chunk * rows + row) % classes) as u8;
                let of_row = |row| label.unwrap_or_else(|| in_turn(row));
                let labels: Vec<_> = (0..rows).map(of_row).collect();
                (id, self.one_hot(Some(&labels)))
            });
            let given: Vec<_> = hot
                .iter()
                .map(|(id, rows)| (*id, rows.as_slice()))
                .collect();
            images.append(&mut session.run(chunk as u32, &given)?.tensors[output]);
        }
        images.truncate(count * dim);
        Ok(images)
    }

    /// The same model; its samples are drawn at this temperature (see [`Vae::with_temperature`]).
    #[must_use]
    pub fn with_temperature(self, temperature: f32) -> Self {
        let vae = self.vae.with_temperature(temperature);
        Self { vae, ..self }
    }

    /// Mean and deviation of the prior of z: of a standard normal its own, of any other those of so many draws under
    /// the executor's seed, of a label where the decoder reads one.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// As [`Autoencoder::sample`].
    pub fn prior_moments(
        &mut self,
        draws: usize,
        label: Option<u8>,
    ) -> Result<PriorMoments, ExecutorError> {
        let config = self.vae.config();
        let dims = config.latent_dim;
        if config.prior == Prior::Standard && config.hierarchy.is_none() {
            return Ok(PriorMoments::standard(dims));
        }
        Ok(PriorMoments::of(&self.draws(draws, label, 0)?, dims))
    }

    /// [`run_rows`] by the chunk of this model.
    pub(super) fn run_rows(
        &mut self,
        graph: Graph,
        given: &[(TensorId, &[f32], usize)],
        first_step: u32,
    ) -> Result<Vec<Vec<f32>>, ExecutorError> {
        let chunk = self.chunk();
        run_rows(&mut *self.executor, graph, chunk, given, first_step)
    }
}

/// Runs a graph of a chunk's rows over any number of them, each input's with their length; what the last chunk lacks is
/// computed from other rows and dropped. Noise is that of a step of its own for each chunk, from `first_step` on.
pub(super) fn run_rows(
    executor: &mut dyn Executor,
    graph: Graph,
    chunk_rows: usize,
    given: &[Given<'_>],
    first_step: u32,
) -> Result<Vec<Vec<f32>>, ExecutorError> {
    Runs::new(executor, graph, chunk_rows)?.run(given, first_step)
}
