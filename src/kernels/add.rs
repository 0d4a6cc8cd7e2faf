//! Elementwise sum.

use std::borrow::Cow;

use super::{Len, WORKGROUP, assert_lengths, elementwise_grid};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};

/// `shaders/add.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("add"),
    source: Cow::Borrowed(wgsl!("add.wgsl")),
    bindings: Cow::Borrowed(&[read("a"), read("b"), read_write("sum")]),
    params: size_of::<Len>(),
};

/// Its arrays, all of one length.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// One summand.
    pub a: &'a Slice,
    /// The other.
    pub b: &'a Slice,
    /// a + b.
    pub sum: &'a Slice,
}

/// One invocation an element.
pub fn launch(buffers: Buffers<'_>) -> Launch {
    assert_lengths(
        &KERNEL,
        &[
            (buffers.a, buffers.sum.len()),
            (buffers.b, buffers.sum.len()),
        ],
    );
    Launch {
        kernel: KERNEL.into(),
        constants: vec![("WORKGROUP", WORKGROUP.into())],
        buffers: vec![buffers.a.clone(), buffers.b.clone(), buffers.sum.clone()],
        params: bytemuck::bytes_of(&Len::of(buffers.sum)).to_vec(),
        grid: elementwise_grid(buffers.sum.len()),
    }
}
