//! A plan before its kernels are compiled, by the way that it takes.

use super::buffers::{Buffers, Pool};
use super::choice::Way;
use super::parameters::Parameters;
use super::{Loop, Plan, fuse, lower, profile};
use crate::gpu::{Gpu, GpuError, Launch, Slice};
use crate::graph::Graph;
use crate::kernels::{adam, gemm, reduction_lanes, rows, step_losses, update};

/// Launches, and what they leave where.
pub(super) struct Draft {
    launches: Vec<Launch>,
    reduction: Option<Launch>,
    results: Vec<Vec<(String, Slice)>>,
}

impl Draft {
    /// A launch for each task of `fuse`, Adam and the losses.
    pub(super) fn general(
        gpu: &Gpu,
        graph: &Graph,
        seed: u64,
        parameters: &mut Parameters,
        pool: &mut Pool,
        shared: &Loop,
    ) -> Result<(Self, Buffers), GpuError> {
        let tasks = fuse::fuse(graph, gemm::Family::of(gpu).epilogue());
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
            let named = |id| (graph.tensor(id).name.clone(), buffers.of(id).clone());
            results.push(task.writes().into_iter().map(named).collect());
        }
        if let Some(constants) = graph.optimizer() {
            let optimizer = parameters.optimizer(gpu)?;
            let buffers = adam::Buffers {
                state: &shared.state,
                gradients: &optimizer.gradients,
                parameters: parameters.values(),
                m: &optimizer.m,
                v: &optimizer.v,
            };
            launches.push(adam::launch(buffers, constants));
            results.push(updated(parameters));
        }
        if !graph.terms().is_empty() {
            launches.push(lowering.objective()?);
            results.push(vec![]);
        }
        let draft = Self {
            launches,
            reduction: None,
            results,
        };
        Ok((draft, buffers))
    }

    /// A program: its stages in one launch or in one each, and a launch for the weights.
    ///
    /// # Panics
    /// Without a data set and a log of rows.
    pub(super) fn program(
        gpu: &Gpu,
        graph: &Graph,
        way: &Way,
        parameters: &mut Parameters,
        shared: &Loop,
    ) -> Result<Self, GpuError> {
        let (two, together) = (&way.step, way.together);
        let (Some(dataset), Some((log, layout))) = (&shared.dataset, &shared.rows) else {
            unreachable!("a pass has a data set and, for programs, a log of rows")
        };
        let tape = gpu.allocate("the tensors of a step", two.tape)?;
        let batch = two.program.rows;
        let buffers = rows::Buffers {
            images: &dataset.images,
            order: &dataset.order,
            parameters: parameters.values(),
            state: &shared.state,
            tape: &tape,
            losses: log,
        };
        let part = |tensor: &rows::Tensor| tape.part(tensor.at, batch * tensor.width);
        let named = |(name, tensor): &(String, rows::Tensor)| (name.clone(), part(tensor));
        let (mut launches, mut results) = (Vec::new(), Vec::new());
        if together {
            launches.push(rows::launch(buffers, &two.program, *layout));
            results.push(two.tensors.iter().map(named).collect());
        } else {
            for index in 0..two.program.stages.len() {
                launches.push(rows::launch_stage(buffers, &two.program, *layout, index));
                let written = two
                    .tensors
                    .iter()
                    .filter(|(_, tensor)| two.program.stages[index].writes().contains(tensor));
                results.push(written.map(named).collect());
            }
        }
        if let Some(constants) = graph.optimizer() {
            let optimizer = parameters.optimizer(gpu)?;
            let buffers = update::Buffers {
                tape: &tape,
                state: &shared.state,
                parameters: parameters.values(),
                m: &optimizer.m,
                v: &optimizer.v,
            };
            launches.push(update::launch(buffers, batch, &two.layers, constants));
            results.push(updated(parameters));
        }
        let weights: Vec<f32> = graph.terms().iter().map(|term| term.weight).collect();
        let buffers = step_losses::Buffers {
            rows: log,
            weights: &gpu.upload("the weights of the objective", &weights)?,
            state: &shared.state,
            losses: &shared.losses,
        };
        let lanes = reduction_lanes(gpu.is_software());
        Ok(Self {
            launches,
            reduction: Some(step_losses::launch(buffers, batch, *layout, lanes)),
            results,
        })
    }

    /// Compiles the kernels of several plans together.
    pub(super) fn prepare(gpu: &Gpu, drafts: Vec<Self>) -> Result<Vec<Plan>, GpuError> {
        let all = |draft: &Self| {
            let launches = draft.launches.iter().chain(&draft.reduction);
            launches.cloned().collect::<Vec<_>>()
        };
        let launches: Vec<_> = drafts.iter().flat_map(all).collect();
        let mut dispatches = gpu.prepare_all(&launches)?.into_iter();
        let plan = |draft: Self| Plan {
            dispatches: dispatches.by_ref().take(draft.launches.len()).collect(),
            reduction: draft.reduction.as_ref().and_then(|_| dispatches.next()),
            kernels: draft
                .launches
                .iter()
                .map(|launch| launch.kernel.name)
                .collect(),
            barriers: profile::barriers(&draft.launches),
            results: draft.results,
        };
        Ok(drafts.into_iter().map(plan).collect())
    }
}

/// What Adam leaves.
fn updated(parameters: &Parameters) -> Vec<(String, Slice)> {
    vec![(
        "the updated parameters".to_owned(),
        parameters.values().clone(),
    )]
}
