//! The sum of a matrix's rows.

use std::borrow::Cow;

use super::{SOFTWARE_ITERATIONS, WORKGROUP, assert_lengths, elementwise_grid};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};

/// `shaders/column_sum.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("column_sum"),
    source: Cow::Borrowed(wgsl!("column_sum.wgsl")),
    bindings: Cow::Borrowed(&[read("a"), read_write("sum")]),
    params: size_of::<Params>(),
};

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    columns: u32,
    part: u32,
    padding: u32,
}

const _: () = assert!(size_of::<Params>() == 16);

/// Rows that one invocation adds at the most: no loop may be longer on a software adapter.
const PART: usize = SOFTWARE_ITERATIONS;

/// Its arrays.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// `[rows, columns]`.
    pub a: &'a Slice,
    /// `[columns]`.
    pub sum: &'a Slice,
    /// [`partial`] words, where that is not none.
    pub partial: Option<&'a Slice>,
}

/// Words that the sums of parts of the rows take: none where one loop adds them all.
pub fn partial([rows, columns]: [usize; 2]) -> usize {
    match rows.div_ceil(PART) {
        0 | 1 => 0,
        parts => parts * columns,
    }
}

/// One invocation a column; where there are too many rows for a loop, one for each part of them, and
/// a second launch for the parts.
///
/// # Panics
/// Where an array is too short or missing.
pub fn launches(buffers: Buffers<'_>, [rows, columns]: [usize; 2]) -> Vec<Launch> {
    let parts = rows.div_ceil(PART);
    match buffers.partial {
        Some(partial) if parts > 1 => vec![
            launch(buffers.a, partial, [rows, columns]),
            launch(partial, buffers.sum, [parts, columns]),
        ],
        _ => {
            assert!(parts <= 1, "no room for the parts of sums");
            vec![launch(buffers.a, buffers.sum, [rows, columns])]
        }
    }
}

fn launch(a: &Slice, sum: &Slice, [rows, columns]: [usize; 2]) -> Launch {
    let params = Params {
        rows: rows as u32,
        columns: columns as u32,
        part: PART as u32,
        padding: 0,
    };
    let sums = rows.div_ceil(PART).max(1) * columns;
    assert_lengths(&KERNEL, &[(a, rows * columns), (sum, sums)]);
    Launch {
        kernel: KERNEL.into(),
        constants: vec![("WORKGROUP", WORKGROUP.into())],
        buffers: vec![a.clone(), sum.clone()],
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: elementwise_grid(sums),
    }
}
