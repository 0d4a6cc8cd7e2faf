//! Squared error, or the negative log-likelihood of unit-variance Gaussians, and its gradient.

use std::borrow::Cow;

use super::{assert_lengths, wrapped_grid};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};

/// `shaders/squared_error.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("squared_error"),
    source: Cow::Borrowed(wgsl!("parts/lanes.wgsl", "squared_error.wgsl")),
    bindings: Cow::Borrowed(&[
        read("y"),
        read("x"),
        read("d_rows"),
        read_write("rows"),
        read_write("d_y"),
    ]),
    params: size_of::<Params>(),
};

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    columns: u32,
    scale: f32,
    offset: f32,
}

const _: () = assert!(size_of::<Params>() == 16);

/// Its arrays; without `value` or `gradient` that part is not computed.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// `[rows, columns]`: the prediction.
    pub y: &'a Slice,
    /// `[rows, columns]`: what was observed.
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
    /// `[rows, columns]`: the gradient of the prediction.
    pub d_y: &'a Slice,
}

/// One workgroup of `lanes` a row; `[rows, columns]` is the shape.
pub fn launch(
    buffers: Buffers<'_>,
    [rows, columns]: [usize; 2],
    [scale, offset]: [f32; 2],
    lanes: u32,
) -> Launch {
    let Buffers {
        y,
        x,
        value,
        gradient,
        unused,
    } = buffers;
    let params = Params {
        rows: rows as u32,
        columns: columns as u32,
        scale,
        offset,
    };
    assert_lengths(&KERNEL, &[(y, rows * columns), (x, rows * columns)]);
    if let Some(value) = value {
        assert_lengths(&KERNEL, &[(value, rows)]);
    }
    if let Some(g) = gradient {
        assert_lengths(&KERNEL, &[(g.d_rows, rows), (g.d_y, rows * columns)]);
    }
    Launch {
        kernel: KERNEL.into(),
        constants: vec![
            ("LANES", lanes.into()),
            ("VALUE", value.is_some().into()),
            ("GRADIENT", gradient.is_some().into()),
        ],
        buffers: vec![
            y.clone(),
            x.clone(),
            gradient.map_or(y, |g| g.d_rows).clone(),
            value.unwrap_or(unused).clone(),
            gradient.map_or(unused, |g| g.d_y).clone(),
        ],
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: wrapped_grid(rows),
    }
}
