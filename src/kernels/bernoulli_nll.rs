//! Negative log-likelihood of Bernoullis from logits, and its gradient.

use std::borrow::Cow;

use super::{Matrix, assert_lengths, wrapped_grid};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};

/// `shaders/bernoulli_nll.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("bernoulli_nll"),
    source: Cow::Borrowed(wgsl!("parts/lanes.wgsl", "bernoulli_nll.wgsl")),
    bindings: Cow::Borrowed(&[
        read("logits"),
        read("x"),
        read("d_rows"),
        read_write("rows"),
        read_write("d_logits"),
    ]),
    params: size_of::<Matrix>(),
};

/// Its arrays; without `value` or `gradient` that part is not computed.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// `[rows, columns]`: log-odds.
    pub logits: &'a Slice,
    /// `[rows, columns]`: what was observed, in [0, 1].
    pub x: &'a Slice,
    /// `[rows]`: where the value goes.
    pub value: Option<&'a Slice>,
    /// Where the gradient goes.
    pub gradient: Option<Gradient<'a>>,
    /// What stands in for an output that is not written.
    pub unused: &'a Slice,
}

/// The backward half.
#[derive(Clone, Copy, Debug)]
pub struct Gradient<'a> {
    /// `[rows]`: the gradient of the value.
    pub d_rows: &'a Slice,
    /// `[rows, columns]`: the gradient of the logits.
    pub d_logits: &'a Slice,
}

/// One workgroup of `lanes` a row; `[rows, columns]` is the shape.
pub fn launch(buffers: Buffers<'_>, [rows, columns]: [usize; 2], lanes: u32) -> Launch {
    let Buffers {
        logits,
        x,
        value,
        gradient,
        unused,
    } = buffers;
    let params = Matrix::of([rows, columns]);
    assert_lengths(&KERNEL, &[(logits, rows * columns), (x, rows * columns)]);
    if let Some(value) = value {
        assert_lengths(&KERNEL, &[(value, rows)]);
    }
    if let Some(g) = gradient {
        assert_lengths(&KERNEL, &[(g.d_rows, rows), (g.d_logits, rows * columns)]);
    }
    Launch {
        kernel: KERNEL.into(),
        constants: vec![
            ("LANES", lanes.into()),
            ("VALUE", value.is_some().into()),
            ("GRADIENT", gradient.is_some().into()),
        ],
        buffers: vec![
            logits.clone(),
            x.clone(),
            gradient.map_or(logits, |g| g.d_rows).clone(),
            value.unwrap_or(unused).clone(),
            gradient.map_or(unused, |g| g.d_logits).clone(),
        ],
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: wrapped_grid(rows),
    }
}
