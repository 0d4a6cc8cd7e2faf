//! Uniforms in [0, 1), made on the GPU.

use std::borrow::Cow;

use super::{WORKGROUP, assert_lengths, elementwise_grid};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};
use crate::rng::{self, key};

/// `shaders/uniform.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("uniform"),
    source: Cow::Borrowed(wgsl!(
        "parts/state.wgsl",
        "parts/normals.wgsl",
        "uniform.wgsl"
    )),
    bindings: Cow::Borrowed(&[read("state"), read_write("u")]),
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
    pub u: &'a Slice,
}

/// One invocation a block of four.
pub fn launch(buffers: Buffers<'_>, seed: u64, draw: impl Into<rng::Draw>) -> Launch {
    let rng::Draw { stream, number } = draw.into();
    let params = Params {
        len: buffers.u.len() as u32,
        stream: stream as u32,
        number,
        seed: key(seed),
        padding: [0; 3],
    };
    assert_lengths(&KERNEL, &[(buffers.state, 4)]);
    Launch {
        kernel: KERNEL.into(),
        constants: vec![("WORKGROUP", WORKGROUP.into())],
        buffers: vec![buffers.state.clone(), buffers.u.clone()],
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: elementwise_grid(buffers.u.len().div_ceil(4)),
    }
}
