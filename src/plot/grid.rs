//! Grids of images.

use image::{DynamicImage, GrayImage, RgbImage};

use crate::checkpoint::CheckpointError;
use crate::data::ImageSize;

/// Between neighbours, in pixels of the picture.
const GAP: usize = 2;
/// Between one pair of rows and the next, so that the eye joins inputs and reconstructions.
const PAIR_GAP: usize = 8;
/// Dark grey: black cells and white cells both stand out from it.
const GROUND: u8 = 64;
/// The most pixels a picture may have: 16,384 squared.
const MAX_PIXELS: usize = 1 << 28;

/// An error of drawing or saving a picture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// There is nothing to draw, or no room given to draw it in.
    #[error(
        "cannot draw a grid of {images} images of {size} pixels in {columns} columns at scale {scale}: none of these may \
         be 0"
    )]
    Empty {
        /// How many images were given.
        images: usize,
        /// How large each is.
        size: ImageSize,
        /// Images per row.
        columns: usize,
        /// The enlargement.
        scale: usize,
    },

    /// An image has another number of values than the others are said to have.
    #[error(
        "image {index} has {found} values, and {expected} make up its height, width and channels"
    )]
    Size {
        /// Which image, counted from 0; for pairs, within the inputs or the reconstructions.
        index: usize,
        /// How many values it has.
        found: usize,
        /// Height times width times channels.
        expected: usize,
    },

    /// There are more inputs than reconstructions, or fewer.
    #[error("{inputs} inputs cannot be paired with {reconstructions} reconstructions")]
    Pairs {
        /// How many inputs were given.
        inputs: usize,
        /// How many reconstructions were given.
        reconstructions: usize,
    },

    /// The picture would be too large.
    #[error(
        "a grid of {images} images in {columns} columns at scale {scale} has more than {MAX_PIXELS} pixels; draw fewer \
         images, or at a smaller scale"
    )]
    TooLarge {
        /// How many images were given.
        images: usize,
        /// Images per row.
        columns: usize,
        /// The enlargement.
        scale: usize,
    },

    /// The picture could not be encoded as PNG.
    #[error("cannot write a picture as PNG: {reason}")]
    Encode {
        /// What the encoder said.
        reason: String,
    },

    /// The file could not be written; it is as it was.
    #[error(transparent)]
    Write(#[from] CheckpointError),
}

/// The enlargement at which images of this size are seen well: the longer side becomes 56 pixels or a little less, and
/// nothing is made smaller than it is.
pub fn default_scale(size: ImageSize) -> usize {
    (56 / size.height.max(size.width).max(1)).max(1)
}

/// One image by itself, as [`grid`] draws it, with nothing around it.
///
/// # Errors
///
/// [`PlotError::Empty`], [`PlotError::Size`] and [`PlotError::TooLarge`].
pub fn picture(image: &[f32], size: ImageSize) -> Result<DynamicImage, PlotError> {
    let margin = GAP as u32;
    let framed = grid(&[image], size, 1, 1)?;
    let (width, height) = (framed.width() - 2 * margin, framed.height() - 2 * margin);
    Ok(framed.crop_imm(margin, margin, width, height))
}

/// Whether [`grid`] has room for this many images: to be asked before they are computed.
///
/// # Errors
///
/// [`PlotError::Empty`] and [`PlotError::TooLarge`].
pub fn check_grid(
    images: usize,
    size: ImageSize,
    columns: usize,
    scale: usize,
) -> Result<(), PlotError> {
    Layout::new(images, size, columns, scale, Bands::of(1)).map(|_| ())
}

