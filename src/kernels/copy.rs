//! Columns of rows, from one array into another: rows side by side, and parts of rows.

use std::borrow::Cow;

use super::{WORKGROUP, assert_lengths, elementwise_grid};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};

/// `shaders/copy.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("copy"),
    source: Cow::Borrowed(wgsl!("copy.wgsl")),
    bindings: Cow::Borrowed(&[read("source"), read_write("copy")]),
    params: size_of::<Params>(),
};

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    columns: u32,
    from: [u32; 2],
    to: [u32; 2],
    padding: [u32; 2],
}

const _: () = assert!(size_of::<Params>() == 32);

/// Its arrays.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// What is read.
    pub from: &'a Slice,
    /// Where it goes; the other columns stay.
    pub to: &'a Slice,
}

/// Which columns.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Rows of both.
    pub rows: usize,
    /// Columns that are copied.
    pub columns: usize,
    /// The first of them where they are read, and the columns there.
    pub from: [usize; 2],
    /// The first of them where they go, and the columns there.
    pub to: [usize; 2],
}

/// One invocation an element.
///
/// # Panics
/// Where an array is too short, or its rows are.
pub fn launch(buffers: Buffers<'_>, shape: Shape) -> Launch {
    let Shape {
        rows,
        columns,
        from,
        to,
    } = shape;
    for [first, all] in [from, to] {
        assert!(first + columns <= all, "copy: columns");
    }
    assert_lengths(
        &KERNEL,
        &[(buffers.from, rows * from[1]), (buffers.to, rows * to[1])],
    );
    let params = Params {
        rows: rows as u32,
        columns: columns as u32,
        from: from.map(|n| n as u32),
        to: to.map(|n| n as u32),
        padding: [0; 2],
    };
    Launch {
        kernel: KERNEL.into(),
        constants: vec![("WORKGROUP", WORKGROUP.into())],
        buffers: vec![buffers.from.clone(), buffers.to.clone()],
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: elementwise_grid(rows * columns),
    }
}
