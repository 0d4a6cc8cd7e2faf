//! The first checkpoint of a run that begins with weights from elsewhere.

use crate::checkpoint::Checkpoint;
use crate::data::{Dataset, ImageSize};
use crate::model::Vae;
use crate::train::saved::{self, Images, Place};
use crate::train::trainer::{check, images_of};
use crate::train::{LossColumns, Normalize, Scaling, Settings, TrainError};

/// The checkpoint of a training on `data` that has these weights and has not begun: moments zero, step 0. Without
/// data, that of a model alone, for images of this size: it says what the model is, and no place in a
/// training. Its bytes then count as 0 to 1, or as counts from 0 to 255 whose sum in an image is not known.
///
/// # Errors
/// Where a setting is out of range, the data do not suit the model, a tensor is missing, or values are to be normalised
/// by the range of data and there are none.
pub fn imported(
    weights: Checkpoint,
    vae: &Vae,
    settings: &Settings,
    image: ImageSize,
    data: Option<&Dataset>,
) -> Result<Checkpoint, TrainError> {
    let specs = vae.parameters();
    let mut weights = weights;
    let snapshot = saved::read_parameters(&mut weights, &specs)?;
    let images = match data {
        Some(data) => {
            check(vae, settings, data)?;
            images_of(vae, settings, data)?
        }
        None => {
            settings.check()?;
            if settings.normalize != Normalize::None {
                return Err(TrainError::NoData {
                    normalize: settings.normalize,
                });
            }
            Images {
                image,
                count: 0,
                classes: vae.config().classes,
                scaling: Scaling::of_bytes(settings),
                table: None,
            }
        }
    };
    // An epoch that has not begun has no losses, whose columns could have names.
    let place = (&Place::default(), LossColumns::new(&[]));
    let mut checkpoint = saved::write(&specs, &snapshot, place, settings, &images)?;
    if data.is_none() {
        checkpoint.tensors.retain(|name, _| !saved::is_moment(name));
        for key in ["step", "epoch", "position", "images"] {
            checkpoint.metadata.remove(key);
        }
    }
    Ok(checkpoint)
}
