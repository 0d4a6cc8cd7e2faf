//! A model with its parameters, ready to encode, decode and draw.

use crate::executor::{Executor, ExecutorError, Session};
use crate::graph::{Graph, TensorId};
use crate::model::Vae;

/// Rows that one run of a session handles at the most; more are handled in turn.
const CHUNK: usize = 256;
/// Values that a layer's outputs of a run have at the most, so that wide layers fit any adapter.
const CHUNK_VALUES: usize = 1 << 24;

/// q(z | x) of some images: `[count, latent_dim]` each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Encoded {
    /// μ.
    pub mu: Vec<f32>,
    /// log σ².
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

    /// Rows of a run. A function of the architecture alone, so that samples are one of the seed.
    fn chunk(&self) -> usize {
        let config = self.vae.config();
        let widest = config.hidden.iter().copied().max().unwrap_or(1);
        let widest = widest.max(config.input_dim).max(config.latent_dim);
        (CHUNK_VALUES / widest).clamp(1, CHUNK)
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

    /// q(z | x) of images `[count, input_dim]` in [0, 1].
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// Where `images` is no whole number of images.
    pub fn encode(&mut self, images: &[f32]) -> Result<Encoded, ExecutorError> {
        let dim = self.vae.config().input_dim;
        let (graph, x) = self.vae.encoder_graph(self.chunk());
        let mut outputs = self.run_rows(graph, x, images, dim)?.into_iter();
        let mut next = || outputs.next().unwrap_or_default();
        Ok(Encoded {
            mu: next(),
            logvar: next(),
        })
    }

    /// E[x | z] of latents `[count, latent_dim]`: images `[count, input_dim]`.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// Where `latents` is no whole number of latents.
    pub fn decode(&mut self, latents: &[f32]) -> Result<Vec<f32>, ExecutorError> {
        let dim = self.vae.config().latent_dim;
        let (graph, z) = self.vae.decoder_graph(self.chunk());
        Ok(self.run_rows(graph, z, latents, dim)?.swap_remove(0))
    }

    /// Images through encoder and decoder, with z = μ.
    ///
    /// # Errors
    /// As [`Autoencoder::encode`].
    ///
    /// # Panics
    /// As [`Autoencoder::encode`].
    pub fn reconstruct(&mut self, images: &[f32]) -> Result<Vec<f32>, ExecutorError> {
        let encoded = self.encode(images)?;
        self.decode(&encoded.mu)
    }

    /// `count` images E[x | z], `[count, input_dim]`, with z from the prior under the executor's
    /// seed.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn sample(&mut self, count: usize) -> Result<Vec<f32>, ExecutorError> {
        let dim = self.vae.config().input_dim;
        let rows = self.chunk();
        let mut session = self.executor.session(self.vae.prior_graph(rows))?;
        let mut images = Vec::with_capacity(count.next_multiple_of(rows) * dim);
        for chunk in 0..count.div_ceil(rows) {
            images.append(&mut session.run(chunk as u32, &[])?.tensors[1]);
        }
        images.truncate(count * dim);
        Ok(images)
    }

    /// Runs a graph of a chunk's rows over any number of them; what the last chunk lacks is
    /// computed from other rows and dropped.
    fn run_rows(
        &mut self,
        graph: Graph,
        input: TensorId,
        rows: &[f32],
        dim: usize,
    ) -> Result<Vec<Vec<f32>>, ExecutorError> {
        assert_eq!(
            rows.len() % dim,
            0,
            "{} values are no rows of {dim}",
            rows.len()
        );
        let columns: Vec<_> = graph
            .outputs()
            .iter()
            .map(|&o| graph.shape(o).columns())
            .collect();
        let chunk_rows = self.chunk();
        let mut session: Box<dyn Session> = self.executor.session(graph)?;
        let mut outputs = vec![Vec::new(); columns.len()];
        let mut padded = vec![0.0; chunk_rows * dim];
        for chunk in rows.chunks(chunk_rows * dim) {
            padded[..chunk.len()].copy_from_slice(chunk);
            let result = session.run(0, &[(input, &padded)])?;
            for ((all, new), columns) in outputs.iter_mut().zip(result.tensors).zip(&columns) {
                all.extend_from_slice(&new[..chunk.len() / dim * columns]);
            }
        }
        Ok(outputs)
    }
}
