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
            return reference(specs, seed, warning.to_owned());
        }
        (AdapterChoice::Auto, Err(error @ GpuError::NoAdapter { .. })) => {
            let warning = format!("{error}; that is what runs now, slowly");
            return reference(specs, seed, warning);
        }
        (_, Err(error)) => return Err(error.into()),
    };
    let executor = Box::new(GpuExecutor::new(gpu, specs, seed)?);
    Ok(Opened {
        executor,
        warning: None,
    })
}

/// The most values of parameters that the reference executor takes: a step with more would take
/// minutes, and their copies the memory that the rest of the machine needs.
const REFERENCE_LIMIT: usize = 1 << 26;

fn reference(
    specs: Vec<ParameterSpec>,
    seed: u64,
    warning: String,
) -> Result<Opened, ExecutorError> {
    let total: usize = specs.iter().map(|spec| spec.shape.len()).sum();
    if total > REFERENCE_LIMIT {
        let too_large = GpuError::TooLarge {
            what: format!("the parameters ({total} values)"),
            bytes: 4 * total as u64,
            limit: 4 * REFERENCE_LIMIT as u64,
            adapter: AdapterChoice::Reference.to_string(),
            remedy: format!("at most {REFERENCE_LIMIT} values would fit: use smaller layers"),
        };
        return Err(too_large.into());
    }
    let executor = Box::new(ReferenceExecutor::new(specs, seed));
    Ok(Opened {
        executor,
        warning: Some(warning),
    })
}
