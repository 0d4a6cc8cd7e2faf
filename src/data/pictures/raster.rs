//! Pixels of one picture, and how they are brought to another size.

use image::imageops::{self, FilterType};
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};

use super::{Fit, PictureSize};

/// Where a picture is more times as large as what is wanted, the means of its pixels are resized in the place of the
/// pixels: what is left for the filter has still this many times the size, which no eye can tell.
const REDUCED_TO: u32 = 3;

/// A picture in grey or in colours, of 8 bits.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Raster {
    pub(super) width: u32,
    pub(super) height: u32,
    /// 1 or 3.
    pub(super) channels: usize,
    /// `[height, width, channels]`.
    pub(super) pixels: Vec<u8>,
}

/// A part of a picture.
#[derive(Clone, Copy)]
struct Part {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
}

impl Raster {
    /// Brings it to a size.
    pub(super) fn fitted(self, size: PictureSize, fit: Fit) -> Self {
        let (width, height) = (self.width, self.height);
        if (width, height) == (size.width, size.height) {
            return self;
        }
        let whole = Part {
            left: 0,
            top: 0,
            width,
            height,
        };
        match fit {
            Fit::Stretch => self.resized(whole, size),
            Fit::Crop => {
                // The largest part of the wanted shape: as high as the picture, or as wide.
                let wide = scaled(height, size.width, size.height).min(width);
                let high = scaled(width, size.height, size.width).min(height);
                let part = Part {
                    left: (width - wide) / 2,
                    top: (height - high) / 2,
                    width: wide,
                    height: high,
                };
                self.resized(part, size)
            }
            Fit::Pad => {
                let inner = PictureSize {
                    width: scaled(size.height, width, height).min(size.width),
                    height: scaled(size.width, height, width).min(size.height),
                };
                self.resized(whole, inner).padded(size)
            }
        }
    }

    /// A part of it, at a size.
    fn resized(&self, part: Part, size: PictureSize) -> Self {
        let reduced = self.reduced(part, size);
        if (reduced.width, reduced.height) == (size.width, size.height) {
            return reduced;
        }
        let (width, height, filter) = (size.width, size.height, FilterType::Lanczos3);
        match reduced.into_image() {
            DynamicImage::ImageLuma8(grey) => {
                let grey = imageops::resize(&grey, width, height, filter);
                Self::from(DynamicImage::from(grey))
            }
            other => {
                let colours = imageops::resize(&other.into_rgb8(), width, height, filter);
                Self::from(DynamicImage::from(colours))
            }
        }
    }

    /// A part of it, or the means of the part's blocks where there are many pixels for each of the size.
    fn reduced(&self, part: Part, size: PictureSize) -> Self {
        let many = |of: u32, wanted: u32| (of / (REDUCED_TO * wanted)).max(1);
        let (across, down) = (many(part.width, size.width), many(part.height, size.height));
        let (width, height) = (part.width / across, part.height / down);
        // What is no whole block is left out on both sides alike.
        let left = part.left + part.width % across / 2;
        let top = part.top + part.height % down / 2;
        let (channels, stride) = (self.channels, self.width as usize * self.channels);
        let count = u64::from(across) * u64::from(down);
        let mut pixels = Vec::with_capacity(width as usize * height as usize * channels);
        let mut sums = vec![0_u64; width as usize * channels];
        for row in 0..height {
            sums.fill(0);
            for line in 0..down {
                let start = (top + row * down + line) as usize * stride + left as usize * channels;
                let line = &self.pixels[start..][..(width * across) as usize * channels];
                let blocks = line.chunks_exact(across as usize * channels);
                for (sums, block) in sums.chunks_exact_mut(channels).zip(blocks) {
                    for pixel in block.chunks_exact(channels) {
                        for (sum, &value) in sums.iter_mut().zip(pixel) {
                            *sum += u64::from(value);
                        }
                    }
                }
            }
            pixels.extend(sums.iter().map(|sum| ((sum + count / 2) / count) as u8));
        }
        Self {
            width,
            height,
            channels,
            pixels,
        }
    }

