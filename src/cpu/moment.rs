//! What a step reads besides the tensors of its graph: where a pass stands, and its data.

use super::memory::Span;
use crate::executor::Values;

/// Images, labels and their order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batches<'a> {
    /// `[count, dim]`.
    pub(super) pixels: &'a Values<'static>,
    /// A class for each image, where there are any.
    pub(super) labels: &'a [u8],
    /// The order of the images in this epoch.
    pub(super) order: &'a [u32],
    /// Images of the epoch that are done.
    pub(super) position: usize,
}

/// What differs from one step to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment<'a> {
    /// The key of all noise.
    pub(super) seed: u64,
    /// The step's number.
    pub(super) step: u32,
    /// The data set, for graphs that gather.
    pub(super) batches: Option<Batches<'a>>,
    /// Where the objective and its terms go: `[1 + terms]`.
    pub(super) losses: Span,
}
