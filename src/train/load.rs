//! A model from a checkpoint alone.

use std::sync::Arc;

use super::{Observed, Scaling, Settings, TrainError, saved};
use crate::checkpoint::Checkpoint;
use crate::data::ImageSize;
use crate::data::table::Schema;
use crate::eval::{self, Autoencoder};
use crate::executor::Executor;
use crate::gpu::AdapterChoice;

/// A trained model and what its checkpoint says of it.
pub struct Loaded {
    /// Ready to encode, decode and draw.
    pub model: Autoencoder,
    /// What it was trained with.
    pub settings: Settings,
    /// How large its images are.
    pub image: ImageSize,
    /// How the values of such images become those that the model encodes, and back.
    pub scaling: Scaling,
    /// What the columns of its rows are, where it was trained on a table.
    pub table: Option<Arc<Schema>>,
    /// Why this is slow, if it is the reference executor.
    pub warning: Option<String>,
}

/// Opens the model of a checkpoint that [`super::Trainer::checkpoint`] made; `seed` is the key of
/// what [`Autoencoder::sample`] draws.
///
/// ```no_run
/// use std::path::Path;
/// use vae_wgpu::{checkpoint::Checkpoint, gpu::AdapterChoice, train};
///
/// let checkpoint = Checkpoint::load(Path::new("digits.safetensors"))?;
/// let mut model = train::load(checkpoint, &AdapterChoice::Auto, 7)?.model;
/// let images = model.sample(10, None)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Where the checkpoint was made by another program, the choice fits no adapter, or the device
/// fails.
pub fn load(
    checkpoint: Checkpoint,
    adapter: &AdapterChoice,
    seed: u64,
) -> Result<Loaded, TrainError> {
    let (settings, image, classes) = saved::read_architecture(&checkpoint)?;
    let scaling = saved::scaling(&checkpoint, &settings)?;
    let table = saved::table(&checkpoint)?.map(Arc::new);
    let vae = settings.vae(Observed {
        dim: image.dim(),
        classes,
        table: table.as_ref().map(|schema| schema.layout()),
    })?;
    let vae = vae.with_library(scaling.library());
    let opened = eval::open(adapter, vae.parameters(), seed)?;
    let mut executor = opened.executor;
    load_parameters(&mut *executor, checkpoint)?;
    let model = Autoencoder::new(vae, executor);
    Ok(Loaded {
        model,
        settings,
        image,
        scaling,
        table,
        warning: opened.warning,
    })
}

/// Puts a checkpoint's parameters into an executor.
///
/// # Errors
/// Where the checkpoint does not fit the executor's parameters, or the device fails.
pub fn load_parameters(
    executor: &mut dyn Executor,
    mut checkpoint: Checkpoint,
) -> Result<(), TrainError> {
    let snapshot = saved::read_parameters(&mut checkpoint, executor.specs())?;
    Ok(executor.restore(&snapshot)?)
}
