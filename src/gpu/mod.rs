//! The GPU: adapter choice, device, buffers, pipelines, read-back. Nothing here knows of VAEs.

mod adapter;
mod buffer;
mod cache;
mod error;
mod kernel;
mod matrix;
mod pipeline;
mod timing;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

pub use adapter::{AdapterChoice, AdapterList, AdapterSummary, ParseAdapterError};
pub use buffer::{Readback, Slice};
pub use error::GpuError;
pub use kernel::{Access, Binding, Dispatch, Kernel, Launch, read, read_write};
pub use matrix::MatrixUnits;
pub use timing::Timestamps;

/// How shaders are compiled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checks {
    /// As written: every index is in bounds and every loop ends, which the kernel tests prove.
    #[default]
    Trusted,
    /// With the bounds checks and loop counters that WebGPU adds for unknown code.
    Checked,
}

/// How a device is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How shaders are compiled.
    pub checks: Checks,
    /// The folder where compiled pipelines are kept from one run to the next, where the adapter's
    /// driver hands them out; `None` to keep none. Who can write there can run code here.
    pub pipelines: Option<PathBuf>,
    /// Chooses kernels as for a GPU, whatever the adapter is: with it the tests run them on a
    /// software adapter.
    pub as_gpu: bool,
    /// Bytes that a kernel may see of one buffer, where that is less than the adapter allows: with it
    /// small models run as large ones do.
    pub largest_binding: Option<u64>,
    /// Runs large products on the GPU's matrix units. Off by default: wgpu calls its feature for them
    /// experimental, and nobody has measured it here.
    pub matrix_units: bool,
    /// Changes that shaders are compiled with, each with a mistake as a driver might make one: with them a
    /// test sees that mistakes are found.
    pub alterations: Vec<Alteration>,
}

/// A change of a kernel's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alteration {
    /// The kernel's name.
    pub kernel: String,
    /// What is replaced, wherever it stands.
    pub from: String,
    /// By what. No index may change and no loop, since shaders run without bounds checks.
    pub to: String,
}

impl Default for Options {
    /// Trusted shaders, and the platform's cache folder (`~/.cache/vae-wgpu/pipelines` on Linux) if
    /// there is one.
    fn default() -> Self {
        Self {
            checks: Checks::default(),
            pipelines: cache::default_folder(),
            as_gpu: false,
            largest_binding: None,
            matrix_units: false,
            alterations: Vec::new(),
        }
    }
}

impl Options {
    /// The matrix units, where they are asked for.
    fn matrix_units(&self, adapter: &AdapterSummary) -> Result<Option<MatrixUnits>, GpuError> {
        if !self.matrix_units {
            return Ok(None);
        }
        let software = adapter.kind == wgpu::DeviceType::Cpu && !self.as_gpu;
        match adapter.matrix_units.filter(|_| !software) {
            Some(units) => Ok(Some(units)),
            None => Err(GpuError::MatrixUnits {
                adapter: adapter.name.clone(),
            }),
        }
    }
}

/// An open device and what is compiled for it.
#[derive(Debug)]
pub struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    summary: AdapterSummary,
    limits: wgpu::Limits,
    checks: Checks,
    as_gpu: bool,
    largest_binding: u64,
    matrix_units: Option<MatrixUnits>,
    alterations: Vec<Alteration>,
    compiled: Mutex<pipeline::Compiled>,
    file: Option<cache::PipelineFile>,
    failure: Arc<Mutex<Option<GpuError>>>,
    unused: wgpu::Buffer,
}

impl Gpu {
    /// Opens the adapter that `choice` names.
    ///
    /// # Errors
    /// Where no adapter fits (the error lists the candidates), or the driver refuses the device.
    pub fn open(choice: &AdapterChoice) -> Result<Self, GpuError> {
        Self::open_with(choice, &Options::default())
    }

