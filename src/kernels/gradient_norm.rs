//! The Euclidean norm of all gradients together, in two stages.

use std::borrow::Cow;

use super::{MAX_GROUPS, assert_lengths};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};

/// `shaders/gradient_norm.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("gradient_norm"),
    source: Cow::Borrowed(wgsl!("parts/lanes.wgsl", "gradient_norm.wgsl")),
    bindings: Cow::Borrowed(&[read("x"), read_write("sums")]),
    params: size_of::<Params>(),
};

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    len: u32,
    first: u32,
    padding: [u32; 2],
}

const _: () = assert!(size_of::<Params>() == 16);

/// The most partial sums of a buffer. On a software adapter with a lane for each of eight, 128 MiB are
/// 4,096 turns of a lane's loop, see [`super::SOFTWARE_ITERATIONS`].
const MOST: usize = 256;
const _: () = assert!(MOST <= MAX_GROUPS as usize);

/// Elements of a workgroup, where there are fewer than [`MOST`] of them.
const ENOUGH: usize = 1024;

/// Partial sums that a buffer of `len` gradients has: one at least.
pub fn partials(len: usize) -> usize {
    len.div_ceil(ENOUGH).clamp(1, MOST)
}

/// The first stage, for one of the buffers of gradients: its [`partials`] go to `sums`, from `first`
/// on.
///
/// # Panics
/// Where `sums` is too short.
pub fn squares(gradients: &Slice, sums: &Slice, first: usize, lanes: u32) -> Launch {
    stage(gradients, sums, first, lanes, false)
}

/// The second stage: the norm `[1]` from the partial sums of all buffers.
///
/// # Panics
/// Where `norm` is too short.
pub fn root(sums: &Slice, norm: &Slice, lanes: u32) -> Launch {
    stage(sums, norm, 0, lanes, true)
}

fn stage(x: &Slice, sums: &Slice, first: usize, lanes: u32, last: bool) -> Launch {
    let groups = if last { 1 } else { partials(x.len()) };
    assert_lengths(&KERNEL, &[(x, 0), (sums, first + groups)]);
    let params = Params {
        len: x.len() as u32,
        first: first as u32,
        padding: [0; 2],
    };
    Launch {
        kernel: KERNEL.into(),
        constants: vec![("LANES", lanes.into()), ("LAST", f64::from(u8::from(last)))],
        buffers: vec![x.clone(), sums.clone()],
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: [groups as u32, 1, 1],
    }
}
