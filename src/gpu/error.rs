//! What can go wrong between the program and a GPU.

use std::borrow::Cow;

use crate::machine::size;
use crate::setting::{Remedy, Setting};

/// A failure of the adapter, the device or its memory.
#[derive(Clone, Debug, thiserror::Error)]
pub enum GpuError {
    /// Nothing that can run compute shaders was found.
    #[error(
        "no GPU adapter was found, nor a software one{tried}; install a Vulkan driver (on Linux \
         `sh scripts/setup` installs Mesa's lavapipe), or run without one, on the processor"
    )]
    NoAdapter {
        /// What restricted the search, if anything did.
        tried: String,
    },
    /// `WGPU_BACKEND` has a word that names no backend.
    #[error(
        "WGPU_BACKEND names '{word}', and the backends are vulkan, metal, dx12 and gl; correct the variable or unset it"
    )]
    Backend {
        /// The unknown word.
        word: String,
    },
    /// The choice fits no adapter.
    #[error(
        "no adapter fits '{wanted}'{origin}; here are:\n{candidates}choose one of auto, vulkan, metal, dx12, gl, software, cpu, reference, an index or a part of a name"
    )]
    NoMatch {
        /// What was asked for.
        wanted: String,
        /// Where that stands, if not on the command line.
        origin: &'static str,
        /// One line for each adapter.
        candidates: String,
    },
    /// `cpu` and `reference` are no GPUs.
    #[error(
        "the processor is no GPU adapter; `cpu::CpuExecutor` and `reference::ReferenceExecutor` run on it"
    )]
    NotAGpu,
    /// The driver refused a device.
    #[error(
        "adapter '{adapter}' gave no device: {reason}; its driver may need more threads or memory than there are (`ulimit -u`, `ulimit -v`), or try another adapter, of those that `vae adapters` lists"
    )]
    Device {
        /// The adapter's name.
        adapter: String,
        /// The driver's words.
        reason: String,
    },
    /// Matrix units were asked for, and there are none.
    #[error(
        "adapter '{adapter}' has no matrix units that the kernels could use (of 8×8 or 16×16, f16 added in f32, through wgpu's experimental feature); leave that setting out"
    )]
    MatrixUnits {
        /// The adapter's name.
        adapter: String,
    },
    /// One buffer would be larger than the device allows.
    #[error("{what} would take {}, and adapter '{adapter}' allows {} in one buffer; {remedy}", size(*.bytes), size(*.limit))]
    TooLarge {
        /// What the buffer holds.
        what: String,
        /// Its size.
        bytes: u64,
        /// The device's limit.
        limit: u64,
        /// The adapter's name.
        adapter: String,
        /// What would fit.
        remedy: String,
    },
    /// One launch would have more workgroups than the device allows.
    #[error(
        "kernel {kernel} needs {groups} workgroups in one dimension and adapter '{adapter}' allows {limit}; use a smaller batch or smaller layers"
    )]
    Grid {
        /// The kernel's name.
        kernel: Cow<'static, str>,
        /// What it needs.
        groups: u32,
        /// The device's limit.
        limit: u32,
        /// The adapter's name.
        adapter: String,
    },
    /// A plan that the model or the adapter does not have.
    #[error("this model cannot run in the plan {plan}: {reason}; auto takes a plan that fits")]
    Plan {
        /// What was asked for.
        plan: String,
        /// Why not.
        reason: String,
    },
    /// The driver had no memory left.
    #[error("adapter '{adapter}' has no memory left for {what}, {}; use a smaller batch, smaller layers or fewer images, or close other programs on the GPU", size(*.bytes))]
    OutOfMemory {
        /// What the buffer holds.
        what: String,
        /// Its size.
        bytes: u64,
        /// The adapter's name.
        adapter: String,
    },
    /// The device went away.
    #[error(
        "the GPU was lost ({reason}); what a run has saved is whole and can be continued, with a smaller batch or fewer images where memory has run out"
    )]
    Lost {
        /// The driver's words.
        reason: String,
    },
    /// Anything else that the driver reports.
    #[error("the GPU driver reported an error: {reason}")]
    Driver {
        /// Its words.
        reason: String,
    },
}

impl GpuError {
    /// Settings that would put it right.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::NoAdapter { .. } => vec![Remedy::set(Setting::Adapter, "cpu")],
            Self::NoMatch { .. } | Self::Device { .. } => vec![Remedy::change(Setting::Adapter)],
            Self::MatrixUnits { .. } => vec![Remedy::change(Setting::MatrixUnits)],
            Self::Plan { .. } => vec![Remedy::set(Setting::Plan, "auto")],
            _ => Vec::new(),
        }
    }
}