    /// [`Gpu::open`], saying how.
    ///
    /// # Errors
    /// As [`Gpu::open`], and where matrix units are asked for and the adapter has none.
    pub fn open_with(choice: &AdapterChoice, options: &Options) -> Result<Self, GpuError> {
        let (adapter, summary) = AdapterList::choose(choice)?;
        let limits = adapter.limits();
        let matrix_units = options.matrix_units(&summary)?;
        let mut wanted = wgpu::Features::SUBGROUP
            | wgpu::Features::SHADER_INT64
            | cache::PipelineFile::FEATURE
            | timing::FEATURES;
        if matrix_units.is_some() {
            wanted |= matrix::FEATURES;
        }
        let features = adapter.features() & wanted;
        let request = adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("vae-wgpu"),
            required_features: features,
            required_limits: limits.clone(),
            experimental_features: matrix::experimental(matrix_units.is_some()),
            ..Default::default()
        });
        let (device, queue) = pollster::block_on(request).map_err(|error| GpuError::Device {
            adapter: summary.name.clone(),
            reason: error.to_string(),
        })?;
        let failure = Arc::new(Mutex::new(None));
        let uncaptured = Arc::clone(&failure);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            keep_first(
                &uncaptured,
                GpuError::Driver {
                    reason: error.to_string(),
                },
            );
        }));
        let lost = Arc::clone(&failure);
        device.set_device_lost_callback(move |reason, message| {
            if reason != wgpu::DeviceLostReason::Destroyed {
                keep_first(&lost, GpuError::Lost { reason: message });
            }
        });
        let unused = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("unused"),
            size: 4 * 2 * Slice::ALIGNMENT as u64,
            usage: wgpu::BufferUsages::STORAGE,
            mapped_at_creation: false,
        });
        let largest_binding = limits
            .max_storage_buffer_binding_size
            .min(limits.max_buffer_size)
            .min(options.largest_binding.unwrap_or(u64::MAX));
        let file = options
            .pipelines
            .as_deref()
            .and_then(|folder| cache::PipelineFile::open(&device, &adapter.get_info(), folder));
        Ok(Self {
            device,
            queue,
            summary,
            limits,
            checks: options.checks,
            as_gpu: options.as_gpu,
            largest_binding,
            matrix_units,
            alterations: options.alterations.clone(),
            compiled: Mutex::default(),
            file,
            failure,
            unused,
        })
    }

    /// What was opened.
    pub fn adapter(&self) -> &AdapterSummary {
        &self.summary
    }

    /// How its shaders are compiled.
    pub fn checks(&self) -> Checks {
        self.checks
    }

    /// Whether the CPU runs the shaders, and kernels are chosen for that.
    pub fn is_software(&self) -> bool {
        self.summary.kind == wgpu::DeviceType::Cpu && !self.as_gpu
    }

    /// Whether shaders can have integers of 64 bits.
    pub fn has_wide_integers(&self) -> bool {
        let features = self.device.features();
        features.contains(wgpu::Features::SHADER_INT64)
    }

    /// Lanes of a subgroup, where shaders can use subgroups and all have one size.
    pub fn subgroup_size(&self) -> Option<u32> {
        let offered = self.device.features().contains(wgpu::Features::SUBGROUP);
        self.summary.subgroup_size.filter(|_| offered)
    }

    /// The matrix units, where they were asked for.
    pub fn matrix_units(&self) -> Option<MatrixUnits> {
        self.matrix_units
    }

    /// What the device allows.
    pub fn limits(&self) -> &wgpu::Limits {
        &self.limits
    }

    /// The most bytes that one kernel can see of one buffer.
    pub fn largest_binding(&self) -> u64 {
        self.largest_binding
    }

    /// Bytes of all buffers on the device, staging included; `None` where the backend does not count
    /// them.
    pub fn allocated_bytes(&self) -> Option<u64> {
        let report = self.device.generate_allocator_report()?;
        Some(report.total_allocated_bytes)
    }

    /// What an output that a kernel does not write is bound to: room for two such outputs, as
    /// WebGPU forbids that two written bindings overlap.
    pub fn unused(&self) -> Slice {
        Slice::whole(self.unused.clone())
    }

    /// An encoder for commands to [`Gpu::submit`].
    pub fn encoder(&self) -> wgpu::CommandEncoder {
        self.device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
    }

    /// Hands commands to the device; returns at once.
    pub fn submit(&self, encoder: wgpu::CommandEncoder) -> wgpu::SubmissionIndex {
        self.queue.submit([encoder.finish()])
    }

    /// Runs a dispatch by itself, and waits for it.
    ///
    /// # Errors
    /// As [`Gpu::wait`].
    pub fn run_alone(&self, dispatch: &Dispatch) -> Result<(), GpuError> {
        let mut encoder = self.encoder();
        dispatch.record(&mut encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default()));
        let submission = self.submit(encoder);
        self.wait(Some(submission))
    }

    /// Waits for one submission, or for all of them.
    ///
    /// # Errors
    /// Where the device was lost, or an earlier command failed.
    pub fn wait(&self, submission: Option<wgpu::SubmissionIndex>) -> Result<(), GpuError> {
        let waited = self.device.poll(wgpu::PollType::Wait {
            submission_index: submission,
            timeout: None,
        });
        self.check()?;
        waited.map(|_| ()).map_err(|error| GpuError::Driver {
            reason: error.to_string(),
        })
    }

    /// Lets finished work call back, without waiting.
    ///
    /// # Errors
    /// As [`Gpu::wait`].
    pub fn poll(&self) -> Result<(), GpuError> {
        let polled = self.device.poll(wgpu::PollType::Poll);
        self.check()?;
        polled.map(|_| ()).map_err(|error| GpuError::Driver {
            reason: error.to_string(),
        })
    }

    /// The first failure that the driver reported, if any.
    ///
    /// # Errors
    /// That failure.
    pub fn check(&self) -> Result<(), GpuError> {
        match self
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }
}

impl Drop for Gpu {
    /// Keeps what was compiled. Here, because nothing waits for it any more.
    fn drop(&mut self) {
        let compiled = self.compiled.get_mut();
        let compiled = compiled.unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = self.file.as_ref().filter(|_| !compiled.is_empty()) {
            file.save();
        }
    }
}

/// Later failures are consequences of the first.
fn keep_first(slot: &Mutex<Option<GpuError>>, failure: GpuError) {
    slot.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get_or_insert(failure);
}
