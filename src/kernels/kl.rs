//! KL divergence of a diagonal Gaussian from the standard normal, and its gradients.

use std::borrow::Cow;

use super::{Matrix, assert_lengths, wrapped_grid};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};

/// `shaders/kl.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("kl"),
    source: Cow::Borrowed(wgsl!("parts/gaussian.wgsl", "parts/lanes.wgsl", "kl.wgsl")),
    bindings: Cow::Borrowed(&[
        read("mu"),
        read("logvar"),
        read("d_rows"),
        read_write("rows"),
        read_write("d_mu"),
        read_write("d_logvar"),
    ]),
    params: size_of::<Matrix>(),
};

/// Its arrays; without `value` or `gradient` that part is not computed.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// `[rows, columns]`: the means.
    pub mu: &'a Slice,
    /// `[rows, columns]`: log σ².
    pub logvar: &'a Slice,
    /// `[rows]`: where the value goes.
    pub value: Option<&'a Slice>,
    /// Where the gradient goes.
    pub gradient: Option<Gradient<'a>>,
    /// What stands in for outputs that are not written: twice [`Slice::ALIGNMENT`] words.
    pub unused: &'a Slice,
}

/// The backward half.
#[derive(Clone, Copy, Debug)]
pub struct Gradient<'a> {
    /// `[rows]`: the gradient of the value.
    pub d_rows: &'a Slice,
    /// `[rows, columns]`: the gradient of the means.
    pub d_mu: &'a Slice,
    /// `[rows, columns]`: the gradient of log σ².
    pub d_logvar: &'a Slice,
}

/// One workgroup of `lanes` a row; `[rows, columns]` is the shape.
pub fn launch(buffers: Buffers<'_>, [rows, columns]: [usize; 2], lanes: u32) -> Launch {
    let Buffers {
        mu,
        logvar,
        value,
        gradient,
        unused,
    } = buffers;
    let params = Matrix::of([rows, columns]);
    // Two written bindings must not overlap, not even where nothing is written.
    let [unused_mu, unused_logvar] =
        [0, Slice::ALIGNMENT].map(|offset| unused.part(offset, Slice::ALIGNMENT));
    assert_lengths(&KERNEL, &[(mu, rows * columns), (logvar, rows * columns)]);
    if let Some(value) = value {
        assert_lengths(&KERNEL, &[(value, rows)]);
    }
    if let Some(g) = gradient {
        assert_lengths(
            &KERNEL,
            &[
                (g.d_rows, rows),
                (g.d_mu, rows * columns),
                (g.d_logvar, rows * columns),
            ],
        );
    }
    Launch {
        kernel: KERNEL.into(),
        constants: vec![
            ("LANES", lanes.into()),
            ("VALUE", value.is_some().into()),
            ("GRADIENT", gradient.is_some().into()),
        ],
        buffers: vec![
            mu.clone(),
            logvar.clone(),
            gradient.map_or(mu, |g| g.d_rows).clone(),
            value.unwrap_or(unused).clone(),
            gradient.map_or(unused_mu, |g| g.d_mu.clone()),
            gradient.map_or(unused_logvar, |g| g.d_logvar.clone()),
        ],
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: wrapped_grid(rows),
    }
}