    /// Itself in the middle of black.
    fn padded(self, size: PictureSize) -> Self {
        let mut pixels = vec![0; size.width as usize * size.height as usize * self.channels];
        let (left, top) = (
            (size.width - self.width) / 2,
            (size.height - self.height) / 2,
        );
        let line = self.width as usize * self.channels;
        for (row, values) in self.pixels.chunks_exact(line).enumerate() {
            let row = (row + top as usize) * size.width as usize + left as usize;
            pixels[row * self.channels..][..line].copy_from_slice(values);
        }
        Self {
            width: size.width,
            height: size.height,
            pixels,
            ..self
        }
    }

    /// As a camera was held that took it.
    pub(super) fn upright(self, orientation: Orientation) -> Self {
        if orientation == Orientation::NoTransforms {
            return self;
        }
        let mut image = self.into_image();
        image.apply_orientation(orientation);
        Self::from(image)
    }

    fn into_image(self) -> DynamicImage {
        let (width, height) = (self.width, self.height);
        let image = match self.channels {
            1 => GrayImage::from_raw(width, height, self.pixels).map(DynamicImage::from),
            _ => RgbImage::from_raw(width, height, self.pixels).map(DynamicImage::from),
        };
        image.unwrap_or_else(|| unreachable!("a raster has as many pixels as it says"))
    }
}

/// Of a picture in grey or in colours of 8 bits.
impl From<DynamicImage> for Raster {
    fn from(image: DynamicImage) -> Self {
        Self {
            width: image.width(),
            height: image.height(),
            channels: image.color().channel_count().into(),
            pixels: image.into_bytes(),
        }
    }
}

/// `side * numerator / denominator`, rounded, and at least 1.
fn scaled(side: u32, numerator: u32, denominator: u32) -> u32 {
    let denominator = u64::from(denominator);
    let scaled = (u64::from(side) * u64::from(numerator) + denominator / 2) / denominator;
    u32::try_from(scaled).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: u32, height: u32, value: impl Fn(u32, u32) -> u8) -> Raster {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        Raster {
            width,
            height,
            channels: 1,
            pixels: pixels.map(|(x, y)| value(x, y)).collect(),
        }
    }

    fn size(width: u32, height: u32) -> PictureSize {
        PictureSize { width, height }
    }

    /// Black, white and black thirds beside each other, each 4 pixels wide and 4 high.
    fn thirds() -> Raster {
        grey(12, 4, |x, _| if (4..8).contains(&x) { 255 } else { 0 })
    }

    #[test]
    fn shapes_are_fitted_as_they_say() {
        assert_eq!(thirds().fitted(size(4, 4), Fit::Crop).pixels, [255; 16]);
        let padded = thirds().fitted(size(12, 8), Fit::Pad);
        assert_eq!((padded.width, padded.height), (12, 8));
        assert_eq!(padded.pixels[..24], [0; 24]);
        assert_eq!(padded.pixels[24..72], thirds().pixels);
        assert_eq!(padded.pixels[72..], [0; 24]);
        // Of a third's own pixels the triangle, the widest of the usual filters, makes three quarters of its new one.
        let stretched = thirds().fitted(size(3, 4), Fit::Stretch);
        for row in stretched.pixels.chunks(3) {
            assert!(row[0] < 64 && row[1] > 190 && row[2] < 64, "{row:?}");
        }
        let as_it_is = thirds().fitted(size(12, 4), Fit::Crop);
        assert_eq!(as_it_is, thirds());
    }

    /// A ramp stays a ramp when blocks are reduced before the filter, and the mean stays the mean.
    #[test]
    fn large_pictures_are_reduced_evenly() {
        let large = grey(1003, 701, |x, _| (x * 255 / 1002) as u8);
        let small = large.fitted(size(10, 7), Fit::Stretch);
        for row in small.pixels.chunks(10) {
            assert!(row.is_sorted(), "{row:?}");
            let mean = row.iter().map(|&v| f64::from(v)).sum::<f64>() / 10.0;
            assert!((mean - 127.5).abs() < 2.0, "{mean}");
        }
        for (width, height) in [(1, 5000), (5000, 1), (1, 1)] {
            for fit in Fit::ALL {
                let line = grey(width, height, |_, _| 9).fitted(size(3, 2), fit);
                assert_eq!(line.pixels.len(), 6);
                assert!(line.pixels.contains(&9));
            }
        }
    }
}
