//! A gradient that follows the step.

use std::borrow::Cow;

use super::{WORKGROUP, assert_lengths, elementwise_grid};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};
use crate::graph;

/// `shaders/ramp.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("ramp"),
    source: Cow::Borrowed(wgsl!("parts/state.wgsl", "parts/ramp.wgsl", "ramp.wgsl")),
    bindings: Cow::Borrowed(&[read("state"), read_write("values")]),
    params: size_of::<Params>(),
};

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    len: u32,
    scale: f32,
    ramp: [u32; 2],
}

const _: () = assert!(size_of::<Params>() == 16);

/// Its arrays.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// [`super::State`].
    pub state: &'a Slice,
    /// `[len]`.
    pub values: &'a Slice,
}

/// One invocation an element; each is `scale` times the ramp at the step.
pub fn launch(buffers: Buffers<'_>, scale: f32, ramp: graph::Ramp) -> Launch {
    let params = Params {
        len: buffers.values.len() as u32,
        scale,
        ramp: [ramp.steps, ramp.period],
    };
    assert_lengths(&KERNEL, &[(buffers.state, 4)]);
    Launch {
        kernel: KERNEL.into(),
        constants: vec![("WORKGROUP", WORKGROUP.into())],
        buffers: vec![buffers.state.clone(), buffers.values.clone()],
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: elementwise_grid(buffers.values.len()),
    }
}
