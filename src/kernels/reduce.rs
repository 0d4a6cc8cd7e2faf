//! Consecutive rows become one.

use std::borrow::Cow;

use super::{SOFTWARE_ITERATIONS, WORKGROUP, assert_lengths, elementwise_grid};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};
use crate::graph::Reduction;

/// `shaders/reduce.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("reduce"),
    source: Cow::Borrowed(wgsl!("reduce.wgsl")),
    bindings: Cow::Borrowed(&[read("x"), read_write("y")]),
    params: size_of::<Params>(),
};

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    columns: u32,
    axis: u32,
    padding: u32,
}

const _: () = assert!(size_of::<Params>() == 16);

/// Its arrays.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// `[rows · axis, columns]`.
    pub x: &'a Slice,
    /// `[rows, columns]`.
    pub y: &'a Slice,
}

/// The most rows that become one: an invocation goes over them twice.
pub const MOST_ROWS: usize = SOFTWARE_ITERATIONS / 2;

/// The shader's number for a function, whose constant of this value has its name in capitals.
fn code(function: Reduction) -> u32 {
    match function {
        Reduction::Sum => 0,
        Reduction::LogSumExp => 1,
        Reduction::Max => 2,
        Reduction::ArgMax => 3,
    }
}

/// One invocation an element of y; `axis` rows become one of `[rows, columns]`.
///
/// # Panics
/// Where more than [`MOST_ROWS`] rows become one, or an array is too short.
pub fn launch(
    buffers: Buffers<'_>,
    function: Reduction,
    axis: usize,
    [rows, columns]: [usize; 2],
) -> Launch {
    let Buffers { x, y } = buffers;
    assert!(axis <= MOST_ROWS, "reduce: {axis} rows");
    assert_lengths(&KERNEL, &[(x, rows * axis * columns), (y, rows * columns)]);
    let params = Params {
        rows: rows as u32,
        columns: columns as u32,
        axis: axis as u32,
        padding: 0,
    };
    Launch {
        kernel: KERNEL.into(),
        constants: vec![
            ("WORKGROUP", WORKGROUP.into()),
            ("FUNCTION", code(function).into()),
        ],
        buffers: vec![x.clone(), y.clone()],
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: elementwise_grid(rows * columns),
    }
}
