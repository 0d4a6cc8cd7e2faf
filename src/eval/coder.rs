//! An encoder and a decoder that are asked again and again: examples that arrive block by block.

use super::autoencoder::{Autoencoder, Encoded};
use super::input::{InputError, Taken, whole_rows};
use super::run::Runs;
use crate::executor::ExecutorError;
use crate::graph::TensorId;

/// Why rows were not encoded or decoded.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// The rows or labels are none that the model takes.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The device's.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
}

/// What encoder and decoder share.
struct Coder {
    runs: Runs,
    input: TensorId,
    /// Values of a row.
    width: usize,
    /// Where labels are read.
    label: Option<TensorId>,
    classes: usize,
}

impl Coder {
    /// The outputs for rows that were checked, with the labels where they are read.
    fn run(&mut self, rows: &[f32], labels: &[u8]) -> Result<Vec<Vec<f32>>, ExecutorError> {
        let classes = self.classes;
        let hot = self.label.map(|id| {
            let mut hot = vec![0.0; labels.len() * classes];
            for (row, &label) in hot.chunks_mut(classes).zip(labels) {
                row[usize::from(label)] = 1.0;
            }
            (id, hot)
        });
        let mut given = vec![(self.input, rows, self.width)];
        given.extend(hot.iter().map(|(id, hot)| (*id, hot.as_slice(), classes)));
        self.runs.run(&given, 0)
    }
}

/// Encodes blocks of images with one session of the executor: [`Autoencoder::encoder`].
pub struct Encoder {
    coder: Coder,
    taken: Taken,
    latent: usize,
}

/// Decodes blocks of latents with one session of the executor: [`Autoencoder::decoder`].
pub struct Decoder {
    coder: Coder,
    taken: Taken,
}

impl Autoencoder {
    /// What encodes images block by block.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn encoder(&mut self) -> Result<Encoder, ExecutorError> {
        let chunk = self.chunk();
        let (graph, inputs) = self.vae().encoder_graph(chunk);
        let config = self.vae().config();
        let (width, latent, classes) = (config.input_dim, config.latent_dim, config.classes);
        Ok(Encoder {
            taken: Taken::of(self.vae()),
            coder: Coder {
                runs: Runs::new(self.executor_mut(), graph, chunk)?,
                input: inputs.x,
                width,
                label: inputs.label,
                classes,
            },
            latent,
        })
    }

    /// What decodes latents block by block.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn decoder(&mut self) -> Result<Decoder, ExecutorError> {
        let chunk = self.chunk();
        let (graph, input, label) = self.vae().decoder_graph(chunk);
        let config = self.vae().config();
        let (width, classes) = (config.latent_dim, config.classes);
        Ok(Decoder {
            taken: Taken::of(self.vae()),
            coder: Coder {
                runs: Runs::new(self.executor_mut(), graph, chunk)?,
                input,
                width,
                label,
                classes,
            },
        })
    }
}

impl Encoder {
    /// Rows of a run: blocks of a multiple of it waste nothing.
    pub fn chunk(&self) -> usize {
        self.coder.runs.chunk()
    }

    /// Dimensions of z.
    pub fn latent(&self) -> usize {
        self.latent
    }

    /// Whether it reads the label of each image.
    pub fn reads_labels(&self) -> bool {
        self.coder.label.is_some()
    }

    /// q(z | x) of images `[count, input_dim]`, with values as the model sees them (see
    /// [`Scaling::model_values`](crate::train::Scaling::model_values)), with a label each where they are read.
    ///
    /// # Errors
    /// [`CodeError`] where these are no images of the model's, or the device fails.
    pub fn encode(&mut self, images: &[f32], labels: Option<&[u8]>) -> Result<Encoded, CodeError> {
        let count = whole_rows(images, self.coder.width, "an example")?;
        let labels = match self.reads_labels() {
            true => self.taken.checked_labels(count, labels)?,
            false => &[],
        };
        let mut outputs = self.coder.run(images, labels)?.into_iter();
        let mut next = || outputs.next().unwrap_or_default();
        Ok(Encoded {
            mu: next(),
            logvar: next(),
        })
    }
}

impl Decoder {
    /// Rows of a run: blocks of a multiple of it waste nothing.
    pub fn chunk(&self) -> usize {
        self.coder.runs.chunk()
    }

    /// Whether it reads a label with each latent.
    pub fn reads_labels(&self) -> bool {
        self.coder.label.is_some()
    }

    /// E[x | z] of latents `[count, latent_dim]`, with a label each where they are read: images `[count, input_dim]`
    /// with values as the model sees them (see [`Scaling::data_values`](crate::train::Scaling::data_values)).
    ///
    /// # Errors
    /// [`CodeError`] where these are no latents of the model's, or the device fails.
    pub fn decode(
        &mut self,
        latents: &[f32],
        labels: Option<&[u8]>,
    ) -> Result<Vec<f32>, CodeError> {
        let count = whole_rows(latents, self.coder.width, "a latent")?;
        let labels = match self.reads_labels() {
            true => self.taken.checked_labels(count, labels)?,
            false => &[],
        };
        let mut outputs = self.coder.run(latents, labels)?.into_iter();
        Ok(outputs.next().unwrap_or_default())
    }
}
