//! The adjoint of the reparameterization with respect to log σ².

use std::borrow::Cow;

use super::{Len, WORKGROUP, assert_lengths, elementwise_grid};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};

/// `shaders/reparameterize_grad.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("reparameterize_grad"),
    source: Cow::Borrowed(wgsl!("parts/gaussian.wgsl", "reparameterize_grad.wgsl")),
    bindings: Cow::Borrowed(&[
        read("d_z"),
        read("logvar"),
        read("eps"),
        read_write("d_logvar"),
    ]),
    params: size_of::<Len>(),
};

/// Its arrays, all of one length.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// The gradient of `z`.
    pub d_z: &'a Slice,
    /// log σ².
    pub logvar: &'a Slice,
    /// ε.
    pub eps: &'a Slice,
    /// The gradient of log σ².
    pub d_logvar: &'a Slice,
}

/// One invocation an element.
pub fn launch(buffers: Buffers<'_>) -> Launch {
    assert_lengths(
        &KERNEL,
        &[
            (buffers.d_z, buffers.d_logvar.len()),
            (buffers.logvar, buffers.d_logvar.len()),
            (buffers.eps, buffers.d_logvar.len()),
        ],
    );
    Launch {
        kernel: KERNEL.into(),
        constants: vec![("WORKGROUP", WORKGROUP.into())],
        buffers: vec![
            buffers.d_z.clone(),
            buffers.logvar.clone(),
            buffers.eps.clone(),
            buffers.d_logvar.clone(),
        ],
        params: bytemuck::bytes_of(&Len::of(buffers.d_logvar)).to_vec(),
        grid: elementwise_grid(buffers.d_logvar.len()),
    }
}
