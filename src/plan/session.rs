//! A graph that runs on values of the caller's.

use std::sync::Arc;

use super::buffers::Buffers;
use super::executor::GpuExecutor;
use super::uncompiled::UncompiledPlan;
use super::{Plan, SharedBuffers};
use crate::executor::{ExecutorError, Outputs, Session};
use crate::gpu::Gpu;
use crate::graph::{Graph, TensorId};
use crate::kernels::State;

/// One plan, its inputs written and its outputs read at each run.
pub(super) struct GpuSession {
    gpu: Arc<Gpu>,
    graph: Graph,
    plan: Plan,
    buffers: Buffers,
    shared: SharedBuffers,
}

impl GpuSession {
    pub(super) fn new(executor: &mut GpuExecutor, graph: Graph) -> Result<Self, ExecutorError> {
        let gpu = Arc::clone(&executor.gpu);
        let shared = SharedBuffers {
            state: gpu.upload("the state of a session", &[State::default()])?,
            losses: gpu.allocate("the losses of a session", 1 + graph.terms().len())?,
            dataset: None,
            rows: None,
        };
        let pool = &mut executor.pool.borrow_mut();
        let (uncompiled, buffers) = UncompiledPlan::general(
            &gpu,
            &graph,
            executor.seed,
            &mut executor.parameters,
            pool,
            &shared,
        )?;
        let plan = UncompiledPlan::prepare(&gpu, vec![uncompiled], false)?.swap_remove(0);
        Ok(Self {
            gpu,
            graph,
            plan,
            buffers,
            shared,
        })
    }
}

impl Session for GpuSession {
    fn run(&mut self, step: u32, inputs: &[(TensorId, &[f32])]) -> Result<Outputs, ExecutorError> {
        self.gpu.write(
            &self.shared.state,
            &[State {
                step,
                ..State::default()
            }],
        );
        for &(id, values) in inputs {
            self.gpu.write(self.buffers.of(id), values);
        }
        let mut encoder = self.gpu.encoder();
        self.plan
            .record(&mut encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default()));
        self.gpu.submit(encoder);
        let parts = |&id: &TensorId| self.buffers.parts(id);
        let outputs = self.graph.outputs();
        let slices = outputs.iter().flat_map(parts).map(|part| &part.slice);
        let mut wanted: Vec<_> = slices.collect();
        let has_terms = !self.graph.terms().is_empty();
        if has_terms {
            wanted.push(&self.shared.losses);
        }
        let mut read = self.gpu.read(&wanted)?;
        let losses = if has_terms {
            read.pop().unwrap_or_default()
        } else {
            Vec::new()
        };
        let mut read = read.into_iter();
        let counts = outputs.iter().map(|id| parts(id).len());
        let joined = counts.map(|count| match count {
            1 => read.next().unwrap_or_default(),
            _ => read.by_ref().take(count).flatten().collect(),
        });
        let tensors = joined.collect();
        Ok(Outputs { tensors, losses })
    }
}
