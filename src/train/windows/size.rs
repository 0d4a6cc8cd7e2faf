//! How large a window is.

use crate::data::{Dataset, Pixels};
use crate::train::{Normalize, Settings};

/// What a window takes of the memory that images may take: one is trained on, one is read meanwhile, one of test images
/// lies beside them, and what the device needs on the way has the rest.
const SHARE: u64 = 4;

impl Settings {
    /// Bytes that the images of a data set take on a device.
    pub fn bytes_of(&self, data: &Dataset) -> u64 {
        let count = data.train.images.count + data.test.images.count;
        count as u64 * self.bytes_of_image(data)
    }

    /// Images that are on the device at once, where those of a data set may take so many bytes: whole batches, one at
    /// the least. `None` where all fit.
    pub fn window_within(&self, data: &Dataset, bytes: u64) -> Option<usize> {
        if self.bytes_of(data) <= bytes {
            return None;
        }
        let images = bytes / SHARE / self.bytes_of_image(data).max(1);
        let batch = self.batch_size.max(1);
        let window = usize::try_from(images).unwrap_or(usize::MAX) / batch * batch;
        Some(window.max(batch))
    }

    fn bytes_of_image(&self, data: &Dataset) -> u64 {
        /// Kernels read bytes in vectors of so many.
        const VECTOR: usize = 16;
        let images = &data.train.images;
        let stay = self.normalize == Normalize::None && !self.likelihood.is_of_counts();
        let bytes = match images.pixels {
            Pixels::Bytes(_) if stay => images.dim().next_multiple_of(VECTOR),
            _ => size_of::<f32>() * images.dim(),
        };
        bytes as u64
    }
}
