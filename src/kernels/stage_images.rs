//! Images of the coming steps, gathered from several buffers into one.

use std::borrow::Cow;

use super::gather::row_bytes;
use super::{MAX_GROUPS, State, assert_lengths};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};

/// `shaders/stage_images.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("stage_images"),
    source: Cow::Borrowed(wgsl!("parts/state.wgsl", "stage_images.wgsl")),
    bindings: Cow::Borrowed(&[
        read("images"),
        read("order"),
        read("state"),
        read_write("staged"),
    ]),
    params: size_of::<Params>(),
};

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    first: u32,
    count: u32,
    total: u32,
    vectors: u32,
    capacity: u32,
    padding: [u32; 3],
}

const _: () = assert!(size_of::<Params>() == 32);

/// Images that a workgroup copies.
pub const ROWS: usize = 8;

/// The most rows of one launch.
pub const MOST_ROWS: usize = ROWS * MAX_GROUPS as usize;

/// Its arrays.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// `[count, dim]` bytes as [`super::gather::pack`] lays them out: some images that follow one
    /// another.
    pub images: &'a Slice,
    /// The epoch's permutation of all images.
    pub order: &'a Slice,
    /// [`State`].
    pub state: &'a Slice,
    /// `[capacity, dim]`, likewise: written where `images` has the row's image.
    pub staged: &'a Slice,
}

/// Workgroups that copy so many rows, for [`crate::gpu::Dispatch::record_groups`].
pub fn groups(rows: usize) -> u32 {
    rows.div_ceil(ROWS) as u32
}

/// One workgroup for each [`ROWS`] of `rows` images of `dim` bytes; `first` is the number of the first
/// of `images`.
///
/// # Panics
/// Where an array is too short, or `staged` has no whole number of workgroups' rows, or fewer than
/// `rows`.
pub fn launch(buffers: Buffers<'_>, [rows, dim]: [usize; 2], first: usize) -> Launch {
    let Buffers {
        images,
        order,
        state,
        staged,
    } = buffers;
    let words = row_bytes(dim).max(1) / 4;
    let capacity = staged.len() / words.max(1);
    assert!(
        capacity.is_multiple_of(ROWS) && rows <= capacity,
        "{capacity} rows for {rows}"
    );
    assert_lengths(&KERNEL, &[(state, size_of::<State>() / 4)]);
    let params = Params {
        first: first as u32,
        count: (images.len() / words.max(1)) as u32,
        total: order.len() as u32,
        vectors: (words / 4) as u32,
        capacity: capacity as u32,
        padding: [0; 3],
    };
    Launch {
        kernel: KERNEL.into(),
        constants: vec![],
        buffers: [images, order, state, staged].map(Slice::clone).to_vec(),
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: [groups(rows), 1, 1],
    }
}
