//! What a data set holds, in 64 hexadecimal digits.

use sha2::{Digest, Sha256};

use super::{Dataset, Pixels};

impl Dataset {
    /// SHA-256 of the images, as 64 lower-case hexadecimal digits: whether two data sets hold the
    /// same.
    ///
    /// Hashed are, first of the training and then of the test images, `count`, `height` and `width`
    /// as little-endian `u64` and all pixels, numbers as little-endian `f32`. Labels, names, and how the files were called and
    /// compressed change nothing.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for images in [&self.train.images, &self.test.images] {
            for size in [images.count, images.height, images.width] {
                hash.update((size as u64).to_le_bytes());
            }
            match &images.pixels {
                Pixels::Bytes(bytes) => hash.update(bytes),
                Pixels::Floats(floats) => {
                    for float in floats {
                        hash.update(float.to_le_bytes());
                    }
                }
            }
        }
        hash.finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}
