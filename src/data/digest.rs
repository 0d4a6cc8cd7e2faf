//! What a data set holds, in 64 hexadecimal digits.

use sha2::{Digest, Sha256};

use super::pixels::PIECE;
use super::{Dataset, Pixels};

impl Dataset {
    /// SHA-256 of the images, as 64 lower-case hexadecimal digits: whether two data sets hold the
    /// same.
    ///
    /// Hashed are, first of the training and then of the test images, `count`, `height` and `width`
    /// as little-endian `u64`, then `channels` likewise where there are several, and all pixels, numbers as
    /// little-endian `f32`. Labels, names, and how the files were called and compressed change nothing.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for images in [&self.train.images, &self.test.images] {
            // Of one channel, which older programs did not count, the digest is as it was.
            let channels = Some(images.channels).filter(|&channels| channels != 1);
            for size in [images.count, images.height, images.width]
                .into_iter()
                .chain(channels)
            {
                hash.update((size as u64).to_le_bytes());
            }
            match &images.pixels {
                Pixels::Bytes(bytes) => {
                    for piece in bytes.pieces(PIECE) {
                        hash.update(piece);
                    }
                }
                Pixels::Floats(floats) => {
                    for float in floats.pieces(PIECE).flatten() {
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