/// Draws images in rows of `columns`, left to right and top to bottom, each pixel as a square of `scale`.
///
/// An image is `[height * width * channels]` values, row by row, 0 for black to 1 for white. Values beyond are clamped,
/// and NaN is drawn black. Three channels are red, green and blue, and the picture is in colours; one channel is grey, and
/// of any other number of channels the mean is drawn in grey. With fewer images than `columns` the picture is as narrow
/// as they need.
///
/// # Errors
///
/// [`PlotError::Empty`], [`PlotError::Size`] and [`PlotError::TooLarge`].
pub fn grid<I: AsRef<[f32]>>(
    images: &[I],
    size: ImageSize,
    columns: usize,
    scale: usize,
) -> Result<DynamicImage, PlotError> {
    let layout = Layout::new(images.len(), size, columns, scale, Bands::of(1))?;
    let mut picture = layout.ground();
    for (index, image) in images.iter().enumerate() {
        layout.draw(&mut picture, index, 0, image.as_ref())?;
    }
    Ok(layout.finish(picture))
}

/// Draws inputs with their reconstructions below them: a row of `columns` inputs, a row of what became of them, a larger
/// gap, and so on. Otherwise like [`grid`].
///
/// # Errors
///
/// [`PlotError::Pairs`], and those of [`grid`].
pub fn reconstructions<I: AsRef<[f32]>, R: AsRef<[f32]>>(
    inputs: &[I],
    reconstructions: &[R],
    size: ImageSize,
    columns: usize,
    scale: usize,
) -> Result<DynamicImage, PlotError> {
    if inputs.len() != reconstructions.len() {
        return Err(PlotError::Pairs {
            inputs: inputs.len(),
            reconstructions: reconstructions.len(),
        });
    }
    let layout = Layout::new(inputs.len(), size, columns, scale, Bands::of(2))?;
    let mut picture = layout.ground();
    for (index, (input, reconstruction)) in inputs.iter().zip(reconstructions).enumerate() {
        layout.draw(&mut picture, index, 0, input.as_ref())?;
        layout.draw(&mut picture, index, 1, reconstruction.as_ref())?;
    }
    Ok(layout.finish(picture))
}

/// How the images of a picture belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bands {
    /// Rows of a band; below it is a larger gap, unless it is 1.
    pub depth: usize,
    /// Columns that a larger gap sets apart, on the left and on the right.
    pub apart: [usize; 2],
}

impl Bands {
    /// Of so many rows, with all columns alike.
    pub fn of(depth: usize) -> Self {
        Self {
            depth,
            apart: [0; 2],
        }
    }
}

/// Draws images row by row, each row of `columns`, of which so many as `bands` says belong together. Otherwise like
/// [`grid`].
///
/// # Errors
///
/// Those of [`grid`].
pub fn banded<I: AsRef<[f32]>>(
    images: &[I],
    size: ImageSize,
    columns: usize,
    bands: Bands,
    scale: usize,
) -> Result<DynamicImage, PlotError> {
    let each = images.len().div_ceil(bands.depth.max(1));
    let layout = Layout::new(each, size, columns, scale, bands)?;
    let mut picture = layout.ground();
    let columns = layout.columns;
    for (index, image) in images.iter().enumerate() {
        let (row, column) = (index / columns, index % columns);
        let of_band = row / layout.depth * columns + column;
        layout.draw(&mut picture, of_band, row % layout.depth, image.as_ref())?;
    }
    Ok(layout.finish(picture))
}

/// Where each image goes: bands of `depth` rows, one image of each row belonging together.
struct Layout {
    image: ImageSize,
    columns: usize,
    scale: usize,
    depth: usize,
    apart: [usize; 2],
    /// The picture's width and height, in pixels.
    size: (u32, u32),
}

