//! What a step runs, for people: its plan, and launch by launch what it computes.

use std::sync::Arc;

use super::PlanChoice;
use super::executor::GpuExecutor;
use super::pass::UncompiledPlans;
use super::profile::barriers;
use crate::executor::{ExecutorError, Rows};
use crate::gpu::{Access, GpuError, Kernel, Launch, Slice};
use crate::graph::Graph;

/// A step on a whole batch, as a GPU runs it.
#[derive(Clone, Debug)]
pub struct Description {
    /// Its plan; not `auto`.
    pub plan: PlanChoice,
    /// Why `auto` left the plan of two launches, if it did.
    pub left: Option<String>,
    /// Its launches, in order.
    pub launches: Vec<Step>,
    /// Before how many of them wgpu places a barrier, in a step that begins its pass.
    pub barriers: usize,
    /// What makes lines of the log, once for all steps of a submission; the other plans log within
    /// each step.
    pub after: Option<Step>,
    /// What its buffers hold.
    pub memory: Memory,
}

/// One launch of a step.
#[derive(Clone, Debug)]
pub struct Step {
    /// What runs.
    pub kernel: Arc<Kernel>,
    /// Values of its `override` constants.
    pub constants: Vec<(&'static str, f64)>,
    /// Workgroups in x, y and z.
    pub grid: [u32; 3],
    /// The tensors that it completes; where it completes none, the arrays that it writes, by their
    /// names in the shader.
    pub results: Vec<String>,
    /// Bytes of the buffers that it only reads.
    pub read: u64,
    /// Bytes of the buffers that it writes.
    pub written: u64,
}

/// Bytes of buffers, by what they hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The parameters' values.
    pub parameters: u64,
    /// Adam's two moments.
    pub moments: u64,
    /// Gradients, where they are in memory.
    pub gradients: u64,
    /// What a step computes on its way; tensors share buffers where none is needed any more.
    pub tensors: u64,
    /// The images with their labels and order.
    pub data: u64,
    /// The log of the losses of an epoch.
    pub losses: u64,
}

impl GpuExecutor {
    /// What a step of [`Executor::pass`](crate::executor::Executor::pass) runs on a whole batch. The
    /// buffers are made, and no kernel is compiled.
    ///
    /// # Errors
    /// Where something does not fit on the device, or the model does not run in the plan that was
    /// asked for.
    pub fn describe(
        &mut self,
        rows: Rows<'_>,
        batch: usize,
        graph: &dyn Fn(usize) -> Graph,
    ) -> Result<Description, ExecutorError> {
        let planned = UncompiledPlans::new(self, rows, batch, graph)?;
        let Some(plan) = planned.uncompiled.first() else {
            return Err(ExecutorError::Gpu(GpuError::Driver {
                reason: "a data set without images has no steps".to_owned(),
            }));
        };
        let launches = plan.launches.iter().zip(&plan.results);
        Ok(Description {
            plan: planned.taken,
            left: planned.left.clone(),
            launches: launches.map(|(launch, of)| step(launch, of)).collect(),
            barriers: barriers(&plan.launches),
            after: plan.reduction.as_ref().map(|launch| step(launch, &[])),
            memory: self.memory(&planned, &plan.launches),
        })
    }

    fn memory(&self, planned: &UncompiledPlans, launches: &[Launch]) -> Memory {
        let shared = &planned.shared;
        let unused = self.gpu.unused();
        // A buffer counts once, where it is found first.
        let mut counted = vec![unused.buffer().clone(), shared.state.buffer().clone()];
        let mut bytes_of = |slices: Vec<&Slice>| {
            let mut bytes = 0;
            for buffer in slices.into_iter().map(Slice::buffer) {
                if !counted.contains(buffer) {
                    counted.push(buffer.clone());
                    bytes += buffer.size();
                }
            }
            bytes
        };
        let parameters = &self.parameters;
        let data = shared.dataset.iter().flat_map(|dataset| {
            let images = dataset.images.iter().map(|images| &images.values);
            let whole = images.chain(&dataset.labels).chain([&dataset.order]);
            whole.chain(dataset.of_programs())
        });
        let rows = shared.rows.iter().map(|(rows, _)| rows);
        Memory {
            parameters: bytes_of(parameters.shards().iter().collect()),
            moments: bytes_of(parameters.moments_made().collect()),
            gradients: bytes_of(parameters.gradients_made().iter().collect()),
            data: bytes_of(data.collect()),
            losses: bytes_of(rows.chain([&shared.losses]).collect()),
            // All that is left of what the launches use.
            tensors: bytes_of(launches.iter().flat_map(|of| &of.buffers).collect()),
        }
    }
}

fn step(launch: &Launch, results: &[(String, Slice)]) -> Step {
    let kernel = &launch.kernel;
    let mut names: Vec<String> = Vec::new();
    // Tensors that lie side by side have one name for messages, and one of several parts has several.
    for name in results.iter().flat_map(|(name, _)| name.split(" or ")) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    let mut seen: Vec<&Slice> = Vec::new();
    let (mut read, mut written) = (0, 0);
    for (slice, binding) in launch.buffers.iter().zip(kernel.bindings.iter()) {
        let is_written = binding.access == Access::ReadWrite;
        if results.is_empty() && is_written {
            names.push(binding.name.to_string());
        }
        if seen.contains(&slice) {
            continue;
        }
        seen.push(slice);
        let bytes = 4 * slice.len() as u64;
        match is_written {
            true => written += bytes,
            false => read += bytes,
        }
    }
    Step {
        kernel: Arc::clone(kernel),
        constants: launch.constants.clone(),
        grid: launch.grid,
        results: names,
        read,
        written,
    }
}
