//! The executor that runs graphs on a GPU.

use std::cell::RefCell;
use std::sync::Arc;

use super::PlanChoice;
use super::buffers::Pool;
use super::parameters::Parameters;
use super::pass::GpuPass;
use super::session::GpuSession;
use super::supervised::Supervisor;
use crate::executor::{Executor, ExecutorError, ParameterSpec, Pass, Rows, Session, Snapshot};
use crate::gpu::Gpu;
use crate::graph::Graph;

/// Runs graphs in WGSL kernels; the parameters live in GPU buffers.
#[derive(Debug)]
pub struct GpuExecutor {
    pub(super) gpu: Arc<Gpu>,
    pub(super) seed: u64,
    pub(super) choice: PlanChoice,
    pub(super) parameters: Parameters,
    pub(super) pool: RefCell<Pool>,
    pub(super) supervisor: Option<Arc<dyn Supervisor>>,
}

impl GpuExecutor {
    /// An executor on `gpu` (an owned or a shared one) for these parameters, all zero until [`Executor::restore`]. `seed` is
    /// the key of all noise.
    ///
    /// # Errors
    /// Where the parameters do not fit on the GPU.
    pub fn new(
        gpu: impl Into<Arc<Gpu>>,
        specs: Vec<ParameterSpec>,
        seed: u64,
    ) -> Result<Self, ExecutorError> {
        let gpu = gpu.into();
        let parameters = Parameters::new(&gpu, specs)?;
        Ok(Self {
            gpu,
            seed,
            choice: PlanChoice::default(),
            parameters,
            pool: RefCell::default(),
            supervisor: None,
        })
    }

    /// Cuts the steps of coming passes into launches in this way.
    #[must_use]
    pub fn with_plan(mut self, choice: PlanChoice) -> Self {
        self.choice = choice;
        self
    }

    /// Has the steps of coming passes seen to by a supervisor, launch by launch. That is for finding out what
    /// a kernel does, and slow.
    #[must_use]
    pub fn with_supervisor(mut self, supervisor: Arc<dyn Supervisor>) -> Self {
        self.supervisor = Some(supervisor);
        self
    }
}

impl Executor for GpuExecutor {
    fn name(&self) -> String {
        self.gpu.adapter().to_string()
    }

    fn specs(&self) -> &[ParameterSpec] {
        self.parameters.specs()
    }

    fn snapshot(&mut self) -> Result<Snapshot, ExecutorError> {
        self.parameters.snapshot(&self.gpu)
    }

    fn restore(&mut self, snapshot: &Snapshot) -> Result<(), ExecutorError> {
        self.parameters.restore(&self.gpu, snapshot)
    }

    fn pass(
        &mut self,
        rows: Rows<'_>,
        batch: usize,
        graph: &dyn Fn(usize) -> Graph,
    ) -> Result<Box<dyn Pass>, ExecutorError> {
        Ok(Box::new(GpuPass::new(self, rows, batch, graph)?))
    }

    fn session(&mut self, graph: Graph) -> Result<Box<dyn Session>, ExecutorError> {
        Ok(Box::new(GpuSession::new(self, graph)?))
    }
}
