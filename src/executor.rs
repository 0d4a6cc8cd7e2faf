//! What runs graphs: one interface, two executors.
//!
//! [`crate::plan::GpuExecutor`] runs them in WGSL kernels, [`crate::reference::ReferenceExecutor`]
//! in plain CPU code. An executor holds one set of parameters, by name; every graph that it runs
//! sees the same ones.

use std::borrow::Cow;

mod rows;

pub(crate) use rows::Room;
pub use rows::{Rows, Values};

use crate::gpu::GpuError;
use crate::graph::{Graph, Shape, TensorId};
use crate::setting::Remedy;

/// A failure while running graphs.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ExecutorError {
    /// The GPU's.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// Saved values that do not belong to these parameters.
    #[error(
        "parameter {name} has {expected} values here and {found} in the saved state; it belongs to another architecture"
    )]
    Mismatch {
        /// The parameter.
        name: String,
        /// How many values it has.
        expected: usize,
        /// How many were given.
        found: usize,
    },
}

impl ExecutorError {
    /// Settings that would put it right.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::Gpu(error) => error.remedies(),
            Self::Mismatch { .. } => Vec::new(),
        }
    }
}

/// A trained parameter, before any graph uses it.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterSpec {
    /// Its name, as in checkpoints: `encoder.mu.weight`.
    pub name: String,
    /// `[out, in]` for a weight, `[out]` for a bias.
    pub shape: Shape,
    /// Its values before the first step.
    pub initial: Initial,
}

impl ParameterSpec {
    /// The part of the model that owns it, as its name says: `encoder`, `decoder`, `prior`.
    pub fn group(&self) -> &str {
        self.name.split('.').next().unwrap_or_default()
    }

    /// Whether it is no parameter but a state that follows statistics of what is trained on, as its name says:
    /// `encoder.hidden.0.norm.running_mean`. It is saved beside the parameters, and has no moments.
    pub fn is_state(&self) -> bool {
        let word = self.name.rsplit('.').next().unwrap_or_default();
        word.starts_with("running_")
    }

    /// Whether it is the weight of a layer: no bias, scale, mean of a prior or pseudo-input.
    pub fn is_weight(&self) -> bool {
        self.name.ends_with(".weight")
    }
}

/// Values of a parameter before the first step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Initial {
    /// PyTorch's for a linear layer: U(−1/√fan_in, 1/√fan_in).
    Uniform {
        /// Inputs of the layer.
        fan_in: usize,
    },
    /// Glorot's: U(−√(6 / (fan_in + fan_out)), √(6 / (fan_in + fan_out))).
    Glorot {
        /// Inputs of the layer.
        fan_in: usize,
        /// Outputs of the layer.
        fan_out: usize,
    },
    /// N(0, 1).
    Normal,
    /// U(0, 1).
    UnitInterval,
    /// All the same.
    Constant(f32),
}

/// Everything that training changes: the parameters and Adam's moments, in the order of the specs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Values of each parameter.
    pub parameters: Vec<Vec<f32>>,
    /// First moments.
    pub m: Vec<Vec<f32>>,
    /// Second moments.
    pub v: Vec<Vec<f32>>,
}

impl Snapshot {
    /// Whether it belongs to parameters of these shapes.
    ///
    /// # Errors
    /// [`ExecutorError::Mismatch`] with the first that does not fit.
    pub fn check(&self, specs: &[ParameterSpec]) -> Result<(), ExecutorError> {
        for values in [&self.parameters, &self.m, &self.v] {
            for (index, spec) in specs.iter().enumerate() {
                let found = values.get(index).map_or(0, Vec::len);
                if found != spec.shape.len() {
                    let (name, expected) = (spec.name.clone(), spec.shape.len());
                    return Err(ExecutorError::Mismatch {
                        name,
                        expected,
                        found,
                    });
                }
            }
        }
        Ok(())
    }
}

/// Where a pass over the data starts.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// The step's number, for noise and bias correction.
    pub step: u32,
    /// Rows of this epoch that are done; a multiple of the batch size.
    pub position: usize,
    /// The order of the rows: a permutation of `0 .. count`.
    pub order: &'a [u32],
}

impl Start<'_> {
    /// Checks that a pass over `count` rows in batches of `batch` can start here.
    ///
    /// # Panics
    /// Where the order is no list of `count` rows, or the position lies between batches: kernels
    /// index with both.
    pub(crate) fn check(&self, count: usize, batch: usize) {
        assert_eq!(self.order.len(), count, "an order of other rows");
        assert!(
            self.order.iter().all(|&row| (row as usize) < count),
            "an order beyond the rows"
        );
        let between = !self.position.is_multiple_of(batch) && self.position != count;
        assert!(
            self.position <= count && !between,
            "position {}",
            self.position
        );
    }
}

