//! A draw's numbers, made on the GPU: standard normals or uniforms.

use std::borrow::Cow;

use super::{WORKGROUP, assert_lengths, elementwise_grid};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};
use crate::rng::{self, key};

/// `shaders/draw.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("draw"),
    source: Cow::Borrowed(wgsl!("parts/state.wgsl", "parts/normals.wgsl", "draw.wgsl")),
    bindings: Cow::Borrowed(&[read("state"), read_write("values")]),
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
    pub values: &'a Slice,
}

/// What it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard normals.
    Normals,
    /// Uniforms in [0, 1), multiples of 2⁻²⁴.
    Uniforms,
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
        len: buffers.values.len() as u32,
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
            ("UNIFORMS", (output == Output::Uniforms).into()),
            ("WORDS", (output == Output::Words).into()),
        ],
        buffers: vec![buffers.state.clone(), buffers.values.clone()],
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: elementwise_grid(buffers.values.len().div_ceil(4)),
    }
}
