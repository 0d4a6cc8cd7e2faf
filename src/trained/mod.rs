//! A trained model for programs: opened from a run or a checkpoint, and used on rows of the data's own values.
//!
//! [`Model`] is what to begin with. It scales values as the training did, checks whatever it is given and answers with
//! an error where something does not fit. Within it is an [`Autoencoder`], which takes values as the model sees them,
//! asserts what [`Model`] checks, and can do more: `Model::autoencoder` hands it out.

mod error;
mod given;

use std::path::Path;
use std::sync::Arc;

pub use error::ModelError;
pub use given::Given;

use crate::checkpoint::{Checkpoint, RunDir, Which};
use crate::data::table::Schema;
use crate::data::{ImageSize, Pixels};
use crate::eval::{Autoencoder, Contributions, Encoded, InputError, ScoreBy, Scorer};
use crate::executor::Values;
use crate::gpu::AdapterChoice;
use crate::train::{self, Loaded, Scaling, Settings};

/// A trained model.
///
/// Rows are `[n, width]`, one example behind the other: a slice of `f32` or of bytes, or with the cargo feature `ndarray`
/// an array of two or more dimensions, the first of which counts the examples. Numbers are as the data have them, where
/// pixels that were bytes are numbers from 0 to 1, or from 0 to 255 where the likelihood is one of counts; bytes
/// themselves are taken as they are. A model that reads labels needs one for each row; others ignore them. Of a table, a
/// row is what [`Codec`](crate::data::table::Codec) makes of its cells by [`Model::table`], and what is decoded has no
/// values that say which cells are there.
///
/// It can be sent to another thread. Calls take it by a mutable reference, since a model has one device: share it behind a
/// lock, or open one for each thread.
///
/// ```no_run
/// use vae_wgpu::Model;
/// use vae_wgpu::eval::ScoreBy;
/// use vae_wgpu::gpu::AdapterChoice;
///
/// let mut model = Model::open("runs/digits-1", &AdapterChoice::Auto)?;
/// let rows = vec![0.0_f32; 3 * model.width()];
/// let z = model.encode(&rows, None)?.mu;
/// let back = model.decode(&z, None)?;
/// let nats = model.score(&rows, None, ScoreBy::LogLikelihood { samples: 64 })?;
/// assert_eq!((back.len(), nats.len()), (rows.len(), 3));
/// # Ok::<(), vae_wgpu::ModelError>(())
/// ```
pub struct Model {
    autoencoder: Autoencoder,
    settings: Settings,
    scaling: Scaling,
    image: ImageSize,
    table: Option<Arc<Schema>>,
    warning: Option<String>,
    /// The last scorer, whose graph and place on the device are kept.
    scorer: Option<(ScoreBy, Scorer)>,
}

/// The key of what a model draws, where nobody chooses another.
const SEED: u64 = 0;

impl Model {
    /// Opens the last checkpoint of a run's folder, or the checkpoint of a file, on an adapter.
    ///
    /// # Errors
    /// Where there is no run or checkpoint or it was spoiled, the choice fits no adapter, or the device fails.
    pub fn open(path: impl AsRef<Path>, adapter: &AdapterChoice) -> Result<Self, ModelError> {
        Self::open_seeded(path, adapter, SEED)
    }

    /// [`Model::open`] with another key of what [`Model::sample`] draws.
    ///
    /// # Errors
    /// As [`Model::open`].
    pub fn open_seeded(
        path: impl AsRef<Path>,
        adapter: &AdapterChoice,
        seed: u64,
    ) -> Result<Self, ModelError> {
        let path = path.as_ref();
        let checkpoint = match path.is_file() {
            true => Checkpoint::load(path)?,
            false => Checkpoint::load(&RunDir::open(path)?.checkpoint(Which::Last))?,
        };
        Ok(train::load(checkpoint, adapter, seed)?.into())
    }

