//! The kernels: each file holds one kernel's parameters, bindings and grid; its shader is
//! `shaders/NAME.wgsl`, after the files of `shaders/parts` that it shares with others, its CPU twin
//! `reference/NAME.rs`.

/// The text of a shader: files in `shaders`, one after the other.
macro_rules! wgsl {
    ($($file:literal),+ $(,)?) => {
        concat!($(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/", $file))),+)
    };
}

mod activation;
pub mod adam;
mod address;
pub mod bernoulli_nll;
pub mod column_sum;
pub mod copy;
pub mod draw;
pub mod gather;
pub mod gemm;
pub mod gradient_norm;
pub mod latent;
pub mod latent_grad;
pub mod lookup;
pub mod objective;
pub mod one_hot;
pub mod pointwise;
pub mod ramp;
pub mod reduce;
pub mod rows;
pub mod stage_images;
pub mod step_losses;
pub mod update;

use crate::gpu::{Kernel, Slice};
use crate::graph::Ramp;

pub use activation::{KernelActivation, activation_code};
pub use address::Address;

/// Every kernel, for tests that read all shaders.
pub const ALL: &[&Kernel] = &[
    &adam::KERNEL,
    &bernoulli_nll::KERNEL,
    &column_sum::KERNEL,
    &copy::KERNEL,
    &draw::KERNEL,
    &gather::KERNEL,
    &gemm::COOPERATIVE_8,
    &gemm::COOPERATIVE_16,
    &gemm::REGISTERS,
    &gemm::SPLIT_SUM,
    &gemm::SUBGROUPS,
    &gemm::TILED,
    &gemm::TILED_SUBGROUPS,
    &gradient_norm::KERNEL,
    &latent::KERNEL,
    &latent_grad::KERNEL,
    &lookup::KERNEL,
    &objective::KERNEL,
    &one_hot::KERNEL,
    &pointwise::POINTWISE,
    &pointwise::POINTWISE_ROWS,
    &pointwise::ROW_SUMS,
    &ramp::KERNEL,
    &reduce::KERNEL,
    &rows::SUBGROUPS,
    &rows::workgroup::KERNEL,
    &stage_images::KERNEL,
    &step_losses::KERNEL,
    &update::SUBGROUPS,
    &update::TILED,
];

/// Iterations after which llvmpipe, and so lavapipe, ends the loops of a shader: all of them together,
/// silently (`LP_MAX_TGSI_LOOP_ITERATIONS` of its sources). No launch may come near it.
pub const SOFTWARE_ITERATIONS: usize = 60_000;

/// Invocations of a workgroup of an elementwise kernel.
const WORKGROUP: u32 = 64;

/// WebGPU's default limit of workgroups per dimension.
const MAX_GROUPS: u32 = 65_535;

/// A grid of at least `groups` workgroups, wrapped into y past the limit of one dimension.
fn wrapped_grid(groups: usize) -> [u32; 3] {
    let groups = groups.max(1) as u32;
    let y = groups.div_ceil(MAX_GROUPS);
    [groups.div_ceil(y), y, 1]
}

/// The grid of an elementwise kernel over `len` invocations.
fn elementwise_grid(len: usize) -> [u32; 3] {
    wrapped_grid(len.div_ceil(WORKGROUP as usize))
}

/// The counters of a loop over batches: where a step is. They live on the GPU; the kernel
/// `objective` moves them on.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct State {
    /// Steps since the start of the run.
    pub step: u32,
    /// Images of this epoch that are done.
    pub position: u32,
    /// Lines of the loss log that are written.
    pub entry: u32,
    /// To 16 bytes.
    pub padding: u32,
}

const _: () = assert!(size_of::<State>() == 16);

/// A term of the objective, as the kernels that log it read it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Term {
    /// Its factor in the objective.
    pub weight: f32,
    /// How many values its mean is of.
    pub rows: u32,
    /// [`Ramp::steps`] and [`Ramp::period`]: how the factor follows the step.
    pub ramp: [u32; 2],
}

const _: () = assert!(size_of::<Term>() == 16);

impl Term {
    /// A term of so many rows.
    pub fn new(weight: f32, rows: usize, ramp: Ramp) -> Self {
        Self {
            weight,
            rows: rows as u32,
            ramp: [ramp.steps, ramp.period],
        }
    }
}

/// The parameters of kernels that need only the shape of a matrix.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Matrix {
    rows: u32,
    columns: u32,
    padding: [u32; 2],
}

const _: () = assert!(size_of::<Matrix>() == 16);

impl Matrix {
    fn of([rows, columns]: [usize; 2]) -> Self {
        Self {
            rows: rows as u32,
            columns: columns as u32,
            padding: [0; 2],
        }
    }
}

/// Every array must hold what the kernel will index: shaders run without bounds checks.
///
/// # Panics
/// Where one is too short, which is a mistake in the program.
fn assert_lengths(kernel: &Kernel, arrays: &[(&Slice, usize)]) {
    for (index, (slice, least)) in arrays.iter().enumerate() {
        let len = slice.len();
        assert!(
            len >= *least,
            "{}: array {index} has {len} words, not {least}",
            kernel.name
        );
    }
}

/// Lanes that share one reduction of `len` values. A software adapter runs eight at a time, and a
/// barrier over more costs it a switch for each further eight; but see [`SOFTWARE_ITERATIONS`].
pub fn reduction_lanes(software: bool, len: usize) -> u32 {
    if !software {
        64
    } else if len.div_ceil(8) <= SOFTWARE_ITERATIONS / 4 {
        8
    } else {
        256
    }
}

#[cfg(test)]
mod tests {
    use super::wrapped_grid;

    #[test]
    fn grids_cover_every_workgroup_within_the_limit() {
        for groups in [1, 2, 65_535, 65_536, 131_071, 1_000_003, 50_000_000] {
            let [x, y, z] = wrapped_grid(groups);
            assert!(x as usize * y as usize >= groups && x <= 65_535 && y <= 65_535 && z == 1);
            assert!((x as usize * y as usize) < groups + y as usize);
        }
    }
}
