//! The losses of whole steps from those of their rows, for many steps in one launch.

use std::borrow::Cow;

use super::{State, Term, assert_lengths};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};
use crate::kernels::rows::Log;

/// `shaders/step_losses.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("step_losses"),
    source: Cow::Borrowed(wgsl!(
        "parts/state.wgsl",
        "parts/lanes.wgsl",
        "parts/ramp.wgsl",
        "parts/term.wgsl",
        "step_losses.wgsl"
    )),
    bindings: Cow::Borrowed(&[
        read("rows"),
        read("terms"),
        read("state"),
        read_write("losses"),
    ]),
    params: size_of::<Params>(),
};

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    batch: u32,
    stride: u32,
    column_groups: u32,
    entries: u32,
    terms: u32,
    padding: [u32; 3],
}

const _: () = assert!(size_of::<Params>() == 32);

/// Its arrays.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// `[terms, entries, column_groups, batch]`: the losses of rows.
    pub rows: &'a Slice,
    /// `[terms]`: [`Term`] of each; the rows of all are the batch's.
    pub terms: &'a Slice,
    /// [`State`]: how many entries are written.
    pub state: &'a Slice,
    /// `[entries, 1 + terms]`: the objective and its terms, a line for each step.
    pub losses: &'a Slice,
}

/// Iterations of all loops of a lane, where `lanes` reduce an entry of `log` for each of `terms`: on a
/// software adapter [`super::SOFTWARE_ITERATIONS`] bounds them.
pub fn iterations(log: Log, terms: usize, lanes: u32) -> usize {
    /// Rows that the shader adds at a time.
    const AT_ONCE: usize = 8;
    let rows = log.batch.div_ceil(AT_ONCE * lanes as usize);
    terms * (1 + log.column_groups * (1 + rows) + lanes as usize)
}

/// One workgroup of `lanes` an entry of `log`; each has `batch` rows. The grid is that of one step:
/// [`crate::gpu::Dispatch::record_groups`] takes the last so many.
///
/// # Panics
/// Where an array is too short.
pub fn launch(buffers: Buffers<'_>, batch: usize, log: Log, lanes: u32) -> Launch {
    let Buffers {
        rows,
        terms: table,
        state,
        losses,
    } = buffers;
    let each = size_of::<Term>() / 4;
    let terms = table.len() / each;
    let params = Params {
        batch: batch as u32,
        stride: log.batch as u32,
        column_groups: log.column_groups as u32,
        entries: log.entries as u32,
        terms: terms as u32,
        padding: [0; 3],
    };
    assert!(batch <= log.batch, "a batch beyond an entry of the log");
    assert_lengths(
        &KERNEL,
        &[
            (rows, terms * log.term()),
            (state, size_of::<State>() / 4),
            (losses, log.entries * (1 + terms)),
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
