//! The end of a step: its losses into the log, the counters moved on.

use std::borrow::Cow;

use super::{State, Term, assert_lengths};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};

/// `shaders/objective.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("objective"),
    source: Cow::Borrowed(wgsl!(
        "parts/state.wgsl",
        "parts/lanes.wgsl",
        "parts/ramp.wgsl",
        "parts/term.wgsl",
        "objective.wgsl"
    )),
    bindings: Cow::Borrowed(&[
        read("rows"),
        read("terms"),
        read_write("state"),
        read_write("losses"),
    ]),
    params: size_of::<Params>(),
};

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    batch: u32,
    stride: u32,
    terms: u32,
    padding: u32,
}

const _: () = assert!(size_of::<Params>() == 16);

/// Its arrays.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// `[terms, stride]`: the losses of this step's rows.
    pub rows: &'a Slice,
    /// `[terms]`: [`super::Term`] of each.
    pub terms: &'a Slice,
    /// [`super::State`], moved on.
    pub state: &'a Slice,
    /// `[entries, 1 + terms]`: the objective and its terms, a line for each step.
    pub losses: &'a Slice,
}

/// One workgroup of `lanes`. The rows of a term are the first of its `stride` values; an entry of the
/// data set's `batch` images ends.
///
/// # Panics
/// Where an array is too short.
pub fn launch(
    buffers: Buffers<'_>,
    batch: usize,
    (terms, stride): (&[Term], usize),
    lanes: u32,
) -> Launch {
    let params = Params {
        batch: batch as u32,
        stride: stride as u32,
        terms: terms.len() as u32,
        padding: 0,
    };
    let Buffers {
        rows,
        terms: table,
        state,
        losses,
    } = buffers;
    let ends = terms.iter().zip((0..).step_by(stride.max(1)));
    let ends = ends.map(|(term, first)| first + term.rows as usize).max();
    let each = size_of::<Term>() / 4;
    assert_lengths(
        &KERNEL,
        &[
            (rows, ends.unwrap_or(0)),
            (table, each * terms.len()),
            (state, size_of::<State>() / 4),
        ],
    );
    Launch {
        kernel: KERNEL.into(),
        constants: vec![("LANES", lanes.into())],
        buffers: [rows, table, state, losses].map(Slice::clone).to_vec(),
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: [1, 1, 1],
    }
}
