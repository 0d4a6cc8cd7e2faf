//! The reparameterization: z = μ + exp(½ log σ²)·ε.

use std::borrow::Cow;

use super::{Len, WORKGROUP, assert_lengths, elementwise_grid};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};

/// `shaders/reparameterize.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("reparameterize"),
    source: Cow::Borrowed(wgsl!("parts/gaussian.wgsl", "reparameterize.wgsl")),
    bindings: Cow::Borrowed(&[read("mu"), read("logvar"), read("eps"), read_write("z")]),
    params: size_of::<Len>(),
};

/// Its arrays, all of one length.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// μ.
    pub mu: &'a Slice,
    /// log σ².
    pub logvar: &'a Slice,
    /// ε.
    pub eps: &'a Slice,
    /// The latent.
    pub z: &'a Slice,
}

/// One invocation an element.
pub fn launch(buffers: Buffers<'_>) -> Launch {
    assert_lengths(
        &KERNEL,
        &[
            (buffers.mu, buffers.z.len()),
            (buffers.logvar, buffers.z.len()),
            (buffers.eps, buffers.z.len()),
        ],
    );
    Launch {
        kernel: KERNEL.into(),
        constants: vec![("WORKGROUP", WORKGROUP.into())],
        buffers: vec![
            buffers.mu.clone(),
            buffers.logvar.clone(),
            buffers.eps.clone(),
            buffers.z.clone(),
        ],
        params: bytemuck::bytes_of(&Len::of(buffers.z)).to_vec(),
        grid: elementwise_grid(buffers.z.len()),
    }
}
