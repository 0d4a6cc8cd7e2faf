//! Plans: graphs lowered onto the GPU.
//!
//! A graph's operations are fused into launches (`crate::fuse`), its tensors get buffers, and each
//! launch gets its pipeline and bind group, once. Running a step then only records them again: no
//! allocation, no bind group, no write, no read-back. The optimiser and the loss log are part of
//! the plan.

mod buffers;
mod choice;
mod dataset;
mod describe;
mod executor;
mod log;
mod lower;
mod parameters;
mod pass;
mod product;
mod profile;
mod program;
mod recognise;
mod session;
mod shards;
mod staging;
mod supervised;
mod uncompiled;
mod updates;

use std::borrow::Cow;

use self::dataset::Dataset;
use crate::gpu::{Dispatch, Gpu, GpuError, Slice};
use crate::graph::{self, Graph};
use crate::kernels::{Term, rows};

pub use choice::PlanChoice;
pub use describe::{Description, Memory, Step};
pub use executor::GpuExecutor;
pub use supervised::{Origin, Supervisor};

/// The terms of a graph's objective, as kernels read them.
fn terms(graph: &Graph) -> Vec<Term> {
    let term = |term: &graph::Term| {
        let rows = graph.shape(term.rows).len();
        Term::new(term.weight, rows, term.ramp)
    };
    graph.terms().iter().map(term).collect()
}

/// What the launches of a loop over batches share.
#[derive(Clone, Debug)]
struct SharedBuffers {
    state: Slice,
    losses: Slice,
    dataset: Option<Dataset>,
    /// In a program: the losses of the rows of an epoch's steps, of which `step_losses` makes a line of the
    /// log for each step at the end of a submission. `None` in the general plan, whose steps do that.
    rows: Option<(Slice, rows::Log)>,
}

/// A graph that is ready to run.
#[derive(Debug)]
struct Plan {
    dispatches: Vec<Dispatch>,
    /// Where the steps only log the losses of their rows: what makes lines of them, for as many
    /// steps as it has workgroups.
    reduction: Option<Dispatch>,
    /// For messages: what each launch computes, and where.
    results: Vec<Vec<(String, Slice)>>,
    /// For profiles: what each launch runs, and how many wait for earlier ones.
    kernels: Vec<Cow<'static, str>>,
    barriers: usize,
    /// For a supervisor, where there is one: the launches themselves.
    supervised: Option<supervised::Supervised>,
}

impl Plan {
    /// Records one run.
    fn record(&self, pass: &mut wgpu::ComputePass<'_>) {
        for dispatch in &self.dispatches {
            dispatch.record(pass);
        }
    }

    /// Records what makes lines of the log of the last `steps` steps.
    fn record_losses(&self, pass: &mut wgpu::ComputePass<'_>, steps: usize) {
        if let Some(reduction) = self.reduction.as_ref().filter(|_| steps > 0) {
            reduction.record_groups(pass, steps as u32);
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
