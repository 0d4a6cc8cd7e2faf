//! What a training step runs, without training.

use std::borrow::Cow;

use super::labelled::with_labelled;
use super::rows::{Part, check_split, splits};
use super::windows::Input;
use super::{Scaling, Settings, TrainError};
use crate::data::Dataset;
use crate::model::Vae;
use crate::plan::{Description, GpuExecutor};

/// What [`Trainer`](super::Trainer) would run at each step on a whole batch. The parameters of the
/// executor stay as they are.
///
/// # Errors
/// As [`Trainer::new`](super::Trainer::new).
pub fn describe<'a>(
    vae: Vae,
    executor: &mut GpuExecutor,
    settings: &Settings,
    data: impl Into<Cow<'a, Dataset>>,
) -> Result<Description, TrainError> {
    settings.check()?;
    let data = data.into();
    let images = &data.train.images;
    check_split(images, images.size())?;
    settings.check_images(images.count)?;
    let optimizer = settings.optimizer_of(&vae, images.count)?;
    let vae = settings.in_training(vae, images.count);
    let scaling = Scaling::of(settings, images)?;
    let [train, _] = splits(data);
    let train = Input::of(&vae, settings, &scaling, train, Part::Training)?;
    let vae = with_labelled(vae, settings, &train)?;
    let graph = |rows| vae.training_graph(rows, optimizer.clone());
    Ok(executor.describe(train.into_most(), settings.batch_size, &graph)?)
}
