//! Rows of a table by their numbers.

use std::borrow::Cow;

use super::{WORKGROUP, assert_lengths, elementwise_grid};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};

/// `shaders/lookup.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("lookup"),
    source: Cow::Borrowed(wgsl!("lookup.wgsl")),
    bindings: Cow::Borrowed(&[read("table"), read("index"), read_write("y")]),
    params: size_of::<Params>(),
};

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    table_rows: u32,
    rows: u32,
    columns: u32,
    padding: u32,
}

const _: () = assert!(size_of::<Params>() == 16);

/// Its arrays.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// `[table_rows, columns]`.
    pub table: &'a Slice,
    /// `[rows]`: whole numbers. Those outside of the table count as the nearest inside.
    pub index: &'a Slice,
    /// `[rows, columns]`.
    pub y: &'a Slice,
}

/// One invocation an element of y `[rows, columns]`.
///
/// # Panics
/// Where the table has no rows, or an array is too short.
pub fn launch(buffers: Buffers<'_>, table_rows: usize, [rows, columns]: [usize; 2]) -> Launch {
    let Buffers { table, index, y } = buffers;
    assert!(table_rows > 0, "lookup: a table without rows");
    assert_lengths(
        &KERNEL,
        &[
            (table, table_rows * columns),
            (index, rows),
            (y, rows * columns),
        ],
    );
    let params = Params {
        table_rows: table_rows as u32,
        rows: rows as u32,
        columns: columns as u32,
        padding: 0,
    };
    Launch {
        kernel: KERNEL.into(),
        constants: vec![("WORKGROUP", WORKGROUP.into())],
        buffers: vec![table.clone(), index.clone(), y.clone()],
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: elementwise_grid(rows * columns),
    }
}
