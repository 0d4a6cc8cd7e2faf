//! From the choice of an adapter to an executor.

use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::cpu::CpuExecutor;
use crate::executor::{Executor, ExecutorError, ParameterSpec};
use crate::gpu::{AdapterChoice, Gpu, GpuError, Options};
use crate::machine;
use crate::plan::{GpuExecutor, PlanChoice};
use crate::reference::ReferenceExecutor;

/// An executor, and what its user should know of it.
pub struct Opened {
    /// The executor; its parameters are zero.
    pub executor: Box<dyn Executor>,
    /// What was not as its user may expect, if anything.
    pub warning: Option<String>,
}

/// What an [`AdapterChoice`] names, before there are parameters to put on it.
pub struct Device {
    place: Place,
    plan: PlanChoice,
    warning: Option<String>,
}

/// Where graphs run.
enum Place {
    Gpu(Arc<Gpu>),
    /// On the processor, with so many threads.
    Cpu(NonZeroUsize),
    Reference,
}

impl Device {
    /// Opens what `choice` names. Where `auto` finds no adapter it takes the processor, with a warning.
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
        let cpu = || Place::Cpu(CpuExecutor::all_threads());
        let (place, warning) = match choice {
            AdapterChoice::Cpu | AdapterChoice::Reference if options.matrix_units => {
                let adapter = choice.to_string();
                return Err(GpuError::MatrixUnits { adapter }.into());
            }
            AdapterChoice::Cpu => (cpu(), None),
            AdapterChoice::Reference => {
                let slow = "the reference executor checks the kernels and is slow; `vae adapters` lists \
                            what is faster";
                (Place::Reference, Some(slow.to_owned()))
            }
            choice => match (choice, Gpu::open_with(choice, options)) {
                (_, Ok(gpu)) => (Place::Gpu(Arc::new(gpu)), None),
                (AdapterChoice::Auto, Err(error @ GpuError::NoAdapter { .. }))
                    if !options.matrix_units =>
                {
                    (cpu(), Some(format!("{error}; that is what runs now")))
                }
                (_, Err(error)) => return Err(error.into()),
            },
        };
        Ok(Self {
            place,
            plan: PlanChoice::default(),
            warning,
        })
    }

    /// Cuts the steps of its executors into launches in this way, where they have launches.
    #[must_use]
    pub fn with_plan(mut self, plan: PlanChoice) -> Self {
        self.plan = plan;
        self
    }

    /// Computes with so many threads where the processor computes.
    #[must_use]
    pub fn with_threads(mut self, threads: NonZeroUsize) -> Self {
        if let Place::Cpu(all) = &mut self.place {
            *all = threads;
        }
        self
    }

    /// The GPU, where one runs the graphs.
    pub fn gpu(&self) -> Option<&Arc<Gpu>> {
        match &self.place {
            Place::Gpu(gpu) => Some(gpu),
            Place::Cpu(_) | Place::Reference => None,
        }
    }

    /// Whether the processor's own executor runs the graphs.
    pub fn is_cpu(&self) -> bool {
        matches!(self.place, Place::Cpu(_))
    }

    /// How many bytes of images it holds, of so many that are wanted: where the host's memory is the device's, half of
    /// it at the most.
    pub fn room(&self, wanted: u64) -> u64 {
        match self.gpu().filter(|gpu| !gpu.adapter().is_software()) {
            // That little is always there, and a trial would be to no purpose.
            Some(_) if wanted < 1 << 28 => wanted,
            Some(gpu) => gpu.room(wanted),
            None => machine::memory().map_or(wanted, |bytes| wanted.min(bytes / 2)),
        }
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
        let executor: Box<dyn Executor> = match &self.place {
            Place::Gpu(gpu) => {
                let executor = GpuExecutor::new(Arc::clone(gpu), specs, seed)?;
                Box::new(executor.with_plan(self.plan))
            }
            Place::Cpu(threads) => Box::new(CpuExecutor::new(specs, seed, *threads)),
            Place::Reference => Box::new(reference(specs, seed)?),
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
