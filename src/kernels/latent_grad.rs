//! The adjoint of the latent and its divergence, in one launch.

use std::borrow::Cow;

use super::{Matrix, WORKGROUP, assert_lengths, elementwise_grid};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};

/// `shaders/latent_grad.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("latent_grad"),
    source: Cow::Borrowed(wgsl!("parts/gaussian.wgsl", "latent_grad.wgsl")),
    bindings: Cow::Borrowed(&[
        read("mu"),
        read("logvar"),
        read("eps"),
        read("d_z"),
        read("d_rows"),
        read_write("d_mu"),
        read_write("d_logvar"),
    ]),
    params: size_of::<Matrix>(),
};

/// Its arrays.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// `[rows, columns]`: μ.
    pub mu: &'a Slice,
    /// `[rows, columns]`: log σ².
    pub logvar: &'a Slice,
    /// `[rows, columns]`: ε.
    pub eps: &'a Slice,
    /// `[rows, columns]`: the gradient of the latent.
    pub d_z: &'a Slice,
    /// `[rows]`: the gradient of the divergence.
    pub d_rows: &'a Slice,
    /// `[rows, columns]`: the gradient of μ.
    pub d_mu: &'a Slice,
    /// `[rows, columns]`: the gradient of log σ².
    pub d_logvar: &'a Slice,
}

/// One invocation an element; `[rows, columns]` is the shape.
pub fn launch(buffers: Buffers<'_>, [rows, columns]: [usize; 2]) -> Launch {
    let params = Matrix::of([rows, columns]);
    let Buffers {
        mu,
        logvar,
        eps,
        d_z,
        d_rows,
        d_mu,
        d_logvar,
    } = buffers;
    assert_lengths(
        &KERNEL,
        &[
            (mu, rows * columns),
            (logvar, rows * columns),
            (eps, rows * columns),
            (d_z, rows * columns),
            (d_mu, rows * columns),
            (d_logvar, rows * columns),
            (d_rows, rows),
        ],
    );
    Launch {
        kernel: KERNEL.into(),
        constants: vec![("WORKGROUP", WORKGROUP.into())],
        buffers: [mu, logvar, eps, d_z, d_rows, d_mu, d_logvar]
            .map(Slice::clone)
            .to_vec(),
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: elementwise_grid(rows * columns),
    }
}
