//! The sum of a matrix's rows.

use super::{Matrix, WORKGROUP, assert_lengths, elementwise_grid};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};

/// `shaders/column_sum.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: "column_sum",
    source: include_str!("../../shaders/column_sum.wgsl"),
    bindings: &[read("a"), read_write("sum")],
    params: size_of::<Matrix>(),
};

/// Its arrays.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// `[rows, columns]`.
    pub a: &'a Slice,
    /// `[columns]`.
    pub sum: &'a Slice,
}

/// One invocation a column.
pub fn launch(buffers: Buffers<'_>, [rows, columns]: [usize; 2]) -> Launch {
    let params = Matrix::of([rows, columns]);
    assert_lengths(
        &KERNEL,
        &[(buffers.a, rows * columns), (buffers.sum, columns)],
    );
    Launch {
        kernel: &KERNEL,
        constants: vec![("WORKGROUP", WORKGROUP.into())],
        buffers: vec![buffers.a.clone(), buffers.sum.clone()],
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: elementwise_grid(columns),
    }
}