/// What a run of a [`Session`] gives back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outputs {
    /// The graph's outputs, in its order.
    pub tensors: Vec<Vec<f32>>,
    /// The objective and its terms, where the graph has terms.
    pub losses: Vec<f32>,
}

/// What one step of a pass does on a GPU.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Dispatches that a step records.
    pub dispatches: usize,
    /// Those before which wgpu places a barrier, in a step that begins its pass; in a later one all
    /// of them wait, since each writes where the step before read.
    pub barriers: usize,
    /// The kernels, longest first; `None` where the adapter cannot measure them.
    pub kernels: Option<Vec<KernelTime>>,
}

/// What a step spends in one kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelTime {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Launches a step.
    pub launches: usize,
    /// Microseconds a step, by the GPU's clock: of each launch, from the end of the one before to
    /// its own end, so that a barrier between the two counts.
    pub micros: f64,
}

/// A graph that runs over a data set, batch by batch.
///
/// The losses of the steps since [`Pass::begin`] form a log of lines `[objective, term, …]`.
pub trait Pass: Send {
    /// Exchanges the rows for others, of the same length and kind and with labels where there were labels: at most as
    /// many as the pass was made for, in whole batches or with as many beyond them as it was made for. Nothing is
    /// compiled anew. The next call is [`Pass::begin`].
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// Where the pass was not made for these rows.
    fn load(&mut self, rows: Rows<'_>) -> Result<(), ExecutorError>;

    /// Goes to a place in an epoch and empties the log.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// Where the order is not one of this pass's rows, or the position lies between two batches.
    fn begin(&mut self, start: Start<'_>) -> Result<(), ExecutorError>;

    /// Runs up to `steps` steps, at most to the end of the epoch; may return before they are done.
    /// Returns how many.
    ///
    /// # Errors
    /// Where the device fails.
    fn advance(&mut self, steps: usize) -> Result<usize, ExecutorError>;

    /// Waits for the steps and returns the whole log.
    ///
    /// # Errors
    /// Where the device fails.
    fn losses(&mut self) -> Result<Vec<f32>, ExecutorError>;

    /// Says whether [`Pass::recent_losses`] will be asked: then copies of the log leave with the
    /// steps. At first nobody watches.
    fn watch(&mut self, watched: bool);

    /// A recent prefix of the log, if somebody watches and a new one has arrived; never waits.
    ///
    /// # Errors
    /// Where the device fails.
    fn recent_losses(&mut self) -> Result<Option<Vec<f32>>, ExecutorError>;

    /// Runs one step operation by operation and names the first whose result is not finite. The
    /// parameters are not to be used afterwards: the step may have updated them.
    ///
    /// # Errors
    /// Where the device fails.
    fn find_non_finite(&mut self) -> Result<Option<String>, ExecutorError>;

    /// Runs up to `steps` whole batches, at most to the end of the epoch, and measures each launch;
    /// they count as those of [`Pass::advance`] do. `None` where no GPU runs them.
    ///
    /// # Errors
    /// Where the device fails.
    fn profile(&mut self, steps: usize) -> Result<Option<Profile>, ExecutorError>;
}

/// A graph that runs on values of the caller's.
pub trait Session: Send {
    /// Writes the inputs, runs the graph once and reads its outputs. Inputs that are not given keep
    /// the values of the run before; the first run gives them all, each in its whole length. `step`
    /// is what noise and bias correction see.
    ///
    /// # Errors
    /// Where the device fails.
    fn run(&mut self, step: u32, inputs: &[(TensorId, &[f32])]) -> Result<Outputs, ExecutorError>;
}

/// Holds parameters and runs graphs that use them.
pub trait Executor: Send {
    /// What it runs on, for people.
    fn name(&self) -> String;

    /// Its parameters.
    fn specs(&self) -> &[ParameterSpec];

    /// Reads parameters and moments.
    ///
    /// # Errors
    /// Where the device fails.
    fn snapshot(&mut self) -> Result<Snapshot, ExecutorError>;

    /// Writes parameters and moments.
    ///
    /// # Errors
    /// Where the device fails, or the snapshot belongs to other parameters.
    fn restore(&mut self, snapshot: &Snapshot) -> Result<(), ExecutorError>;

    /// Prepares a pass over `rows` in batches of `batch`; `graph` writes the graph for a number of
    /// rows, since the last batch of an epoch may be smaller.
    ///
    /// # Errors
    /// Where the device fails or something does not fit on it.
    fn pass(
        &mut self,
        rows: Rows<'_>,
        batch: usize,
        graph: &dyn Fn(usize) -> Graph,
    ) -> Result<Box<dyn Pass>, ExecutorError>;

    /// Prepares a graph for values of the caller's.
    ///
    /// # Errors
    /// As [`Executor::pass`].
    fn session(&mut self, graph: Graph) -> Result<Box<dyn Session>, ExecutorError>;
}
