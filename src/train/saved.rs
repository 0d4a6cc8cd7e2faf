//! A training as a checkpoint: parameters under PyTorch's names, Adam's moments beside them, the
//! place in the run in the metadata.

use std::sync::Arc;

use crate::checkpoint::{Checkpoint, Tensor};
use crate::data::ImageSize;
use crate::data::table::Schema;
use crate::executor::{ParameterSpec, Snapshot};

use super::{Difference, LossColumns, Scaling, Settings, TrainError};

/// The file's format, so that a later program can tell.
const FORMAT: &str = "vae-wgpu/1";

/// The losses of the steps of an epoch that was interrupted, `[steps, 1 + terms]`.
const LOG: &str = "train.losses";

/// The key of the metadata that has the schema of a table, as JSON.
const TABLE: &str = "table";

/// What the names of Adam's first and second moments begin with, before the parameter's.
const MOMENTS: [&str; 2] = ["adam.m.", "adam.v."];

/// Whether a tensor of a checkpoint is a moment of a parameter.
pub(super) fn is_moment(name: &str) -> bool {
    MOMENTS.iter().any(|prefix| name.starts_with(prefix))
}

/// Where a run is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Place {
    /// Steps since the start.
    pub(super) step: u32,
    /// Epochs that are complete.
    pub(super) epoch: u32,
    /// Images of the current epoch that are done.
    pub(super) position: usize,
    /// The losses of the current epoch's steps so far.
    pub(super) log: Vec<f32>,
}

impl Place {
    /// Whether a training on `images` images in batches of `batch` passes through here.
    fn check(
        &self,
        images: usize,
        batch: usize,
        columns: LossColumns<'_>,
    ) -> Result<(), TrainError> {
        let done = self.position / batch;
        let steps = u64::from(self.epoch) * images.div_ceil(batch) as u64 + done as u64;
        let is_on_the_way = self.position < images
            && self.position.is_multiple_of(batch)
            && u64::from(self.step) == steps
            && self.log.len() == done * columns.width();
        if is_on_the_way {
            return Ok(());
        }
        let reason = format!(
            "it stands at step {}, epoch {}, image {}, which {images} images in batches of {batch} \
             never come to",
            self.step, self.epoch, self.position
        );
        Err(TrainError::Foreign { reason })
    }
}

/// The images of a run.
#[derive(Clone, Debug)]
pub(super) struct Images {
    /// How large each is.
    pub(super) image: ImageSize,
    /// How many there are to train on.
    pub(super) count: usize,
    /// Classes of their labels, where the model reads them; else 0.
    pub(super) classes: usize,
    /// How the model sees their values.
    pub(super) scaling: Scaling,
    /// What the columns are, where they are rows of a table.
    pub(super) table: Option<Arc<Schema>>,
}

/// A size as metadata say it: 28x28, or 28x28x3 where there are several channels.
pub(super) fn size(image: ImageSize) -> String {
    let sizes: Vec<usize> = image.into();
    let sizes: Vec<_> = sizes.iter().map(usize::to_string).collect();
    sizes.join("x")
}

/// The size that such a text says.
fn size_of(text: &str) -> Option<ImageSize> {
    let sizes: Result<Vec<usize>, _> = text.split('x').map(str::parse).collect();
    ImageSize::try_from(sizes.ok()?).ok()
}

