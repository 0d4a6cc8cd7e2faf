//! Grids of images.

use image::GrayImage;

use crate::checkpoint::CheckpointError;

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
        "cannot draw a grid of {images} images of {height}x{width} pixels in {columns} columns at scale {scale}: none of \
         these may be 0"
    )]
    Empty {
        /// How many images were given.
        images: usize,
        /// The height of each, in pixels.
        height: usize,
        /// The width of each, in pixels.
        width: usize,
        /// Images per row.
        columns: usize,
        /// The enlargement.
        scale: usize,
    },

    /// An image has another number of values than the others are said to have.
    #[error("image {index} has {found} values, and {expected} make up its height and width")]
    Size {
        /// Which image, counted from 0; for pairs, within the inputs or the reconstructions.
        index: usize,
        /// How many values it has.
        found: usize,
        /// Height times width.
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
pub fn default_scale(height: usize, width: usize) -> usize {
    (56 / height.max(width).max(1)).max(1)
}

/// Whether [`grid`] has room for this many images: to be asked before they are computed.
///
/// # Errors
///
/// [`PlotError::Empty`] and [`PlotError::TooLarge`].
pub fn check_grid(
    images: usize,
    height: usize,
    width: usize,
    columns: usize,
    scale: usize,
) -> Result<(), PlotError> {
    Layout::new(images, height, width, columns, scale, Bands::of(1)).map(|_| ())
}

/// Draws images in rows of `columns`, left to right and top to bottom, each pixel as a square of `scale`.
///
/// An image is `[height * width]` values, row by row, 0 for black to 1 for white. Values beyond are clamped, and NaN is
/// drawn black. With fewer images than `columns` the picture is as narrow as they need.
///
/// # Errors
///
/// [`PlotError::Empty`], [`PlotError::Size`] and [`PlotError::TooLarge`].
pub fn grid<I: AsRef<[f32]>>(
    images: &[I],
    height: usize,
    width: usize,
    columns: usize,
    scale: usize,
) -> Result<GrayImage, PlotError> {
    let layout = Layout::new(images.len(), height, width, columns, scale, Bands::of(1))?;
    let mut picture = layout.ground();
    for (index, image) in images.iter().enumerate() {
        layout.draw(&mut picture, index, 0, image.as_ref())?;
    }
    Ok(picture)
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
    height: usize,
    width: usize,
    columns: usize,
    scale: usize,
) -> Result<GrayImage, PlotError> {
    if inputs.len() != reconstructions.len() {
        return Err(PlotError::Pairs {
            inputs: inputs.len(),
            reconstructions: reconstructions.len(),
        });
    }
    let layout = Layout::new(inputs.len(), height, width, columns, scale, Bands::of(2))?;
    let mut picture = layout.ground();
    for (index, (input, reconstruction)) in inputs.iter().zip(reconstructions).enumerate() {
        layout.draw(&mut picture, index, 0, input.as_ref())?;
        layout.draw(&mut picture, index, 1, reconstruction.as_ref())?;
    }
    Ok(picture)
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
    [height, width]: [usize; 2],
    columns: usize,
    bands: Bands,
    scale: usize,
) -> Result<GrayImage, PlotError> {
    let each = images.len().div_ceil(bands.depth.max(1));
    let layout = Layout::new(each, height, width, columns, scale, bands)?;
    let mut picture = layout.ground();
    let columns = layout.columns;
    for (index, image) in images.iter().enumerate() {
        let (row, column) = (index / columns, index % columns);
        let of_band = row / layout.depth * columns + column;
        layout.draw(&mut picture, of_band, row % layout.depth, image.as_ref())?;
    }
    Ok(picture)
}

/// Where each image goes: bands of `depth` rows, one image of each row belonging together.
struct Layout {
    height: usize,
    width: usize,
    columns: usize,
    scale: usize,
    depth: usize,
    apart: [usize; 2],
    /// The picture's size, in pixels.
    size: (u32, u32),
}

impl Layout {
    fn new(
        images: usize,
        height: usize,
        width: usize,
        columns: usize,
        scale: usize,
        Bands { depth, apart }: Bands,
    ) -> Result<Self, PlotError> {
        if [images, height, width, columns, scale, depth].contains(&0) {
            return Err(PlotError::Empty {
                images,
                height,
                width,
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
            height,
            width,
            columns,
            scale,
            depth,
            apart,
            size,
        })
    }

    fn ground(&self) -> GrayImage {
        GrayImage::from_pixel(self.size.0, self.size.1, image::Luma([GROUND]))
    }

    /// Draws the image `index` of the row `row` of its band.
    fn draw(
        &self,
        picture: &mut GrayImage,
        index: usize,
        row: usize,
        image: &[f32],
    ) -> Result<(), PlotError> {
        let expected = self.height * self.width;
        if image.len() != expected {
            return Err(PlotError::Size {
                index,
                found: image.len(),
                expected,
            });
        }
        let cell = (
            self.height * self.scale + GAP,
            self.width * self.scale + GAP,
        );
        let band = cell.0 * self.depth + band_gap(self.depth) - GAP;
        let top = GAP + index / self.columns * band + row * cell.0;
        let column = index % self.columns;
        let left = GAP + column * cell.1 + wider(column, self.columns, self.apart);
        let stride = self.size.0 as usize;
        let pixels: &mut [u8] = picture;
        for y in 0..self.height * self.scale {
            let start = (top + y) * stride + left;
            let line = &mut pixels[start..start + self.width * self.scale];
            let values = &image[y / self.scale * self.width..][..self.width];
            for (square, &value) in line.chunks_exact_mut(self.scale).zip(values) {
                square.fill(grey(value));
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
