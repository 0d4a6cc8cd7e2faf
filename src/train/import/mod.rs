//! A model with the weights of another program, such as a PyTorch state dict.

mod checkpoint;
mod mismatch;
mod names;

use crate::checkpoint::{Checkpoint, Foreign, Tensor};
use crate::executor::ParameterSpec;

use super::{TrainError, parameters_alone};

pub use checkpoint::imported;
pub use mismatch::{Fault, Mismatch, Sizes};
pub use names::Names;

/// Why the tensors of another program are not taken for a model's.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A name that was translated is none of the model's.
    #[error("the model has no tensor {ours}, nor any whose name begins with that and a dot; it has {}", known.join(", "))]
    UnknownName {
        /// The name.
        ours: String,
        /// The model's.
        known: Vec<String>,
    },
    /// The tensors differ from the model's.
    #[error("{0}")]
    Mismatch(Mismatch),
    /// A value is no number that a model can have.
    #[error(transparent)]
    Train(#[from] TrainError),
}

/// What PyTorch's batch normalisation counts, which no computation reads.
const COUNTER: &str = "num_batches_tracked";

/// The parameters `specs` of a model from the tensors of another program, which calls them by `names`. Shapes are the
/// same but for dimensions of 1. Tensors that the model has not are an error, unless they are to be left out.
///
/// # Errors
/// Where tensors are missing, of other shapes or too many, with all of them; where a name is none of the model's; where
/// a value is not finite.
pub fn import(
    mut foreign: Foreign,
    names: &Names,
    specs: &[ParameterSpec],
    leave_out: bool,
) -> Result<Checkpoint, ImportError> {
    if let Some(ours) = names.unknown(specs) {
        return Err(ImportError::UnknownName {
            ours: ours.to_owned(),
            known: specs.iter().map(|spec| spec.name.clone()).collect(),
        });
    }
    let sizes =
        Sizes::of(&foreign, names).filter(|own| Some(own) != Sizes::of_model(specs).as_ref());
    let mut taken = Checkpoint::default();
    let mut faults = Vec::new();
    let mut used = Vec::new();
    for spec in specs {
        let (ours, theirs) = (spec.name.clone(), names.theirs(&spec.name));
        let shape = spec.shape.dims().to_vec();
        match (foreign.tensors.get(&theirs), foreign.others.get(&theirs)) {
            (Some(found), _) if without_ones(&found.shape) == without_ones(&shape) => {
                let data = found.data.clone();
                taken.tensors.insert(ours, Tensor { shape, data });
            }
            (Some(found), _) => faults.push(Fault::Misshapen {
                found: found.shape.clone(),
                theirs: theirs.clone(),
                ours,
                shape,
            }),
            (None, Some((dtype, _))) => faults.push(Fault::NoFloats {
                dtype: dtype.clone(),
                theirs: theirs.clone(),
                ours,
            }),
            (None, None) => faults.push(Fault::Missing {
                theirs: theirs.clone(),
                ours,
                shape,
            }),
        }
        used.push(theirs);
    }
    if !leave_out {
        for theirs in &used {
            foreign.tensors.remove(theirs);
            foreign.others.remove(theirs);
        }
        let floats = foreign.tensors.into_iter();
        let floats = floats.map(|(name, tensor)| (name, tensor.shape));
        let others = foreign.others.into_iter();
        let others = others.map(|(name, (_, shape))| (name, shape));
        let extra = floats.chain(others);
        let extra = extra.filter(|(name, _)| name.rsplit('.').next() != Some(COUNTER));
        faults.extend(extra.map(|(theirs, found)| Fault::Extra { theirs, found }));
    }
    match faults.is_empty() {
        true => Ok(parameters_alone(taken, specs)?),
        false => {
            // The sizes of what is transposed are others'.
            let sizes = sizes.filter(|_| !faults.iter().any(Fault::is_transposed));
            Err(ImportError::Mismatch(Mismatch { faults, sizes }))
        }
    }
}

/// The dimensions that say how elements lie.
fn without_ones(shape: &[usize]) -> Vec<usize> {
    let longer = shape.iter().copied().filter(|&extent| extent != 1);
    longer.collect()
}
