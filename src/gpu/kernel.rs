//! Kernels: a shader with its interface, compiled once per set of constants, launched by buffers.

use std::borrow::Cow;
use std::slice;
use std::sync::Arc;

use super::pipeline::Pipeline;
use super::{Gpu, GpuError, Slice};

/// How a kernel uses a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// `var<storage, read>`
    Read,
    /// `var<storage, read_write>`
    ReadWrite,
}

/// One storage buffer of a kernel; its place in the list is its binding number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Binding {
    /// The variable's name in the shader.
    pub name: Cow<'static, str>,
    /// How it is used.
    pub access: Access,
}

/// An input.
pub const fn read(name: &'static str) -> Binding {
    Binding {
        name: Cow::Borrowed(name),
        access: Access::Read,
    }
}

/// An output, or an array that is updated.
pub const fn read_write(name: &'static str) -> Binding {
    Binding {
        name: Cow::Borrowed(name),
        access: Access::ReadWrite,
    }
}

/// A shader and its interface. The entry point is `main`; parameters are bound last.
///
/// The kernels written by hand borrow their text; a generated one owns it. Only this crate makes
/// kernels, since their shaders run without bounds checks: whoever changes a copy of one answers for
/// the indices.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Kernel {
    /// Its name, for people: that of the file, where there is one. Kernels of one name may differ.
    pub name: Cow<'static, str>,
    /// WGSL.
    pub source: Cow<'static, str>,
    /// Storage buffers, in the order of their numbers.
    pub bindings: Cow<'static, [Binding]>,
    /// Bytes of the uniform `Params`.
    pub params: usize,
}

/// Everything one launch of a kernel needs, as the functions of [`crate::kernels`] put it together.
/// Whoever changes anything of it afterwards answers for the indices.
#[derive(Clone, Debug)]
pub struct Launch {
    /// What runs.
    pub kernel: Arc<Kernel>,
    /// Values of its `override` constants; each set is a pipeline of its own.
    pub constants: Vec<(&'static str, f64)>,
    /// One slice for each of its bindings.
    pub buffers: Vec<Slice>,
    /// The uniform's bytes.
    pub params: Vec<u8>,
    /// Workgroups in x, y and z.
    pub grid: [u32; 3],
}

/// A launch that is ready to be recorded, any number of times.
#[derive(Clone, Debug)]
pub struct Dispatch {
    pipeline: wgpu::ComputePipeline,
    bind_group: wgpu::BindGroup,
    grid: [u32; 3],
}

impl Dispatch {
    /// Records it.
    pub fn record(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.record_grid(pass, self.grid);
    }

    /// Records it with `groups` workgroups in x, for a kernel that takes any number of them.
    pub fn record_groups(&self, pass: &mut wgpu::ComputePass<'_>, groups: u32) {
        self.record_grid(pass, [groups, 1, 1]);
    }

    fn record_grid(&self, pass: &mut wgpu::ComputePass<'_>, [x, y, z]: [u32; 3]) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        pass.dispatch_workgroups(x, y, z);
    }
}

impl Gpu {
    /// [`Gpu::prepare_all`] of one launch.
    ///
    /// # Errors
    /// As there.
    pub fn prepare(&self, launch: &Launch) -> Result<Dispatch, GpuError> {
        Ok(self.prepare_all(slice::from_ref(launch))?.swap_remove(0))
    }

    /// Compiles the launches' kernels, as far as this is their first, and binds their buffers.
    ///
    /// # Errors
    /// Where a grid is larger than the device allows, or the driver refuses a kernel.
    pub fn prepare_all(&self, launches: &[Launch]) -> Result<Vec<Dispatch>, GpuError> {
        launches
            .iter()
            .try_for_each(|launch| self.check_grid(launch))?;
        let pipelines = self.pipelines(launches)?;
        let bound = launches.iter().zip(pipelines);
        let dispatches = bound.map(|(launch, pipeline)| self.bind(launch, pipeline));
        let dispatches = dispatches.collect();
        self.check()?;
        Ok(dispatches)
    }

    fn check_grid(&self, launch: &Launch) -> Result<(), GpuError> {
        let limit = self.limits.max_compute_workgroups_per_dimension;
        match launch.grid.iter().find(|&&groups| groups > limit) {
            Some(&groups) => Err(GpuError::Grid {
                kernel: launch.kernel.name.clone(),
                groups,
                limit,
                adapter: self.summary.name.clone(),
            }),
            None => Ok(()),
        }
    }

    fn bind(&self, launch: &Launch, compiled: Pipeline) -> Dispatch {
        let kernel = &launch.kernel;
        debug_assert_eq!(
            launch.buffers.len(),
            kernel.bindings.len(),
            "{}: buffers",
            kernel.name
        );
        debug_assert_eq!(
            launch.params.len(),
            kernel.params,
            "{}: parameters",
            kernel.name
        );
        let params = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(&kernel.name),
            size: kernel.params as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.queue.write_buffer(&params, 0, &launch.params);
        let resources = launch.buffers.iter().map(Slice::binding);
        let entries: Vec<_> = resources
            .chain([params.as_entire_binding()])
            .zip(0..)
            .map(|(resource, binding)| wgpu::BindGroupEntry { binding, resource })
            .collect();
        let bind_group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(&kernel.name),
            layout: &compiled.bindings,
            entries: &entries,
        });
        Dispatch {
            pipeline: compiled.pipeline,
            bind_group,
            grid: launch.grid,
        }
    }
}
