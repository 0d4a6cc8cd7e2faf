//! The latent of a batch and its divergence from the prior, in one launch.

use std::borrow::Cow;

use super::{Matrix, assert_lengths, wrapped_grid};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};

/// `shaders/latent.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("latent"),
    source: Cow::Borrowed(wgsl!(
        "parts/gaussian.wgsl",
        "parts/lanes.wgsl",
        "latent.wgsl"
    )),
    bindings: Cow::Borrowed(&[
        read("mu"),
        read("logvar"),
        read("eps"),
        read_write("z"),
        read_write("rows"),
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
    /// `[rows, columns]`: the latent.
    pub z: &'a Slice,
    /// `[rows]`: the divergence.
    pub rows: &'a Slice,
}

/// One workgroup of `lanes` a row; `[rows, columns]` is the shape.
pub fn launch(buffers: Buffers<'_>, [rows, columns]: [usize; 2], lanes: u32) -> Launch {
    let params = Matrix::of([rows, columns]);
    let Buffers {
        mu,
        logvar,
        eps,
        z,
        rows: divergence,
    } = buffers;
    assert_lengths(
        &KERNEL,
        &[
            (mu, rows * columns),
            (logvar, rows * columns),
            (eps, rows * columns),
            (z, rows * columns),
            (divergence, rows),
        ],
    );
    Launch {
        kernel: KERNEL.into(),
        constants: vec![("LANES", lanes.into())],
        buffers: [mu, logvar, eps, z, divergence].map(Slice::clone).to_vec(),
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: wrapped_grid(rows),
    }
}
