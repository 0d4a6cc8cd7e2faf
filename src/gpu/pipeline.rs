//! Compiling kernels: each shader once, each set of constants once, many at the same time.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::kernel::{Access, Binding, Kernel, Launch};
use super::{Checks, Gpu, GpuError};
use crate::threads;

/// What is compiled.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    shaders: HashMap<ShaderKey, Shader>,
    pipelines: HashMap<PipelineKey, Pipeline>,
}

impl Compiled {
    pub(super) fn is_empty(&self) -> bool {
        self.pipelines.is_empty()
    }
}

/// A kernel's shader and the layouts of its pipelines.
#[derive(Debug)]
struct Shader {
    module: wgpu::ShaderModule,
    bindings: wgpu::BindGroupLayout,
    layout: wgpu::PipelineLayout,
}

/// Which shader: kernels are one where text and bindings are the same, and two where these differ,
/// whatever their names.
#[derive(Clone, Debug)]
struct ShaderKey(Arc<Kernel>);

impl ShaderKey {
    fn parts(&self) -> (&str, &[Binding]) {
        (&self.0.source, &self.0.bindings)
    }
}

impl PartialEq for ShaderKey {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for ShaderKey {}

impl Hash for ShaderKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

/// Which shader, with which constants.
type PipelineKey = (ShaderKey, Vec<(&'static str, u64)>);

fn key(launch: &Launch) -> PipelineKey {
    let constants = launch.constants.iter();
    let bits = constants.map(|&(name, value)| (name, value.to_bits()));
    (ShaderKey(Arc::clone(&launch.kernel)), bits.collect())
}

/// A kernel, compiled for a set of constants.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    pub(super) pipeline: wgpu::ComputePipeline,
    pub(super) bindings: wgpu::BindGroupLayout,
}

impl Gpu {
    /// The pipeline of each launch. What is not there yet is compiled, on as many threads as there
    /// are processors; the first error in the launches' order is the one returned.
    pub(super) fn pipelines(&self, launches: &[Launch]) -> Result<Vec<Pipeline>, GpuError> {
        // Held to the end, so that nobody compiles the same.
        let mut compiled = lock(&self.compiled);
        let mut seen = HashSet::new();
        let keys: Vec<_> = launches.iter().map(key).collect();
        let missing: Vec<_> = keys
            .iter()
            .zip(launches)
            .filter(|(key, _)| !compiled.pipelines.contains_key(key) && seen.insert(*key))
            .collect();

        let mut seen = HashSet::new();
        let sources: Vec<_> = missing
            .iter()
            .map(|((source, _), _)| source)
            .filter(|source| !compiled.shaders.contains_key(source) && seen.insert(*source))
            .collect();
        let shaders = threads::map(&sources, |source| self.shader(&source.0));
        for (source, shader) in sources.into_iter().zip(shaders) {
            compiled.shaders.insert(source.clone(), shader?);
        }

        let shaders = &compiled.shaders;
        let pipelines = threads::map(&missing, |((source, _), launch)| {
            self.compile(launch, &shaders[source])
        });
        for ((key, _), pipeline) in missing.iter().zip(pipelines) {
            compiled.pipelines.insert((*key).clone(), pipeline?);
        }
        let found = keys.iter().map(|key| compiled.pipelines[key].clone());
        Ok(found.collect())
    }

    fn shader(&self, kernel: &Kernel) -> Result<Shader, GpuError> {
        self.scoped(|| {
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
            let bindings = self
                .device
                .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                    label: Some(&kernel.name),
                    entries: &entries,
                });
            let layout = self
                .device
                .create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                    label: Some(&kernel.name),
                    bind_group_layouts: &[Some(&bindings)],
                    immediate_size: 0,
                });
            Shader {
                module: self.module(kernel),
                bindings,
                layout,
            }
        })
    }

    fn compile(&self, launch: &Launch, shader: &Shader) -> Result<Pipeline, GpuError> {
        let pipeline = self.scoped(|| {
            self.device
                .create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                    label: Some(&launch.kernel.name),
                    layout: Some(&shader.layout),
                    module: &shader.module,
                    entry_point: Some("main"),
                    compilation_options: wgpu::PipelineCompilationOptions {
                        constants: &launch.constants,
                        zero_initialize_workgroup_memory: false,
                    },
                    cache: self.file.as_ref().map(|file| file.cache()),
                })
        })?;
        Ok(Pipeline {
            pipeline,
            bindings: shader.bindings.clone(),
        })
    }

    fn module(&self, kernel: &Kernel) -> wgpu::ShaderModule {
        let mut text = Cow::Borrowed(kernel.source.as_ref());
        let alterations = self.alterations.iter();
        for of in alterations.filter(|of| of.kernel == kernel.name) {
            text = text.replace(&of.from, &of.to).into();
        }
        let descriptor = wgpu::ShaderModuleDescriptor {
            label: Some(&kernel.name),
            source: wgpu::ShaderSource::Wgsl(text),
        };
        match self.checks {
            Checks::Checked => self.device.create_shader_module(descriptor),
            // SAFETY: a `Kernel` is made in this crate alone, and `kernels` makes its launches (who
            // changes either answers for it, as they say): all
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

    /// Runs `make` and returns the error that the driver reports for it: one that went to the
    /// device's handler could belong to any thread.
    fn scoped<T>(&self, make: impl FnOnce() -> T) -> Result<T, GpuError> {
        let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let internal = self.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let made = make();
        let internal = pollster::block_on(internal.pop());
        let validation = pollster::block_on(validation.pop());
        match internal.or(validation) {
            Some(error) => Err(GpuError::Driver {
                reason: error.to_string(),
            }),
            None => Ok(made),
        }
    }
}

/// What a panicking thread left is whole: it inserts one thing after the other.
fn lock(compiled: &Mutex<Compiled>) -> MutexGuard<'_, Compiled> {
    compiled.lock().unwrap_or_else(PoisonError::into_inner)
}