impl Layout {
    fn new(
        images: usize,
        image: ImageSize,
        columns: usize,
        scale: usize,
        Bands { depth, apart }: Bands,
    ) -> Result<Self, PlotError> {
        let ImageSize {
            height,
            width,
            channels,
        } = image;
        if [images, height, width, channels, columns, scale, depth].contains(&0) {
            return Err(PlotError::Empty {
                images,
                size: image,
                columns,
                scale,
            });
        }
        let columns = columns.min(images);
        let bands = images.div_ceil(columns);
        let size = || {
            // A gap on every side, the narrow one on the outside.
            let across = width
                .checked_mul(scale)?
                .checked_add(GAP)?
                .checked_mul(columns)?
                .checked_add(GAP)?
                .checked_add(wider(columns, columns, apart))?;
            let band = height
                .checked_mul(scale)?
                .checked_add(GAP)?
                .checked_mul(depth)?
                .checked_add(band_gap(depth) - GAP)?;
            let down = band
                .checked_mul(bands)?
                .checked_add(2 * GAP)?
                .checked_sub(band_gap(depth))?;
            across.checked_mul(down).filter(|&n| n <= MAX_PIXELS)?;
            Some((u32::try_from(across).ok()?, u32::try_from(down).ok()?))
        };
        let size = size().ok_or(PlotError::TooLarge {
            images,
            columns,
            scale,
        })?;
        Ok(Self {
            image,
            columns,
            scale,
            depth,
            apart,
            size,
        })
    }

    /// Bytes of a pixel of the picture: three in colours, one in grey.
    fn depth_of_pixel(&self) -> usize {
        match self.image.channels {
            3 => 3,
            _ => 1,
        }
    }

    /// The bytes of a picture with nothing on it.
    fn ground(&self) -> Vec<u8> {
        vec![GROUND; self.size.0 as usize * self.size.1 as usize * self.depth_of_pixel()]
    }

    /// The picture of its bytes.
    fn finish(&self, picture: Vec<u8>) -> DynamicImage {
        let (width, height) = self.size;
        let picture = match self.depth_of_pixel() {
            3 => RgbImage::from_raw(width, height, picture).map(DynamicImage::from),
            _ => GrayImage::from_raw(width, height, picture).map(DynamicImage::from),
        };
        picture.unwrap_or_else(|| unreachable!("`ground` made as many bytes"))
    }

    /// Draws the image `index` of the row `row` of its band.
    fn draw(
        &self,
        picture: &mut [u8],
        index: usize,
        row: usize,
        image: &[f32],
    ) -> Result<(), PlotError> {
        let ImageSize {
            height,
            width,
            channels,
        } = self.image;
        let expected = self.image.dim();
        if image.len() != expected {
            return Err(PlotError::Size {
                index,
                found: image.len(),
                expected,
            });
        }
        let cell = (height * self.scale + GAP, width * self.scale + GAP);
        let band = cell.0 * self.depth + band_gap(self.depth) - GAP;
        let top = GAP + index / self.columns * band + row * cell.0;
        let column = index % self.columns;
        let left = GAP + column * cell.1 + wider(column, self.columns, self.apart);
        let stride = self.size.0 as usize;
        let bytes = self.depth_of_pixel();
        for y in 0..height * self.scale {
            let start = ((top + y) * stride + left) * bytes;
            let line = &mut picture[start..start + width * self.scale * bytes];
            let values = &image[y / self.scale * width * channels..][..width * channels];
            let squares = line.chunks_exact_mut(self.scale * bytes);
            for (square, values) in squares.zip(values.chunks_exact(channels)) {
                match values {
                    [value] => square.fill(grey(*value)),
                    &[r, g, b] => {
                        let colour = [r, g, b].map(grey);
                        for pixel in square.chunks_exact_mut(bytes) {
                            pixel.copy_from_slice(&colour);
                        }
                    }
                    _ => square.fill(grey(values.iter().sum::<f32>() / channels as f32)),
                }
            }
        }
        Ok(())
    }
}

/// How much the gaps before a column are wider than the narrow ones.
fn wider(column: usize, columns: usize, [left, right]: [usize; 2]) -> usize {
    let before = usize::from(left > 0 && left < columns && column >= left);
    let after = usize::from(right > 0 && right < columns && column >= columns - right);
    (before + after) * (PAIR_GAP - GAP)
}

/// The gap below a band of `depth` rows.
fn band_gap(depth: usize) -> usize {
    if depth == 1 { GAP } else { PAIR_GAP }
}

/// 0 to 1 as 0 to 255. The cast turns NaN into 0.
fn grey(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}
