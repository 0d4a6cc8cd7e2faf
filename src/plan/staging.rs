//! Images of a submission's steps in one buffer, where the data set takes several: a program reads one.
//!
//! Before the steps of a submission, `stage_images` copies their images, for each of the data set's
//! buffers in a launch. The image at place p of the epoch goes to row p mod capacity, and the program
//! is given that as its order, so that it knows nothing of buffers. Which steps share a submission
//! changes no bit.

use super::dataset::Images;
use crate::gpu::{Dispatch, Gpu, GpuError, Slice};
use crate::kernels::{gather, stage_images};

/// A part of a binding that is enough for the images of a submission: about 16 MiB on a software
/// adapter, whose memory is the host's, and more where GPUs are faster and bindings larger.
const SHARE: usize = 8;

/// The buffer, and what fills it.
#[derive(Clone, Debug)]
pub(super) struct Staging {
    /// Packed images.
    pub(super) images: Slice,
    /// Where in them the image at each place of the epoch lies.
    pub(super) order: Slice,
    /// The most rows of a submission.
    capacity: usize,
    dispatches: Vec<Dispatch>,
}

/// Rows of the buffer where a batch has so many; `None` where one binding cannot hold them.
fn capacity(gpu: &Gpu, batch: usize, dim: usize) -> Option<usize> {
    const ROWS: usize = stage_images::ROWS;
    let fitting = gpu.largest_binding() as usize / gather::row_bytes(dim).max(1);
    let most = fitting.min(stage_images::MOST_ROWS) / ROWS * ROWS;
    let least = batch.next_multiple_of(ROWS);
    (least <= most).then(|| (fitting / SHARE / ROWS * ROWS).clamp(least, most))
}

/// Whether images of a batch go into one buffer.
pub(super) fn is_possible(gpu: &Gpu, batch: usize, dim: usize) -> bool {
    capacity(gpu, batch, dim).is_some()
}

impl Staging {
    /// For the images of a data set of `dim` bytes a row, which programs read, in `order`, and steps of `batch` rows at the
    /// most, which begin where `state` says.
    ///
    /// # Panics
    /// Where it is not [`is_possible`].
    pub(super) fn new(
        gpu: &Gpu,
        images: &[Images],
        order: &Slice,
        state: &Slice,
        [batch, dim]: [usize; 2],
    ) -> Result<Self, GpuError> {
        let Some(capacity) = capacity(gpu, batch, dim) else {
            unreachable!("`PlanChoice` takes no program where a batch of images is too large")
        };
        let words = capacity * gather::row_bytes(dim) / 4;
        let staged = gpu.allocate("the images of some steps", words)?;
        let launch = |images: &Images| {
            let buffers = stage_images::Buffers {
                images: &images.values,
                order,
                state,
                staged: &staged,
            };
            stage_images::launch(buffers, [capacity, dim], images.first)
        };
        let dispatches = gpu.prepare_all(&images.iter().map(launch).collect::<Vec<_>>())?;
        let places = 0..order.len() as u32;
        let rows: Vec<u32> = places.map(|place| place % capacity as u32).collect();
        Ok(Self {
            images: staged,
            order: gpu.upload("the order of some steps' images", &rows)?,
            capacity,
            dispatches,
        })
    }

    /// How many steps of whole batches a submission can have.
    pub(super) fn steps(&self, batch: usize) -> usize {
        (self.capacity / batch.max(1)).max(1)
    }

    /// Records the copies of the next `rows` images, before the steps that read them.
    pub(super) fn record(&self, pass: &mut wgpu::ComputePass<'_>, rows: usize) {
        let groups = stage_images::groups(rows.min(self.capacity));
        for dispatch in &self.dispatches {
            dispatch.record_groups(pass, groups);
        }
    }
}