/// Writes a checkpoint.
pub(super) fn write(
    specs: &[ParameterSpec],
    snapshot: &Snapshot,
    (place, columns): (&Place, LossColumns<'_>),
    settings: &Settings,
    images: &Images,
) -> Result<Checkpoint, TrainError> {
    let mut checkpoint = Checkpoint::default();
    let sets = [
        ("", &snapshot.parameters),
        (MOMENTS[0], &snapshot.m),
        (MOMENTS[1], &snapshot.v),
    ];
    for (prefix, values) in sets {
        let moments = !prefix.is_empty();
        for (spec, data) in specs.iter().zip(values) {
            if moments && spec.is_state() {
                continue;
            }
            let tensor = Tensor {
                shape: spec.shape.dims().to_vec(),
                data: data.clone(),
            };
            checkpoint
                .tensors
                .insert(format!("{prefix}{}", spec.name), tensor);
        }
    }
    if !place.log.is_empty() {
        let shape = vec![columns.lines(&place.log).len(), columns.width()];
        checkpoint.tensors.insert(
            LOG.to_owned(),
            Tensor {
                shape,
                data: place.log.clone(),
            },
        );
    }
    let settings = toml::to_string(settings).map_err(|error| TrainError::Foreign {
        reason: error.to_string(),
    })?;
    let [min, max] = images.scaling.range();
    let entries = [
        ("format", FORMAT.to_owned()),
        ("step", place.step.to_string()),
        ("epoch", place.epoch.to_string()),
        ("position", place.position.to_string()),
        ("image", size(images.image)),
        ("images", images.count.to_string()),
        ("classes", images.classes.to_string()),
        // The shortest digits that read back as the same numbers.
        ("range", format!("{min} {max}")),
        ("settings", settings),
    ];
    let library = images.scaling.library().to_string();
    let library = images
        .scaling
        .is_of_counts()
        .then_some(("library", library));
    let table = images.table.as_deref().map(serde_json::to_string);
    let table = table.transpose().map_err(|error| TrainError::Foreign {
        reason: error.to_string(),
    })?;
    let table = table.map(|table| (TABLE, table));
    for (key, value) in entries.into_iter().chain(library).chain(table) {
        checkpoint.metadata.insert(key.to_owned(), value);
    }
    Ok(checkpoint)
}

/// Reads the parameters and, where they are there, the moments.
pub(super) fn read_snapshot(
    checkpoint: &mut Checkpoint,
    specs: &[ParameterSpec],
) -> Result<Snapshot, TrainError> {
    let mut set = |prefix: &str| -> Result<Vec<Vec<f32>>, TrainError> {
        specs
            .iter()
            .map(|spec| match !prefix.is_empty() && spec.is_state() {
                true => Ok(vec![0.0; spec.shape.len()]),
                false => take(checkpoint, prefix, spec),
            })
            .collect()
    };
    Ok(Snapshot {
        parameters: set("")?,
        m: set(MOMENTS[0])?,
        v: set(MOMENTS[1])?,
    })
}

/// Reads the parameters alone.
pub(super) fn read_parameters(
    checkpoint: &mut Checkpoint,
    specs: &[ParameterSpec],
) -> Result<Snapshot, TrainError> {
    let parameters = specs.iter().map(|spec| take(checkpoint, "", spec));
    let parameters: Vec<_> = parameters.collect::<Result<_, _>>()?;
    let zeros: Vec<_> = specs
        .iter()
        .map(|spec| vec![0.0; spec.shape.len()])
        .collect();
    Ok(Snapshot {
        parameters,
        m: zeros.clone(),
        v: zeros,
    })
}

/// The parameters of a checkpoint and nothing else: no moments, no metadata.
///
/// # Errors
/// Where the checkpoint lacks one or has one of another shape, or a value is not finite.
pub fn parameters_alone(
    mut checkpoint: Checkpoint,
    specs: &[ParameterSpec],
) -> Result<Checkpoint, TrainError> {
    let mut alone = Checkpoint::default();
    for spec in specs {
        let tensor = Tensor {
            shape: spec.shape.dims().to_vec(),
            data: take(&mut checkpoint, "", spec)?,
        };
        alone.tensors.insert(spec.name.clone(), tensor);
    }
    Ok(alone)
}

/// Checks that a checkpoint is of this architecture, as far as it says of which it is: another
/// program's, which has the tensors alone, says nothing.
///
/// # Errors
/// [`TrainError::OtherSettings`] with the first difference.
pub fn check_architecture(
    checkpoint: &Checkpoint,
    settings: &Settings,
    image: ImageSize,
) -> Result<(), TrainError> {
    if let Some(recorded) = recorded_settings(checkpoint)? {
        check_same(&settings.with_model_of(&recorded), settings)?;
    }
    match checkpoint.metadata.get("image") {
        Some(recorded) if *recorded != size(image) => Err(TrainError::OtherSettings {
            recorded: format!("images of {recorded} pixels"),
            given: format!("{} pixels", size(image)),
        }),
        _ => Ok(()),
    }
}

/// The settings, the size of an image, and the classes of the training that wrote a
/// checkpoint.
pub(super) fn read_architecture(
    checkpoint: &Checkpoint,
) -> Result<(Settings, ImageSize, usize), TrainError> {
    let image = checkpoint.metadata.get("image");
    let image = image.and_then(|text| size_of(text));
    match (recorded_settings(checkpoint)?, image) {
        (Some(settings), Some(image)) => Ok((settings, image, classes(checkpoint))),
        _ => Err(TrainError::Foreign {
            reason: "its metadata does not say what model it is of".to_owned(),
        }),
    }
}

/// Classes of labels that a checkpoint's model reads; 0 where it reads none.
pub fn classes(checkpoint: &Checkpoint) -> usize {
    let classes = checkpoint.metadata.get("classes");
    classes.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// How the model of a checkpoint sees values, with the training's settings. A checkpoint that does not say
/// the range of its images is one of bytes, by an older program.
///
/// # Errors
/// Where what it says is no range.
pub fn scaling(checkpoint: &Checkpoint, settings: &Settings) -> Result<Scaling, TrainError> {
    let Some(text) = checkpoint.metadata.get("range") else {
        return Ok(Scaling::new(settings, [0.0, 1.0]));
    };
    let library = checkpoint.metadata.get("library");
    let library = library.and_then(|text| text.parse().ok()).unwrap_or(1.0);
    let ends: Vec<f32> = text.split(' ').flat_map(str::parse).collect();
    match ends[..] {
        [min, max] if min <= max && min.is_finite() && max.is_finite() => {
            Ok(Scaling::new(settings, [min, max]).with_library(library))
        }
        _ => Err(TrainError::Foreign {
            reason: format!("its metadata range is '{text}', which is no range of values"),
        }),
    }
}

/// What the columns of the rows are that the model of a checkpoint was trained on; `None` where they are no table's.
///
/// # Errors
/// Where what it says is no schema.
pub fn table(checkpoint: &Checkpoint) -> Result<Option<Schema>, TrainError> {
    let schema = checkpoint.metadata.get(TABLE).map(|text| {
        serde_json::from_str(text).map_err(|error| TrainError::Foreign {
            reason: format!("its metadata {TABLE} says no columns of a table ({error})"),
        })
    });
    schema.transpose()
}

/// The settings of the training that wrote a checkpoint, where it says them.
///
/// # Errors
/// Where what it says are no settings.
pub fn recorded_settings(checkpoint: &Checkpoint) -> Result<Option<Settings>, TrainError> {
    let Some(text) = checkpoint.metadata.get("settings") else {
        return Ok(None);
    };
    let settings = toml::from_str(text).map_err(|_| TrainError::Foreign {
        reason: "its metadata has settings that this program does not know".to_owned(),
    })?;
    Ok(Some(settings))
}

/// Checks the settings that a run keeps to its end, as far as a checkpoint says them.
///
/// # Errors
/// [`TrainError::OtherSettings`] with the first difference, and where what it says are no settings.
pub fn check_fixed(checkpoint: &Checkpoint, settings: &Settings) -> Result<(), TrainError> {
    match recorded_settings(checkpoint)? {
        Some(recorded) => check_same(&recorded, settings),
        None => Ok(()),
    }
}

/// Checks the settings that a run keeps to its end.
fn check_same(recorded: &Settings, given: &Settings) -> Result<(), TrainError> {
    let differences = recorded.differences(given);
    let fixed = differences.into_iter().find(|d| d.why_fixed().is_some());
    match fixed {
        Some(Difference {
            setting,
            own,
            other,
        }) => Err(TrainError::OtherSettings {
            recorded: format!("{setting} = {own}"),
            given: format!("{setting} = {other}"),
        }),
        None => Ok(()),
    }
}

/// Reads the place in the run, whose settings, images and columns of losses these are.
pub(super) fn read_place(
    checkpoint: &mut Checkpoint,
    settings: &Settings,
    images: &Images,
    columns: LossColumns<'_>,
) -> Result<Place, TrainError> {
    let foreign = |reason| Err(TrainError::Foreign { reason });
    match checkpoint.metadata.get("format").map(String::as_str) {
        Some(FORMAT) => {}
        Some(found) => {
            return foreign(format!(
                "its format is {found}, and this program reads {FORMAT}"
            ));
        }
        None => {
            return foreign(
                "its metadata does not say where in a training it was written".to_owned(),
            );
        }
    }
    let Some(recorded) = recorded_settings(checkpoint)? else {
        return foreign("its metadata has no settings".to_owned());
    };
    check_same(&recorded, settings)?;
    check_architecture(checkpoint, settings, images.image)?;
    if classes(checkpoint) != images.classes {
        return Err(TrainError::OtherClasses {
            found: images.classes,
            expected: classes(checkpoint),
        });
    }
    if table(checkpoint)?.as_ref() != images.table.as_deref() {
        return Err(TrainError::OtherTable);
    }
    let expected = number(checkpoint, "images")?;
    if expected != images.count {
        let found = images.count;
        return Err(TrainError::OtherData { found, expected });
    }
    let (found, expected) = (
        images.scaling.range(),
        scaling(checkpoint, settings)?.range(),
    );
    if found != expected {
        return Err(TrainError::OtherRange { found, expected });
    }
    let place = Place {
        step: number(checkpoint, "step")?,
        epoch: number(checkpoint, "epoch")?,
        position: number(checkpoint, "position")?,
        log: checkpoint
            .tensors
            .remove(LOG)
            .map_or_else(Vec::new, |tensor| tensor.data),
    };
    place.check(images.count, settings.batch_size, columns)?;
    Ok(place)
}

fn take(
    checkpoint: &mut Checkpoint,
    prefix: &str,
    spec: &ParameterSpec,
) -> Result<Vec<f32>, TrainError> {
    let name = format!("{prefix}{}", spec.name);
    let Some(tensor) = checkpoint.tensors.remove(&name) else {
        return Err(TrainError::Foreign {
            reason: format!("it has no tensor {name}"),
        });
    };
    if tensor.shape != spec.shape.dims() {
        let reason = format!(
            "its tensor {name} has shape {:?}, and the model has {:?}",
            tensor.shape,
            spec.shape.dims()
        );
        return Err(TrainError::Foreign { reason });
    }
    match tensor.data.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(TrainError::Spoiled {
            tensor: name,
            index,
            value: tensor.data[index],
        }),
        None => Ok(tensor.data),
    }
}

fn number<T: std::str::FromStr>(checkpoint: &Checkpoint, key: &str) -> Result<T, TrainError> {
    let text = checkpoint.metadata.get(key).map_or("", String::as_str);
    text.parse().map_err(|_| TrainError::Foreign {
        reason: format!("its metadata {key} is '{text}', which is no number in range"),
    })
}
