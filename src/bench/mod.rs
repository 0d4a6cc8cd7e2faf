//! What a training step costs, and how far that is from what the adapter can do: `vae bench`.
//!
//! A [`Workload`] is a model with its batch; [`run`] trains it for a while and reports, for each
//! one, the wall time of a step in the steady state, the work that it does and the floors under
//! which it cannot go. [`Report`] is what is saved, so that a later one can be [`compare`]d with it.

mod compare;
mod measure;
mod peaks;
mod report;
mod workload;

pub(crate) use peaks::measure as peaks;

pub use compare::{Change, Comparison, compare};
pub use measure::{Options, run};
pub use report::{
    Adapter, Floors, GpuTime, Kernel, Launches, Peaks, Report, ReportError, Spread, StepReport,
};
pub use workload::{ParseWorkloadError, Workload, linear_flops};
