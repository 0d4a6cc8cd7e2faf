//! A training as a checkpoint: parameters under PyTorch's names, Adam's moments beside them, the
//! place in the run in the metadata.

use crate::checkpoint::{Checkpoint, Tensor};
use crate::executor::{ParameterSpec, Snapshot};

use super::{Settings, TrainError};

/// The file's format, so that a later program can tell.
const FORMAT: &str = "vae-wgpu/1";

/// The losses of the steps of an epoch that was interrupted, `[steps, 3]`.
const LOG: &str = "train.losses";

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

/// Writes a checkpoint.
pub(super) fn write(
    specs: &[ParameterSpec],
    snapshot: &Snapshot,
    place: &Place,
    settings: &Settings,
    image: [usize; 2],
) -> Result<Checkpoint, TrainError> {
    let mut checkpoint = Checkpoint::default();
    let sets = [
        ("", &snapshot.parameters),
        ("adam.m.", &snapshot.m),
        ("adam.v.", &snapshot.v),
    ];
    for (prefix, values) in sets {
        for (spec, data) in specs.iter().zip(values) {
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
        let shape = vec![place.log.len() / 3, 3];
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
    let entries = [
        ("format", FORMAT.to_owned()),
        ("step", place.step.to_string()),
        ("epoch", place.epoch.to_string()),
        ("position", place.position.to_string()),
        ("image", format!("{}x{}", image[0], image[1])),
        ("settings", settings),
    ];
    for (key, value) in entries {
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
            .map(|spec| take(checkpoint, prefix, spec))
            .collect()
    };
    Ok(Snapshot {
        parameters: set("")?,
        m: set("adam.m.")?,
        v: set("adam.v.")?,
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

/// Reads the place in the run.
pub(super) fn read_place(checkpoint: &mut Checkpoint) -> Result<Place, TrainError> {
    let format = checkpoint.metadata.get("format").map(String::as_str);
    if format != Some(FORMAT) {
        let found = format.unwrap_or("none");
        let reason = format!("its format is {found}, and this program writes {FORMAT}");
        return Err(TrainError::Foreign { reason });
    }
    Ok(Place {
        step: number(checkpoint, "step")?,
        epoch: number(checkpoint, "epoch")?,
        position: number(checkpoint, "position")?,
        log: checkpoint
            .tensors
            .remove(LOG)
            .map_or_else(Vec::new, |tensor| tensor.data),
    })
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
    Ok(tensor.data)
}

fn number<T: std::str::FromStr>(checkpoint: &Checkpoint, key: &str) -> Result<T, TrainError> {
    let text = checkpoint.metadata.get(key).map_or("", String::as_str);
    text.parse().map_err(|_| TrainError::Foreign {
        reason: format!("its metadata {key} is '{text}', which is no number in range"),
    })
}
