//! What each kernel is checked on: launches of its own, or those of models' steps.
//!
//! A new kernel needs a line of [`CASES`]; a test asks for it.

mod indices;
mod losses;
mod products;
mod sums;

use super::chance::Chance;
use crate::gpu::{Gpu, GpuError, Launch, Slice};
use crate::kernels::State;
use crate::plan::Origin;

/// Where a kernel's launches come from.
#[derive(Clone, Copy)]
pub(super) enum Cases {
    /// From here, with random shapes, beside what steps run of it.
    Own(fn(&mut Bench<'_>) -> Result<(), GpuError>),
    /// From the steps of models of random sizes (`super::models`): the kernel is made of them.
    Steps,
}

/// Of every kernel of [`crate::kernels::ALL`]: its name and its cases.
pub(super) const CASES: &[(&str, Cases)] = &[
    ("adam", Cases::Own(losses::adam)),
    ("bernoulli_nll", Cases::Own(losses::bernoulli_nll)),
    ("column_sum", Cases::Own(sums::column_sum)),
    ("copy", Cases::Own(indices::copy)),
    ("draw", Cases::Own(indices::draw)),
    ("gather", Cases::Own(indices::gather)),
    ("gemm_cooperative_8", Cases::Own(products::cooperative_8)),
    ("gemm_cooperative_16", Cases::Own(products::cooperative_16)),
    ("gemm_registers", Cases::Own(products::registers)),
    ("gemm_split_sum", Cases::Own(products::split_sum)),
    ("gemm_subgroups", Cases::Own(products::subgroups)),
    ("gemm_tiled", Cases::Own(products::tiled)),
    (
        "gemm_tiled_subgroups",
        Cases::Own(products::tiled_subgroups),
    ),
    ("gradient_norm", Cases::Own(sums::gradient_norm)),
    ("latent", Cases::Own(losses::latent)),
    ("latent_grad", Cases::Own(losses::latent_grad)),
    ("lookup", Cases::Own(indices::lookup)),
    ("objective", Cases::Own(losses::objective)),
    ("one_hot", Cases::Own(indices::one_hot)),
    ("pointwise", Cases::Steps),
    ("pointwise_rows", Cases::Steps),
    ("row_sums", Cases::Steps),
    ("ramp", Cases::Own(losses::ramp)),
    ("reduce", Cases::Own(sums::reduce)),
    ("rows_subgroups", Cases::Steps),
    ("rows_workgroup", Cases::Steps),
    ("stage_images", Cases::Own(indices::stage_images)),
    ("step_losses", Cases::Own(losses::step_losses)),
    ("update_subgroups", Cases::Steps),
    ("update_tiled", Cases::Steps),
];

/// What a kernel's cases are made with, and they themselves.
pub(super) struct Bench<'a> {
    pub(super) gpu: &'a Gpu,
    pub(super) chance: Chance,
    /// Each with what it is of.
    pub(super) cases: Vec<Case>,
}

/// Launches that follow one another.
pub(super) struct Case {
    pub(super) title: String,
    pub(super) launches: Vec<(Launch, Origin)>,
}

/// An output before it is written: not a number.
const NAN: u32 = 0x7fc0_dead;

impl Bench<'_> {
    /// An array on the GPU, with words behind it that its kernel must not touch.
    fn array<T: bytemuck::Pod>(&self, values: &[T]) -> Result<Array, GpuError> {
        let words: Vec<u32> = bytemuck::cast_slice::<T, u8>(values)
            .chunks(4)
            .map(|chunk| {
                let mut word = [0; 4];
                word[..chunk.len()].copy_from_slice(chunk);
                u32::from_ne_bytes(word)
            })
            .collect();
        let len = words.len();
        let mut content = words;
        content.resize(len + Slice::ALIGNMENT, NAN);
        let whole = self.gpu.upload("an array of a case", &content)?;
        Ok(Array {
            view: whole.part(0, len),
            whole,
        })
    }

    fn output(&self, len: usize) -> Result<Array, GpuError> {
        self.array(&vec![NAN; len])
    }

    fn state(&self, step: u32, position: usize, entry: u32) -> Result<Array, GpuError> {
        self.array(&[State {
            step,
            position: position as u32,
            entry,
            padding: 0,
        }])
    }

    /// Values of U(−bound, bound) on the GPU.
    fn uniform(&mut self, len: usize, bound: f32) -> Result<Array, GpuError> {
        let values = self.chance.uniform(len, bound);
        self.array(&values)
    }

    /// Adds launches of arrays, with the words behind these in the kernels' reach: a driver stops what goes
    /// beyond a binding, so that a kernel which relies on that would look right.
    fn push(&mut self, title: String, launches: Vec<Launch>, arrays: &[&Array]) {
        let launches = launches
            .into_iter()
            .map(|launch| (launch, Origin::Parameters));
        self.push_of(title, launches.collect(), arrays);
    }

    fn push_of(&mut self, title: String, mut launches: Vec<(Launch, Origin)>, arrays: &[&Array]) {
        for buffer in launches
            .iter_mut()
            .flat_map(|(launch, _)| &mut launch.buffers)
        {
            if let Some(array) = arrays.iter().find(|array| array.view == *buffer) {
                buffer.clone_from(&array.whole);
            }
        }
        self.cases.push(Case { title, launches });
    }
}

/// An array, and it with the words behind it.
struct Array {
    view: Slice,
    whole: Slice,
}

/// How many cases a kernel has, where one is as good as another.
const CASES_EACH: usize = 3;

#[cfg(test)]
mod tests {
    use super::CASES;
    use crate::kernels;

    #[test]
    fn every_kernel_has_its_cases() {
        let mut known: Vec<&str> = CASES.iter().map(|(name, _)| *name).collect();
        let mut kernels: Vec<&str> = kernels::ALL.iter().map(|of| of.name.as_ref()).collect();
        known.sort_unstable();
        kernels.sort_unstable();
        assert_eq!(
            known, kernels,
            "a kernel without cases, or cases without a kernel"
        );
    }
}
