//! The labels of the next batch, each as a row of zeros with a 1.

use std::borrow::Cow;

use super::{Matrix, WORKGROUP, assert_lengths, elementwise_grid};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};

/// `shaders/one_hot.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("one_hot"),
    source: Cow::Borrowed(wgsl!("parts/state.wgsl", "one_hot.wgsl")),
    bindings: Cow::Borrowed(&[
        read("labels"),
        read("order"),
        read("state"),
        read_write("y"),
    ]),
    params: size_of::<Matrix>(),
};

/// Its arrays.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// A byte for each image of the data set, four in a word.
    pub labels: &'a Slice,
    /// The epoch's permutation of all images.
    pub order: &'a Slice,
    /// [`super::State`].
    pub state: &'a Slice,
    /// `[rows, classes]`.
    pub y: &'a Slice,
}

/// One invocation an element.
///
/// # Panics
/// Where an array is too short.
pub fn launch(buffers: Buffers<'_>, shape: [usize; 2]) -> Launch {
    let Buffers {
        labels,
        order,
        state,
        y,
    } = buffers;
    let [rows, classes] = shape;
    assert_lengths(
        &KERNEL,
        &[
            (labels, order.len().div_ceil(4)),
            (order, rows),
            (state, 4),
            (y, rows * classes),
        ],
    );
    Launch {
        kernel: KERNEL.into(),
        constants: vec![("WORKGROUP", WORKGROUP.into())],
        buffers: [labels, order, state, y].map(Slice::clone).to_vec(),
        params: bytemuck::bytes_of(&Matrix::of(shape)).to_vec(),
        grid: elementwise_grid(rows * classes),
    }
}
