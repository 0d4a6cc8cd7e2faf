//! The end of a step: its losses into the log, the counters moved on.

use std::borrow::Cow;

use super::assert_lengths;
use crate::gpu::{Kernel, Launch, Slice, read, read_write};

/// `shaders/objective.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("objective"),
    source: Cow::Borrowed(wgsl!(
        "parts/state.wgsl",
        "parts/lanes.wgsl",
        "objective.wgsl"
    )),
    bindings: Cow::Borrowed(&[
        read("rows"),
        read("weights"),
        read_write("state"),
        read_write("losses"),
    ]),
    params: size_of::<Params>(),
};

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    batch: u32,
    stride: u32,
    terms: u32,
    padding: u32,
}

const _: () = assert!(size_of::<Params>() == 16);

/// Its arrays.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// `[terms, stride]`: the losses of this step's rows.
    pub rows: &'a Slice,
    /// `[terms]`: each term's factor in the objective.
    pub weights: &'a Slice,
    /// [`super::State`], moved on.
    pub state: &'a Slice,
    /// `[entries, 1 + terms]`: the objective and its terms, a line for each step.
    pub losses: &'a Slice,
}

/// One workgroup of `lanes`; the first `batch` values of each term's `stride` count.
pub fn launch(buffers: Buffers<'_>, batch: usize, stride: usize, lanes: u32) -> Launch {
    let Buffers {
        rows,
        weights,
        state,
        losses,
    } = buffers;
    let params = Params {
        batch: batch as u32,
        stride: stride as u32,
        terms: weights.len() as u32,
        padding: 0,
    };
    assert_lengths(
        &KERNEL,
        &[
            (rows, (weights.len().max(1) - 1) * stride + batch),
            (state, 4),
        ],
    );
    Launch {
        kernel: KERNEL.into(),
        constants: vec![("LANES", lanes.into())],
        buffers: [rows, weights, state, losses].map(Slice::clone).to_vec(),
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: [1, 1, 1],
    }
}
