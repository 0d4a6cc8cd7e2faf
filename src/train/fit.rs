//! A density of z that is fitted to a trained model: draws from q(z | x) of its data, the descent, and the file.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::pacing::Pacing;
use super::rows::{Part, splits};
use super::windows::Input;
use super::{Scaling, Settings, TrainError};
use crate::checkpoint::{Checkpoint, RunDir, Tensor};
use crate::data::Dataset;
use crate::eval::Autoencoder;
use crate::executor::{Executor, ExecutorError, Rows, Start};
use crate::graph::{Adam, Curve, Optimizer, Schedule};
use crate::model::{Fitted, Vae};
use crate::rng;

/// The file's format, so that a later program can tell.
const FORMAT: &str = "vae-wgpu/fitted-prior/1";

/// Draws of z that it is fitted to, at the least: of fewer images there are several of each.
const DRAWS: usize = 1 << 18;
/// Rows of a step.
const BATCH: usize = 256;
/// Images that are encoded at a time.
const IMAGES: usize = 4096;
/// The most that the norm of the gradient may be: draws far outside are rare and have large ones.
const CLIP_NORM: f64 = 10.0;

/// How a density is fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// Steps of 256 draws each.
    pub steps: u32,
    /// The key of all randomness.
    pub seed: u64,
}

impl Fit {
    /// As many steps as a latent of tens of dimensions takes.
    pub const STEPS: u32 = 10_000;

    /// [`Fit::STEPS`] steps under a seed.
    pub fn new(seed: u64) -> Self {
        let steps = Self::STEPS;
        Self { steps, seed }
    }

    /// Draws of z that all steps together have a use for.
    fn draws(self) -> usize {
        DRAWS.min(BATCH.saturating_mul(self.steps as usize))
    }
}

/// Draws `[count, Z]` from q(z | x) of both splits.
#[derive(Clone, Debug, PartialEq)]
pub struct LatentDraws {
    /// Of the training images, one of each or some.
    pub train: Vec<f32>,
    /// Of the test images, one of each.
    pub test: Vec<f32>,
}

impl LatentDraws {
    /// Draws under the executor's seed, of images as the training saw them.
    ///
    /// # Errors
    /// Where the data do not suit the model, or the device fails.
    pub fn of<'a>(
        model: &mut Autoencoder,
        settings: &Settings,
        scaling: &Scaling,
        data: impl Into<Cow<'a, Dataset>>,
        fit: Fit,
    ) -> Result<Self, TrainError> {
        let vae = model.vae().clone();
        let [train, test] = splits(data.into());
        let train = Input::of(&vae, settings, scaling, train, Part::Training)?;
        let test = Input::of(&vae, settings, scaling, test, Part::Test)?;
        let [images, measured] = [&train, &test].map(Input::count);
        Ok(Self {
            train: draws(model, &train, images.max(fit.draws()))?,
            test: draws(model, &test, measured)?,
        })
    }
}

/// So many draws of z, of the images in turn.
fn draws(
    model: &mut Autoencoder,
    input: &Input<'_>,
    most: usize,
) -> Result<Vec<f32>, ExecutorError> {
    let count = input.count();
    let mut draws = Vec::new();
    let mut first_step = 0;
    for first in (0..most).step_by(IMAGES) {
        let images = (first..most.min(first + IMAGES)).map(|row| row % count);
        let images: Vec<_> = images.collect();
        let pixels = input.floats(&images);
        let labels = input.labels();
        let labels = labels.map(|labels| {
            images
                .iter()
                .map(|&image| labels[image])
                .collect::<Vec<_>>()
        });
        let (z, steps) = model.draw(&pixels, labels.as_deref(), first_step)?;
        draws.extend(z);
        first_step += steps;
    }
    Ok(draws)
}

/// A fitted density on the executor that holds its parameters.
pub struct FittedModel {
    /// Its family and its sizes.
    pub fitted: Fitted,
    executor: Box<dyn Executor>,
}