    /// Values of an example, D: `height * width * channels` of an image.
    pub fn width(&self) -> usize {
        self.autoencoder.vae().config().input_dim
    }

    /// Dimensions of z, Z.
    pub fn latent(&self) -> usize {
        self.autoencoder.vae().config().latent_dim
    }

    /// Classes that a label is one of; 0 where the model reads no labels.
    pub fn classes(&self) -> usize {
        match self.autoencoder.reads_labels() {
            true => self.autoencoder.vae().config().classes,
            false => 0,
        }
    }

    /// How large the images are that it was trained on.
    pub fn image(&self) -> ImageSize {
        self.image
    }

    /// What the columns of its rows are, where it was trained on a table.
    pub fn table(&self) -> Option<&Arc<Schema>> {
        self.table.as_ref()
    }

    /// What it was trained with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How values become those that the model sees, and back.
    pub fn scaling(&self) -> Scaling {
        self.scaling
    }

    /// What its user should know of the device, such as that it is slow.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// q(z | x) of each row: μ and log σ², `[n, latent]` each.
    ///
    /// # Errors
    /// Where rows or labels are none that the model takes, or the device fails.
    pub fn encode<'a>(
        &mut self,
        rows: impl Into<Given<'a>>,
        labels: Option<&[u8]>,
    ) -> Result<Encoded, ModelError> {
        let values = self.seen(rows.into())?;
        self.autoencoder.check_examples(&values, labels)?;
        Ok(self.autoencoder.encode(&values, labels)?)
    }

    /// E\[x | z\] of latents `[n, latent]`: rows `[n, width]`, with values as the data have them.
    ///
    /// # Errors
    /// As [`Model::encode`].
    pub fn decode<'a>(
        &mut self,
        latents: impl Into<Given<'a>>,
        labels: Option<&[u8]>,
    ) -> Result<Vec<f32>, ModelError> {
        let latents = latents.into();
        latents.check_width(self.latent(), "a latent")?;
        let latents = latents.into_floats();
        self.autoencoder.check_latents(&latents, labels)?;
        let means = self.autoencoder.decode(&latents, labels)?;
        Ok(self.scaling.data_values(&means))
    }

    /// Each row through encoder and decoder, with the z that stands for it: rows `[n, width]`, with values as the data
    /// have them.
    ///
    /// # Errors
    /// As [`Model::encode`].
    pub fn reconstruct<'a>(
        &mut self,
        rows: impl Into<Given<'a>>,
        labels: Option<&[u8]>,
    ) -> Result<Vec<f32>, ModelError> {
        let values = self.seen(rows.into())?;
        self.autoencoder.check_examples(&values, labels)?;
        let means = self.autoencoder.reconstruct(&values, labels)?;
        Ok(self.scaling.data_values(&means))
    }

    /// So many rows E\[x | z\] `[count, width]` with z from the prior, with values as the data have them; where the
    /// decoder reads labels, of this one or of each class in turn. The same call on a model that was opened with
    /// the same seed gives the same rows.
    ///
    /// # Errors
    /// Where the label is none of the model's classes, or the device fails.
    pub fn sample(&mut self, count: usize, label: Option<u8>) -> Result<Vec<f32>, ModelError> {
        let config = self.autoencoder.vae().config();
        let reads = config.condition.decoder();
        let label = label.filter(|_| reads);
        if let Some(label) = label.filter(|&label| usize::from(label) >= config.classes) {
            let classes = config.classes;
            return Err(InputError::Label {
                row: 0,
                label,
                classes,
            }
            .into());
        }
        let means = self.autoencoder.sample(count, label)?;
        Ok(self.scaling.data_values(&means))
    }

    /// How strange each row is, in nats, the larger the stranger: `[n]`. The same row always has the same score,
    /// whatever stands beside it. Where pixels were drawn as 0 or 1 in the training they are drawn here, too, by the same
    /// numbers for each row.
    ///
    /// # Errors
    /// As [`Model::encode`], and where the model has no such score.
    pub fn score<'a>(
        &mut self,
        rows: impl Into<Given<'a>>,
        labels: Option<&[u8]>,
        by: ScoreBy,
    ) -> Result<Vec<f64>, ModelError> {
        let values = self.scored(rows.into())?;
        let mut scorer = match self.scorer.take() {
            Some((of, scorer)) if of == by => scorer,
            _ => self.autoencoder.scorer(by, SEED)?,
        };
        let scores = scorer.score(&values, labels)?;
        self.scorer = Some((by, scorer));
        Ok(scores)
    }

    /// An estimate of ln p(x) of each row in nats, by importance sampling with so many draws of z: `[n]`. It is too low in
    /// the mean, and less so with more draws.
    ///
    /// # Errors
    /// As [`Model::score`].
    pub fn log_likelihood<'a>(
        &mut self,
        rows: impl Into<Given<'a>>,
        labels: Option<&[u8]>,
        samples: usize,
    ) -> Result<Vec<f64>, ModelError> {
        let scores = self.score(rows, labels, ScoreBy::LogLikelihood { samples })?;
        Ok(scores.into_iter().map(|score| -score).collect())
    }

    /// The ELBO of each row in nats, from so many draws of z: `[n]`.
    ///
    /// # Errors
    /// As [`Model::score`].
    pub fn elbo<'a>(
        &mut self,
        rows: impl Into<Given<'a>>,
        labels: Option<&[u8]>,
        samples: usize,
    ) -> Result<Vec<f64>, ModelError> {
        let scores = self.score(rows, labels, ScoreBy::Elbo { samples })?;
        Ok(scores.into_iter().map(|score| -score).collect())
    }

    /// What makes the score of each row: what each of its values adds to it, and its latent. It takes the memory of a
    /// number for each value.
    ///
    /// # Errors
    /// As [`Model::score`].
    pub fn explain<'a>(
        &mut self,
        rows: impl Into<Given<'a>>,
        labels: Option<&[u8]>,
        by: ScoreBy,
    ) -> Result<Contributions, ModelError> {
        let values = self.scored(rows.into())?;
        Ok(self
            .autoencoder
            .explainer(by, SEED)?
            .explain(&values, labels)?)
    }

    /// The model within, for what takes values as the model sees them: [`Scaling::model_values`] makes these.
    pub fn autoencoder(&mut self) -> &mut Autoencoder {
        &mut self.autoencoder
    }

    /// The model within, for good.
    pub fn into_autoencoder(self) -> Autoencoder {
        self.autoencoder
    }

    /// Rows as the model sees them.
    fn seen(&self, rows: Given<'_>) -> Result<Vec<f32>, InputError> {
        rows.check_width(self.width(), "an example")?;
        Ok(self.scaling.model_values(&pixels(rows)))
    }

    /// The same where each is scored by itself, and has to be one that the likelihood is of.
    fn scored(&self, rows: Given<'_>) -> Result<Vec<f32>, ModelError> {
        rows.check_width(self.width(), "an example")?;
        let (settings, scaling) = (&self.settings, &self.scaling);
        let values = train::scored_values(settings, scaling, &pixels(rows), self.image, &[])?;
        Ok(values)
    }
}

/// Values as data sets have them.
fn pixels(rows: Given<'_>) -> Pixels {
    match rows.into_values() {
        Values::Bytes(bytes) => bytes.into_owned().into(),
        Values::Floats(floats) => floats.into_owned().into(),
    }
}

impl From<Loaded> for Model {
    /// The model that [`train::load`] gives.
    fn from(loaded: Loaded) -> Self {
        Self {
            autoencoder: loaded.model,
            settings: loaded.settings,
            scaling: loaded.scaling,
            image: loaded.image,
            table: loaded.table,
            warning: loaded.warning,
            scorer: None,
        }
    }
}

#[cfg(test)]
mod tests;
