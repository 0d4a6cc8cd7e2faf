//! Plans: graphs lowered onto the GPU.
//!
//! A graph's operations are fused into launches (`fuse.rs`), its tensors get buffers, and each
//! launch gets its pipeline and bind group, once. Running a step then only records them again: no
//! allocation, no bind group, no write, no read-back. The optimiser and the loss log are part of
//! the plan.

mod buffers;
mod executor;
mod fuse;
mod log;
mod lower;
mod parameters;
mod pass;
mod profile;
mod session;
mod task;

use buffers::{Buffers, Pool};
use parameters::Parameters;

use crate::gpu::{Dispatch, Gpu, GpuError, Launch, Slice};
use crate::graph::{Graph, TensorId};
use crate::kernels;

pub use executor::GpuExecutor;

/// The data set of a pass, on the GPU.
#[derive(Clone, Debug)]
struct Dataset {
    /// Bytes, rows padded to whole words.
    images: Slice,
    /// The epoch's order.
    order: Slice,
}

/// What the launches of a loop over batches share.
#[derive(Clone, Debug)]
struct Loop {
    state: Slice,
    losses: Slice,
    dataset: Option<Dataset>,
}

/// A graph that is ready to run.
#[derive(Debug)]
struct Plan {
    dispatches: Vec<Dispatch>,
    /// For messages: what each launch computes, and where.
    results: Vec<Vec<(String, Slice)>>,
    /// For profiles: what each launch runs, and how many wait for earlier ones.
    kernels: Vec<&'static str>,
    barriers: usize,
    buffers: Buffers,
}

/// A plan whose kernels are not compiled yet.
struct Draft {
    launches: Vec<Launch>,
    results: Vec<Vec<(String, Slice)>>,
    buffers: Buffers,
}

impl Draft {
    fn new(
        gpu: &Gpu,
        graph: &Graph,
        seed: u64,
        parameters: &mut Parameters,
        pool: &mut Pool,
        shared: &Loop,
    ) -> Result<Self, GpuError> {
        let epilogue = kernels::gemm::Family::of(gpu).epilogue();
        let tasks = fuse::fuse(graph, epilogue);
        let buffers = Buffers::assign(gpu, graph, &tasks, parameters, pool)?;
        let lowering = lower::Lowering {
            gpu,
            graph,
            seed,
            buffers: &buffers,
            shared,
        };
        let mut launches = Vec::new();
        let mut results = Vec::new();
        for task in &tasks {
            launches.push(lowering.launch(task)?);
            let named = |id: TensorId| (graph.tensor(id).name.clone(), buffers.of(id).clone());
            results.push(task.writes().into_iter().map(named).collect());
        }
        if let Some(adam) = graph.optimizer() {
            let optimizer = parameters.optimizer(gpu)?;
            launches.push(kernels::adam::launch(
                kernels::adam::Buffers {
                    state: &shared.state,
                    gradients: &optimizer.gradients,
                    parameters: parameters.values(),
                    m: &optimizer.m,
                    v: &optimizer.v,
                },
                adam,
            ));
            results.push(vec![(
                "the updated parameters".to_owned(),
                parameters.values().clone(),
            )]);
        }
        if !graph.terms().is_empty() {
            launches.push(lowering.objective()?);
            results.push(vec![]);
        }
        Ok(Self {
            launches,
            results,
            buffers,
        })
    }

    /// Compiles the kernels of several plans together.
    fn prepare(gpu: &Gpu, drafts: Vec<Self>) -> Result<Vec<Plan>, GpuError> {
        let launches = drafts.iter().flat_map(|draft| draft.launches.clone());
        let mut dispatches = gpu.prepare_all(&launches.collect::<Vec<_>>())?.into_iter();
        let plan = |draft: Self| Plan {
            dispatches: dispatches.by_ref().take(draft.launches.len()).collect(),
            kernels: draft
                .launches
                .iter()
                .map(|launch| launch.kernel.name)
                .collect(),
            barriers: profile::barriers(&draft.launches),
            results: draft.results,
            buffers: draft.buffers,
        };
        Ok(drafts.into_iter().map(plan).collect())
    }
}

impl Plan {
    /// Records one run.
    fn record(&self, pass: &mut wgpu::ComputePass<'_>) {
        for dispatch in &self.dispatches {
            dispatch.record(pass);
        }
    }

    /// Runs launch by launch and returns the first tensor that is not finite.
    fn find_non_finite(&self, gpu: &Gpu) -> Result<Option<String>, GpuError> {
        for (dispatch, results) in self.dispatches.iter().zip(&self.results) {
            let mut encoder = gpu.encoder();
            dispatch.record(&mut encoder.begin_compute_pass(&Default::default()));
            gpu.submit(encoder);
            for (name, slice) in results {
                let values = gpu.read::<f32>(&[slice])?;
                if values[0].iter().any(|value| !value.is_finite()) {
                    return Ok(Some(name.clone()));
                }
            }
        }
        Ok(None)
    }
}
