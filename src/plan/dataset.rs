//! The data set of a pass, on the GPU: in one buffer, or in as few as its bindings' size allows.

use crate::executor::Rows;
use crate::gpu::{Gpu, GpuError, Slice};
use crate::kernels::gather;

/// Images, and the order in which an epoch sees them.
#[derive(Clone, Debug)]
pub(super) struct Dataset {
    /// Bytes, rows padded to whole words.
    pub(super) images: Vec<Images>,
    /// The epoch's order.
    pub(super) order: Slice,
}

/// Images that follow one another in one buffer.
#[derive(Clone, Debug)]
pub(super) struct Images {
    /// The number of the first.
    pub(super) first: usize,
    pub(super) bytes: Slice,
}

impl Dataset {
    /// Uploads the images; the order is all zeros.
    pub(super) fn new(gpu: &Gpu, data: Rows<'_>) -> Result<Self, GpuError> {
        let row = gather::row_bytes(data.dim).max(1);
        let fitting = (gpu.largest_binding() as usize / row).max(1);
        let mut images = Vec::new();
        // Of an empty data set, an empty buffer.
        while images.is_empty() || fitting * images.len() < data.count() {
            let first = fitting * images.len();
            let end = data.count().min(first + fitting);
            let pixels = &data.pixels[first * data.dim..end * data.dim];
            let bytes = gpu.upload("the images", &gather::pack(pixels, data.dim))?;
            images.push(Images { first, bytes });
            // Else the driver's copies of all buffers would wait for the next submission.
            if end < data.count() {
                let submission = gpu.submit(gpu.encoder());
                gpu.wait(Some(submission))?;
            }
        }
        Ok(Self {
            images,
            order: gpu.allocate("the order of images", data.count())?,
        })
    }

    /// All images, where they lie in one buffer.
    pub(super) fn single(&self) -> Option<&Slice> {
        match self.images.as_slice() {
            [images] => Some(&images.bytes),
            _ => None,
        }
    }
}
