//! The adjoint of a pointwise non-linearity: d_x = d_y · f′.

use std::borrow::Cow;

use super::{Len, WORKGROUP, activation_code, assert_lengths, elementwise_grid};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};
use crate::graph::Activation;

/// `shaders/activation_grad.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("activation_grad"),
    source: Cow::Borrowed(wgsl!(
        "parts/activations.wgsl",
        "parts/activation_branches.wgsl",
        "activation_grad.wgsl"
    )),
    bindings: Cow::Borrowed(&[read("y"), read("d_y"), read_write("d_x")]),
    params: size_of::<Len>(),
};

/// Its arrays, all of one length.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// The non-linearity's output.
    pub y: &'a Slice,
    /// The gradient of `y`.
    pub d_y: &'a Slice,
    /// The gradient of its argument.
    pub d_x: &'a Slice,
}

/// One invocation an element.
pub fn launch(buffers: Buffers<'_>, function: Activation) -> Launch {
    assert_lengths(
        &KERNEL,
        &[
            (buffers.y, buffers.d_x.len()),
            (buffers.d_y, buffers.d_x.len()),
        ],
    );
    Launch {
        kernel: KERNEL.into(),
        constants: vec![
            ("WORKGROUP", WORKGROUP.into()),
            ("FUNCTION", activation_code(Some(function)).into()),
        ],
        buffers: vec![buffers.y.clone(), buffers.d_y.clone(), buffers.d_x.clone()],
        params: bytemuck::bytes_of(&Len::of(buffers.d_x)).to_vec(),
        grid: elementwise_grid(buffers.d_x.len()),
    }
}
