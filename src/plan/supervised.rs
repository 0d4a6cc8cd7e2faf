//! Steps that somebody watches: launch by launch, each with what its bytes do not say.

use std::fmt::Debug;

use super::Plan;
use crate::gpu::{Gpu, GpuError, Launch};
use crate::graph::Optimizer;
use crate::kernels::rows::{Log, Program, Section};
use crate::kernels::update::{Layer, Part};
use crate::kernels::{adam, pointwise};

/// What a launch was made from, as far as its parameters and its buffers do not say it.
#[derive(Clone, Debug, Default)]
pub enum Origin {
    /// They say it all.
    #[default]
    Parameters,
    /// A kernel that expressions made.
    Pointwise(pointwise::Work),
    /// Stages of a program.
    Rows {
        /// All stages of the step.
        program: Program,
        /// Where the rows' losses go.
        log: Log,
        /// Those of this launch.
        section: Section,
    },
    /// The gradients of layers, and what is done with them.
    Update {
        /// The rows of the batch.
        part: Part,
        /// The layers.
        layers: Vec<Layer>,
        /// What updates them.
        optimizer: Optimizer,
    },
    /// An optimiser's step.
    Adam {
        /// The optimiser.
        optimizer: Optimizer,
        /// Whether the step has been counted.
        counter: adam::Counter,
    },
}

/// Decides how each launch of a pass's steps runs. The steps then wait for one another, launch by
/// launch, and each is a submission of its own.
pub trait Supervisor: Debug + Send + Sync {
    /// Sees to one launch. `run` runs its kernel and waits for its end; a supervisor may call it, or
    /// leave in the launch's buffers what the kernel would have.
    ///
    /// # Errors
    /// Where the device fails.
    fn launch(
        &self,
        gpu: &Gpu,
        launch: &Launch,
        origin: &Origin,
        run: &mut dyn FnMut() -> Result<(), GpuError>,
    ) -> Result<(), GpuError>;
}

/// A plan's launches, for a supervisor.
#[derive(Clone, Debug)]
pub(super) struct Supervised {
    pub(super) launches: Vec<(Launch, Origin)>,
    /// What makes lines of the log.
    pub(super) reduction: Option<Launch>,
}

impl Plan {
    /// Runs one step under a supervisor.
    pub(super) fn run_supervised(
        &self,
        gpu: &Gpu,
        of: &Supervised,
        supervisor: &dyn Supervisor,
    ) -> Result<(), GpuError> {
        for ((launch, origin), dispatch) in of.launches.iter().zip(&self.dispatches) {
            supervisor.launch(gpu, launch, origin, &mut || gpu.run_alone(dispatch))?;
        }
        match of.reduction.as_ref().zip(self.reduction.as_ref()) {
            // Its grid is that of one step.
            Some((launch, dispatch)) => {
                supervisor.launch(gpu, launch, &Origin::Parameters, &mut || {
                    gpu.run_alone(dispatch)
                })
            }
            None => Ok(()),
        }
    }
}
