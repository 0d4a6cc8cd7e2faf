//! The next batch of a data set, from bytes or floats to floats.

use std::borrow::Cow;

use super::{WORKGROUP, assert_lengths, elementwise_grid};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};

/// `shaders/gather.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("gather"),
    source: Cow::Borrowed(wgsl!("parts/state.wgsl", "gather.wgsl")),
    bindings: Cow::Borrowed(&[
        read("images"),
        read("order"),
        read("state"),
        read_write("x"),
    ]),
    params: size_of::<Params>(),
};

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    dim: u32,
    words_per_row: u32,
    first: u32,
    count: u32,
    padding: [u32; 3],
}

const _: () = assert!(size_of::<Params>() == 32);

/// What the images are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Bytes, seen as 0 to 1; each row is padded to [`row_bytes`].
    Bytes,
    /// `f32`, seen as they are, rows without padding.
    Floats,
}

impl Form {
    /// Words from one image to the next.
    pub fn words_per_row(self, dim: usize) -> usize {
        match self {
            Self::Bytes => row_bytes(dim) / 4,
            Self::Floats => dim,
        }
    }
}

/// Its arrays.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// `[count, dim]`: bytes as [`pack`] lays them out, or floats. All images of the data set, or some
    /// that follow one another.
    pub images: &'a Slice,
    /// The epoch's permutation of all images.
    pub order: &'a Slice,
    /// [`super::State`].
    pub state: &'a Slice,
    /// `[rows, dim]`: written where `images` has the row's image.
    pub x: &'a Slice,
}

/// One invocation a word of `images`; `first` is the number of the first of them.
pub fn launch(buffers: Buffers<'_>, form: Form, [rows, dim]: [usize; 2], first: usize) -> Launch {
    let Buffers {
        images,
        order,
        state,
        x,
    } = buffers;
    let words_per_row = form.words_per_row(dim);
    let params = Params {
        rows: rows as u32,
        dim: dim as u32,
        words_per_row: words_per_row as u32,
        first: first as u32,
        count: (images.len() / words_per_row.max(1)) as u32,
        padding: [0; 3],
    };
    assert_lengths(&KERNEL, &[(order, rows), (state, 4), (x, rows * dim)]);
    Launch {
        kernel: KERNEL.into(),
        constants: vec![
            ("WORKGROUP", WORKGROUP.into()),
            ("FLOATS", u8::from(form == Form::Floats).into()),
        ],
        buffers: [images, order, state, x].map(Slice::clone).to_vec(),
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: elementwise_grid(rows * words_per_row),
    }
}

/// Bytes from one image to the next: some kernels read sixteen at a time.
pub fn row_bytes(dim: usize) -> usize {
    dim.next_multiple_of(16)
}

/// Images `[count, dim]` with each row padded with zeros to [`row_bytes`], as the kernels read them.
pub fn pack(pixels: &[u8], dim: usize) -> Vec<u8> {
    let mut packed = Vec::with_capacity(pixels.len() / dim.max(1) * row_bytes(dim));
    pack_into(&mut packed, pixels, dim);
    packed
}

/// [`pack`], to the end of what `packed` has.
pub fn pack_into(packed: &mut Vec<u8>, pixels: &[u8], dim: usize) {
    let row_bytes = row_bytes(dim);
    for row in pixels.chunks(dim.max(1)) {
        packed.extend_from_slice(row);
        packed.resize(packed.len().next_multiple_of(row_bytes), 0);
    }
}
