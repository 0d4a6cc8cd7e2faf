//! From the choice of an adapter to an executor.

use std::sync::Arc;

use crate::executor::{Executor, ExecutorError, ParameterSpec};
use crate::gpu::{AdapterChoice, Gpu, GpuError, Options};
use crate::plan::{GpuExecutor, PlanChoice};
use crate::reference::ReferenceExecutor;

/// An executor, and what its user should know of it.
pub struct Opened {
    /// The executor; its parameters are zero.
    pub executor: Box<dyn Executor>,
    /// Why this is slow, if it is the reference executor.
    pub warning: Option<String>,
}

/// What an [`AdapterChoice`] names, before there are parameters to put on it.
pub struct Device {
    /// The GPU, or `None` for the reference executor.
    gpu: Option<Arc<Gpu>>,
    plan: PlanChoice,
    warning: Option<String>,
}

impl Device {
    /// Opens what `choice` names. Where `auto` finds no adapter it takes the reference executor,
    /// with a warning.
    ///
    /// # Errors
    /// Where the choice fits nothing, or the driver refuses the device.
    pub fn open(choice: &AdapterChoice) -> Result<Self, ExecutorError> {
        Self::open_with(choice, &Options::default())
    }

    /// [`Device::open`], saying how a GPU is opened.
    ///
    /// # Errors
    /// As [`Device::open`], and where the options ask for what the adapter does not have.
    pub fn open_with(choice: &AdapterChoice, options: &Options) -> Result<Self, ExecutorError> {
        let warning = match (choice, Gpu::open_with(choice, options)) {
            (_, Ok(gpu)) => {
                return Ok(Self {
                    gpu: Some(Arc::new(gpu)),
                    plan: PlanChoice::default(),
                    warning: None,
                });
            }
            (AdapterChoice::Reference, _) if options.matrix_units => {
                let adapter = choice.to_string();
                return Err(GpuError::MatrixUnits { adapter }.into());
            }
            (AdapterChoice::Reference, _) => "the reference executor checks the kernels and is \
                                              slow; `vae adapters` lists what is faster"
                .to_owned(),
            (AdapterChoice::Auto, Err(error @ GpuError::NoAdapter { .. }))
                if !options.matrix_units =>
            {
                format!("{error}; that is what runs now, slowly")
            }
            (_, Err(error)) => return Err(error.into()),
        };
        Ok(Self {
            gpu: None,
            plan: PlanChoice::default(),
            warning: Some(warning),
        })
    }

    /// Cuts the steps of its executors into launches in this way; the reference executor has none.
    #[must_use]
    pub fn with_plan(mut self, plan: PlanChoice) -> Self {
        self.plan = plan;
        self
    }

    /// The GPU; `None` for the reference executor.
    pub fn gpu(&self) -> Option<&Arc<Gpu>> {
        self.gpu.as_ref()
    }

    /// What its user should know.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// An executor for these parameters; `seed` is the key of all noise. Several share the GPU.
    ///
    /// # Errors
    /// Where the parameters do not fit.
    pub fn executor(&self, specs: Vec<ParameterSpec>, seed: u64) -> Result<Opened, ExecutorError> {
        let executor: Box<dyn Executor> = match &self.gpu {
            Some(gpu) => {
                let executor = GpuExecutor::new(Arc::clone(gpu), specs, seed)?;
                Box::new(executor.with_plan(self.plan))
            }
            None => Box::new(reference(specs, seed)?),
        };
        Ok(Opened {
            executor,
            warning: self.warning.clone(),
        })
    }
}

/// Opens the executor that `choice` names: [`Device::open`] and [`Device::executor`].
///
/// # Errors
/// As theirs.
pub fn open(
    choice: &AdapterChoice,
    specs: Vec<ParameterSpec>,
    seed: u64,
) -> Result<Opened, ExecutorError> {
    Device::open(choice)?.executor(specs, seed)
}

/// The most values of parameters that the reference executor takes: a step with more would take
/// minutes, and their copies the memory that the rest of the machine needs.
const REFERENCE_LIMIT: usize = 1 << 26;

fn reference(specs: Vec<ParameterSpec>, seed: u64) -> Result<ReferenceExecutor, ExecutorError> {
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
    Ok(ReferenceExecutor::new(specs, seed))
}
