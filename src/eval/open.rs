//! From an `--adapter` to an executor.

use crate::executor::{Executor, ExecutorError, ParameterSpec};
use crate::gpu::{AdapterChoice, Gpu, GpuError};
use crate::plan::GpuExecutor;
use crate::reference::ReferenceExecutor;

/// An executor, and what its user should know of it.
pub struct Opened {
    /// The executor; its parameters are zero.
    pub executor: Box<dyn Executor>,
    /// Why this is slow, if it is the reference executor.
    pub warning: Option<String>,
}

/// Opens the executor that `choice` names, for these parameters; `seed` is the key of all noise.
///
/// Where `auto` finds no adapter it takes the reference executor, with a warning.
///
/// # Errors
/// Where the choice fits nothing or the parameters do not fit on the adapter.
pub fn open(
    choice: &AdapterChoice,
    specs: Vec<ParameterSpec>,
    seed: u64,
) -> Result<Opened, ExecutorError> {
    let gpu = match (choice, Gpu::open(choice)) {
        (_, Ok(gpu)) => gpu,
        (AdapterChoice::Reference, _) => {
            let warning = "the reference executor checks the kernels and is slow; \
                           `vae adapters` lists what is faster";
            return Ok(reference(specs, seed, warning.to_owned()));
        }
        (AdapterChoice::Auto, Err(error @ GpuError::NoAdapter { .. })) => {
            return Ok(reference(
                specs,
                seed,
                format!("{error}; that is what runs now, slowly"),
            ));
        }
        (_, Err(error)) => return Err(error.into()),
    };
    let executor = Box::new(GpuExecutor::new(gpu, specs, seed)?);
    Ok(Opened {
        executor,
        warning: None,
    })
}

fn reference(specs: Vec<ParameterSpec>, seed: u64, warning: String) -> Opened {
    let executor = Box::new(ReferenceExecutor::new(specs, seed));
    Opened {
        executor,
        warning: Some(warning),
    }
}
