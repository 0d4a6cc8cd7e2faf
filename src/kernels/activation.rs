//! A pointwise non-linearity: y = f(x).

use std::borrow::Cow;

use super::{Len, WORKGROUP, activation_code, assert_lengths, elementwise_grid};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};
use crate::graph::Activation;

/// `shaders/activation.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("activation"),
    source: Cow::Borrowed(wgsl!(
        "parts/activations.wgsl",
        "parts/activation_branches.wgsl",
        "activation.wgsl"
    )),
    bindings: Cow::Borrowed(&[read("x"), read_write("y")]),
    params: size_of::<Len>(),
};

/// Its arrays, all of one length.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// The argument.
    pub x: &'a Slice,
    /// The result.
    pub y: &'a Slice,
}

/// One invocation an element.
pub fn launch(buffers: Buffers<'_>, function: Activation) -> Launch {
    assert_lengths(&KERNEL, &[(buffers.x, buffers.y.len())]);
    Launch {
        kernel: KERNEL.into(),
        constants: vec![
            ("WORKGROUP", WORKGROUP.into()),
            ("FUNCTION", activation_code(Some(function)).into()),
        ],
        buffers: vec![buffers.x.clone(), buffers.y.clone()],
        params: bytemuck::bytes_of(&Len::of(buffers.y)).to_vec(),
        grid: elementwise_grid(buffers.y.len()),
    }
}
