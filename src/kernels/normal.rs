//! Standard normals, made on the GPU.

use std::borrow::Cow;

use super::{WORKGROUP, assert_lengths, elementwise_grid};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};
use crate::rng::{self, key};

/// `shaders/normal.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("normal"),
    source: Cow::Borrowed(wgsl!(
        "parts/state.wgsl",
        "parts/normals.wgsl",
        "normal.wgsl"
    )),
    bindings: Cow::Borrowed(&[read("state"), read_write("eps")]),
    params: size_of::<Params>(),
};

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    len: u32,
    stream: u32,
    number: u32,
    seed: [u32; 2],
    padding: [u32; 3],
}

const _: () = assert!(size_of::<Params>() == 32);

/// Its arrays.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// [`super::State`].
    pub state: &'a Slice,
    /// `[len]`.
    pub eps: &'a Slice,
}

/// What it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard normals.
    Normals,
    /// Philox's words as they are, for comparison with its known answers.
    Words,
}

/// One invocation a block of four.
pub fn launch(
    buffers: Buffers<'_>,
    seed: u64,
    draw: impl Into<rng::Draw>,
    output: Output,
) -> Launch {
    let rng::Draw { stream, number } = draw.into();
    let params = Params {
        len: buffers.eps.len() as u32,
        stream: stream as u32,
        number,
        seed: key(seed),
        padding: [0; 3],
    };
    assert_lengths(&KERNEL, &[(buffers.state, 4)]);
    Launch {
        kernel: KERNEL.into(),
        constants: vec![
            ("WORKGROUP", WORKGROUP.into()),
            ("WORDS", (output == Output::Words).into()),
        ],
        buffers: vec![buffers.state.clone(), buffers.eps.clone()],
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: elementwise_grid(buffers.eps.len().div_ceil(4)),
    }
}