impl FittedModel {
    /// Fits a density to draws of z: `executor` holds its parameters ([`Fitted::parameters`]), and all randomness is of
    /// the seed.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn fit(
        fitted: Fitted,
        mut executor: Box<dyn Executor>,
        z: &[f32],
        fit: Fit,
    ) -> Result<Self, TrainError> {
        let Fit { steps, seed } = fit;
        executor.restore(&fitted.initial(z, seed))?;
        let lr = fitted.prior.family().lr;
        let schedule = Schedule::decay(Curve::Cosine, [lr, 0.0], 0, steps.saturating_sub(1).max(1));
        let optimizer = Optimizer {
            schedule: schedule.unwrap_or(Schedule::constant(lr)),
            clip_norm: Some(CLIP_NORM),
            ..Adam::default().into()
        };
        let count = z.len() / fitted.latent;
        let batch = BATCH.min(count);
        let graph = |rows| fitted.graph(rows, Some(optimizer.clone()));
        let mut pass = executor.pass(Rows::new(z, fitted.latent), batch, &graph)?;
        let mut pacing = Pacing::new(None);
        let (steps, mut done, mut passes) = (steps as usize, 0, 0);
        while done < steps {
            let order = rng::permutation(seed, passes, count);
            pass.begin(Start {
                step: done as u32,
                position: 0,
                order: &order,
            })?;
            let of_pass = count.div_ceil(batch).min(steps - done);
            let mut advanced = 0;
            while advanced < of_pass {
                advanced += pass.advance(pacing.steps().min(of_pass - advanced))?;
                pacing.submitted();
            }
            pass.losses()?;
            done += advanced;
            passes += 1;
        }
        drop(pass);
        let mut model = Self { fitted, executor };
        let nll = model.nll(&z[..batch * fitted.latent])?;
        match nll.is_finite() {
            true => Ok(model),
            false => Err(TrainError::Foreign {
                reason: format!(
                    "no {} could be fitted to its z: -ln p(z) is {nll}",
                    fitted.prior.name()
                ),
            }),
        }
    }

    /// The mean of −ln p(z) of draws `[count, Z]`, in nats.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn nll(&mut self, z: &[f32]) -> Result<f64, ExecutorError> {
        let fitted = self.fitted;
        let count = z.len() / fitted.latent;
        let batch = BATCH.min(count);
        let rows = Rows::new(z, fitted.latent);
        let mut pass = self
            .executor
            .pass(rows, batch, &|rows| fitted.graph(rows, None))?;
        let order: Vec<_> = (0..count as u32).collect();
        pass.begin(Start {
            step: 0,
            position: 0,
            order: &order,
        })?;
        let mut pacing = Pacing::new(None);
        while pass.advance(pacing.steps())? > 0 {
            pacing.submitted();
        }
        // Lines of the objective and its one term; the last batch may be smaller.
        let log = pass.losses()?;
        let rows = log.chunks(2).enumerate().map(|(index, line)| {
            let rows = batch.min(count - index * batch) as f64;
            rows * f64::from(line[0])
        });
        Ok(rows.sum::<f64>() / count as f64)
    }

    /// So many draws `[count, Z]` under a seed.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn draw(&mut self, count: usize, seed: u64) -> Result<Vec<f32>, ExecutorError> {
        self.fitted.draw(&mut *self.executor, count, seed)
    }

    /// The file's content: the parameters, and of which step of the run's training they are.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn checkpoint(&mut self, step: &str) -> Result<Checkpoint, TrainError> {
        let specs = self.fitted.parameters();
        let state = self.executor.snapshot()?;
        let mut checkpoint = Checkpoint::default();
        for (spec, data) in specs.into_iter().zip(state.parameters) {
            let shape = spec.shape.dims().to_vec();
            checkpoint.tensors.insert(spec.name, Tensor { shape, data });
        }
        let fitted = toml::to_string(&self.fitted).map_err(|error| TrainError::Foreign {
            reason: error.to_string(),
        })?;
        for (key, value) in [("format", FORMAT), ("fitted", &fitted), ("step", step)] {
            checkpoint.metadata.insert(key.to_owned(), value.to_owned());
        }
        Ok(checkpoint)
    }

    /// The density of a file, on an executor that `open` makes of its parameters.
    ///
    /// # Errors
    /// Where the file is none of a density of so many dimensions, or `open` fails.
    pub fn load<E: From<TrainError>>(
        checkpoint: Checkpoint,
        latent: usize,
        open: impl FnOnce(&Fitted) -> Result<Box<dyn Executor>, E>,
    ) -> Result<Self, E> {
        let foreign = |reason: &str| TrainError::Foreign {
            reason: reason.to_owned(),
        };
        let of = |key: &str| checkpoint.metadata.get(key).map_or("", String::as_str);
        if of("format") != FORMAT {
            return Err(foreign("its metadata does not say that it is a fitted prior's").into());
        }
        let fitted: Fitted = toml::from_str(of("fitted"))
            .map_err(|_| foreign("its metadata has a density that this program does not know"))?;
        let sizes = [fitted.components, fitted.maps, fitted.hidden];
        let sound = sizes.iter().all(|size| (1..=Vae::MAX_UNITS).contains(size));
        if fitted.latent != latent || !sound {
            return Err(foreign("its density is not of the z of this model").into());
        }
        let mut executor = open(&fitted)?;
        super::load_parameters(&mut *executor, checkpoint)?;
        Ok(Self { fitted, executor })
    }
}

/// Where a run keeps the density that was fitted to it: `checkpoints/prior.safetensors`.
pub fn fitted_prior_of(run: &RunDir) -> PathBuf {
    run.checkpoints().join("prior.safetensors")
}

/// Of which step of its run's training a fitted density or a checkpoint is.
///
/// # Errors
/// Where the file cannot be read.
pub fn step_of(path: &Path) -> Result<String, TrainError> {
    let mut metadata = Checkpoint::load_metadata(path)?;
    Ok(metadata.remove("step").unwrap_or_default())
}
