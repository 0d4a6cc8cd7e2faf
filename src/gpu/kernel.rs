//! Kernels: a shader with its interface, compiled once per set of constants, launched by buffers.

use std::sync::PoisonError;

use super::{Checks, Gpu, GpuError, Slice};

/// How a kernel uses a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `var<storage, read>`
    Read,
    /// `var<storage, read_write>`
    ReadWrite,
}

/// One storage buffer of a kernel; its place in the list is its binding number.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// The variable's name in the shader.
    pub name: &'static str,
    /// How it is used.
    pub access: Access,
}

/// An input.
pub const fn read(name: &'static str) -> Binding {
    Binding {
        name,
        access: Access::Read,
    }
}

/// An output, or an array that is updated.
pub const fn read_write(name: &'static str) -> Binding {
    Binding {
        name,
        access: Access::ReadWrite,
    }
}

/// A shader and its interface. The entry point is `main`; parameters are bound last.
///
/// Only this crate makes kernels: their shaders run without bounds checks.
#[derive(Debug)]
#[non_exhaustive]
pub struct Kernel {
    /// Its name, that of the file.
    pub name: &'static str,
    /// WGSL.
    pub source: &'static str,
    /// Storage buffers, in the order of their numbers.
    pub bindings: &'static [Binding],
    /// Bytes of the uniform `Params`.
    pub params: usize,
}

/// Everything one launch of a kernel needs, as the functions of [`crate::kernels`] put it together.
/// Whoever changes buffers, parameters or grid afterwards answers for the indices.
#[derive(Clone, Debug)]
pub struct Launch {
    /// What runs.
    pub kernel: &'static Kernel,
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
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        pass.dispatch_workgroups(self.grid[0], self.grid[1], self.grid[2]);
    }
}

/// Which kernel, with which constants.
pub(super) type PipelineKey = (&'static str, Vec<(&'static str, u64)>);

/// A compiled kernel.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
}

impl Gpu {
    /// Compiles a launch's kernel, if this is its first, and binds its buffers.
    ///
    /// # Errors
    /// Where the grid is larger than the device allows, or the driver refuses the kernel.
    pub fn prepare(&self, launch: &Launch) -> Result<Dispatch, GpuError> {
        let kernel = launch.kernel;
        let limit = self.limits.max_compute_workgroups_per_dimension;
        if let Some(&groups) = launch.grid.iter().find(|&&groups| groups > limit) {
            return Err(GpuError::Grid {
                kernel: kernel.name,
                groups,
                limit,
                adapter: self.summary.name.clone(),
            });
        }
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
        let Pipeline { pipeline, layout } = self.pipeline(launch);
        let params = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(kernel.name),
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
            label: Some(kernel.name),
            layout: &layout,
            entries: &entries,
        });
        self.check()?;
        Ok(Dispatch {
            pipeline,
            bind_group,
            grid: launch.grid,
        })
    }

    fn pipeline(&self, launch: &Launch) -> Pipeline {
        let constants = launch
            .constants
            .iter()
            .map(|&(name, value)| (name, value.to_bits()));
        let key = (launch.kernel.name, constants.collect());
        let mut pipelines = self
            .pipelines
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        pipelines
            .entry(key)
            .or_insert_with(|| self.compile(launch))
            .clone()
    }

    fn compile(&self, launch: &Launch) -> Pipeline {
        let kernel = launch.kernel;
        let module = self.shader_module(kernel);
        let storage = kernel
            .bindings
            .iter()
            .map(|binding| wgpu::BufferBindingType::Storage {
                read_only: binding.access == Access::Read,
            });
        let entries: Vec<_> = storage
            .chain([wgpu::BufferBindingType::Uniform])
            .zip(0..)
            .map(|(ty, binding)| wgpu::BindGroupLayoutEntry {
                binding,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty,
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            })
            .collect();
        let layout = self
            .device
            .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: Some(kernel.name),
                entries: &entries,
            });
        let pipeline_layout = self
            .device
            .create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some(kernel.name),
                bind_group_layouts: &[Some(&layout)],
                immediate_size: 0,
            });
        let pipeline = self
            .device
            .create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(kernel.name),
                layout: Some(&pipeline_layout),
                module: &module,
                entry_point: Some("main"),
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants: &launch.constants,
                    zero_initialize_workgroup_memory: false,
                },
                cache: None,
            });
        Pipeline { pipeline, layout }
    }

    fn shader_module(&self, kernel: &Kernel) -> wgpu::ShaderModule {
        let descriptor = wgpu::ShaderModuleDescriptor {
            label: Some(kernel.name),
            source: wgpu::ShaderSource::Wgsl(kernel.source.into()),
        };
        match self.checks {
            Checks::Checked => self.device.create_shader_module(descriptor),
            // SAFETY: a `Kernel` is made in this crate alone, and `kernels` makes its launches: all
            // loops are bounded by the parameters, all indices lie within slices whose lengths are
            // asserted there, and `Pass::begin` checks the order that `gather` indexes with. The
            // kernel tests run every shader with and without the checks, on shapes off every tile
            // size, and compare the results.
            Checks::Trusted => unsafe {
                self.device.create_shader_module_trusted(
                    descriptor,
                    wgpu::ShaderRuntimeChecks::unchecked(),
                )
            },
        }
    }
}
