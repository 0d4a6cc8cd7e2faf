//! A launch on the CPU: what its kernel has to leave, from the launch and what lies in its buffers.
//!
//! Each kernel's file decodes the launch's parameters and asks the kernel's twin in [`crate::reference`], in
//! f64. How far a result may be off is derived beside it, from WGSL's accuracies (section 15.7.4 of its
//! specification) and the number of roundings, as the kernels' own tests derive it.

mod generated;
mod indices;
mod losses;
pub(super) mod optimizer;
mod product;
mod rows;
pub(super) mod rows_bounds;
mod sums;

use std::collections::BTreeMap;

use crate::gpu::{Access, Gpu, GpuError, Launch};
use crate::plan::Origin;

/// Rounding of one f32 operation: WGSL lets it go to either neighbour of the exact result.
pub(super) const EPS: f64 = f32::EPSILON as f64;

/// What is smaller may count as zero.
pub(super) const TINY: f64 = f32::MIN_POSITIVE as f64;

/// What a launch has to leave in a word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expected {
    /// These bits.
    Word(u32),
    /// An f32 about this value.
    Float {
        value: f64,
        /// How far from it.
        allowed: f64,
        /// Further words: their sum and this one's is the value.
        others: Vec<usize>,
    },
}

impl Expected {
    pub(super) fn float(value: f64, allowed: f64) -> Self {
        Self::Float {
            value,
            allowed,
            others: Vec::new(),
        }
    }
}

/// What a launch leaves: by binding and word. All other words stay as they were.
pub(super) type Results = BTreeMap<(usize, usize), Expected>;

/// The words of a launch's buffers, by binding; none of the buffers that it does not use.
#[derive(Clone, Debug)]
pub(super) struct Arrays(Vec<Vec<u32>>);

impl Arrays {
    /// Reads them.
    pub(super) fn read(gpu: &Gpu, launch: &Launch) -> Result<Self, GpuError> {
        let unused = gpu.unused();
        let is_used = |index: &usize| launch.buffers[*index].buffer() != unused.buffer();
        let used: Vec<usize> = (0..launch.buffers.len()).filter(is_used).collect();
        let slices: Vec<_> = used.iter().map(|&index| &launch.buffers[index]).collect();
        let mut words = vec![Vec::new(); launch.buffers.len()];
        for (index, read) in used.into_iter().zip(gpu.read::<u32>(&slices)?) {
            words[index] = read;
        }
        Ok(Self(words))
    }

    pub(super) fn words(&self, binding: usize) -> &[u32] {
        &self.0[binding]
    }

    pub(super) fn words_mut(&mut self, binding: usize) -> &mut [u32] {
        &mut self.0[binding]
    }

    pub(super) fn floats(&self, binding: usize) -> &[f32] {
        bytemuck::cast_slice(self.words(binding))
    }

    fn bytes(&self, binding: usize) -> &[u8] {
        bytemuck::cast_slice(self.words(binding))
    }

    fn wide(&self, binding: usize) -> Vec<f64> {
        self.floats(binding).iter().map(|&v| v.into()).collect()
    }
}

/// A launch with its buffers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job<'a> {
    pub(super) launch: &'a Launch,
    pub(super) origin: &'a Origin,
    /// Before it ran.
    pub(super) before: &'a Arrays,
    /// After it ran, where it did: a program's stages are then compared each on what the one before it has left.
    pub(super) after: Option<&'a Arrays>,
}

impl Job<'_> {
    /// The uniform's words.
    fn params<const N: usize>(&self) -> [usize; N] {
        let words = self.launch.params.chunks_exact(4);
        let mut words = words.map(bytemuck::pod_read_unaligned::<u32>);
        [(); N].map(|()| words.next().unwrap_or_default() as usize)
    }

    /// A constant of the pipeline; 0 where it is not set.
    fn constant(&self, name: &str) -> f64 {
        let mut constants = self.launch.constants.iter();
        constants
            .find(|(known, _)| *known == name)
            .map_or(0.0, |&(_, value)| value)
    }

    fn is_on(&self, name: &str) -> bool {
        self.constant(name) != 0.0
    }

    fn floats(&self, binding: usize) -> Vec<f64> {
        self.before.wide(binding)
    }

    fn words(&self, binding: usize) -> &[u32] {
        self.before.words(binding)
    }
}

/// What the launch leaves.
///
/// # Errors
/// Where there is no twin for it: a sentence that says why.
pub(super) fn results(job: Job<'_>) -> Result<Results, String> {
    let origin = job.origin;
    Ok(match job.launch.kernel.name.as_ref() {
        "adam" => return optimizer::adam(job),
        "bernoulli_nll" => losses::bernoulli_nll(job),
        "column_sum" => sums::column_sum(job),
        "copy" => indices::copy(job),
        "draw" => indices::draw(job),
        "gather" => indices::gather(job),
        "gemm_cooperative_8"
        | "gemm_cooperative_16"
        | "gemm_registers"
        | "gemm_subgroups"
        | "gemm_tiled"
        | "gemm_tiled_subgroups" => product::gemm(job),
        "gemm_split_sum" => product::split_sum(job),
        "gradient_norm" => sums::gradient_norm(job),
        "latent" => losses::latent(job),
        "latent_grad" => losses::latent_grad(job),
        "lookup" => indices::lookup(job),
        "objective" => losses::objective(job),
        "one_hot" => indices::one_hot(job),
        "pointwise" | "pointwise_rows" | "row_sums" => match origin {
            Origin::Pointwise(work) => generated::pointwise(job, work),
            _ => return Err("its expressions are not known".to_owned()),
        },
        "ramp" => losses::ramp(job),
        "reduce" => sums::reduce(job),
        "rows_subgroups" | "rows_workgroup" => return rows::stages(job),
        "stage_images" => indices::stage_images(job),
        "step_losses" => losses::step_losses(job),
        "update_subgroups" | "update_tiled" => return optimizer::update(job),
        _ => return Err("it has no twin".to_owned()),
    })
}

/// Puts values where a launch leaves them.
pub(super) fn put(results: &Results, arrays: &mut Arrays) {
    for ((binding, word), expected) in results {
        let words = arrays.words_mut(*binding);
        match expected {
            Expected::Word(bits) => words[*word] = *bits,
            Expected::Float { value, others, .. } => {
                words[*word] = (*value as f32).to_bits();
                others.iter().for_each(|&other| words[other] = 0);
            }
        }
    }
}

/// The bindings that a launch writes.
pub(super) fn written(launch: &Launch) -> impl Iterator<Item = usize> {
    let bindings = launch.kernel.bindings.iter().enumerate();
    bindings
        .filter(|(_, binding)| binding.access == Access::ReadWrite)
        .map(|(index, _)| index)
}

/// How many additions a term of a row's sum can pass through: those of its lane, then the lanes.
fn additions(columns: usize, lanes: f64) -> f64 {
    (columns as f64 / lanes).ceil() + lanes
}
