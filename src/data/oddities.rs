//! What is odd about images that are as a file says, and yet nothing to learn from.
//!
//! Each looks at the training images until it knows better, which for usual images is at once, or at
//! a sample.

use super::{Images, Pixels};

/// As long as no pixel is brighter, the pictures are black to the eye.
const DARK: u8 = 31;
/// Pixels of which the correlation is taken.
const SAMPLE: usize = 1 << 18;
/// The least pairs of neighbours that say something.
const PAIRS: usize = 10_000;

/// One sentence about what is odd, and what usually helps. Numbers are at any scale, and the columns of
/// a table have no neighbours: of them only that there is nothing to learn is odd.
pub(super) fn note(images: &Images) -> Option<String> {
    match &images.pixels {
        Pixels::Bytes(bytes) => same(images, bytes)
            .or_else(|| dark(bytes))
            .or_else(|| noise(images, bytes)),
        Pixels::Floats(floats) => same(images, floats),
    }
}

/// Images of one grey, or one image again and again.
fn same<T: PartialEq>(images: &Images, pixels: &[T]) -> Option<String> {
    let dim = images.dim();
    let mut each = pixels.chunks_exact(dim.max(1));
    // All are the same where each is as its neighbour, which two slices tell fastest.
    let channels = images.channels;
    let is_flat = |image: &[T]| image[channels..] == image[..dim - channels];
    let what = if dim > channels && each.clone().all(is_flat) {
        match channels {
            1 => "every training image is of one grey",
            _ => "every training image is of one colour",
        }
    } else if images.count > 1
        && each
            .next()
            .is_some_and(|first| each.all(|image| image == first))
    {
        "all training images are the same"
    } else {
        return None;
    };
    Some(format!(
        "{what}, so that there is nothing to learn: check what wrote the file"
    ))
}

/// Masks of 0 and 1, and other images whose values were never scaled to bytes.
fn dark(pixels: &[u8]) -> Option<String> {
    let mut brightest = 0;
    for block in pixels.chunks(1 << 12) {
        brightest = block.iter().fold(brightest, |most, pixel| most.max(*pixel));
        if brightest > DARK {
            return None;
        }
    }
    (brightest > 0).then(|| {
        format!(
            "no pixel of the training images is brighter than {brightest} of 255, so that all are \
             nearly black: white is 255; multiplying the pixels by {} usually helps",
            255 / brightest
        )
    })
}

/// Images whose neighbouring pixels have nothing to do with each other.
///
/// The correlation of n pairs of independent pixels is about normal with deviation 1/√n; five of
/// them are passed once in two million. A full sample has 2¹⁸ pairs, so that the bound is 0.01. In
/// pictures, neighbours correlate far more than that.
fn noise(images: &Images, pixels: &[u8]) -> Option<String> {
    let (height, width, dim) = (images.height, images.width, images.dim());
    // Neighbours in a row are a pixel apart, and pixels have a value for each channel.
    let (channels, line) = (images.channels, width * images.channels);
    let wanted = (SAMPLE / dim.max(1)).clamp(1, images.count.max(1));
    // From the whole file, which may be sorted.
    let sample = (0..wanted).map(|i| &pixels[i * images.count / wanted * dim..][..dim]);
    let (mut across, mut down) = (Correlation::default(), Correlation::default());
    for image in sample {
        for row in image.chunks_exact(line).take(SAMPLE.div_ceil(line)) {
            across.add(row, &row[channels..]);
        }
        let below = image.get(line..).unwrap_or_default();
        down.add(&image[..dim.min(SAMPLE)], &below[..below.len().min(SAMPLE)]);
    }
    // Where images have one row or one column, one direction is all there is.
    let directions: Vec<&Correlation> = [(width, &across), (height, &down)]
        .into_iter()
        .filter_map(|(size, direction)| (size > 1).then_some(direction))
        .collect();
    let is_noise = |direction: &&Correlation| {
        direction.pairs as usize >= PAIRS
            && direction
                .value()
                .is_some_and(|value| value.abs() < 5.0 / (direction.pairs as f64).sqrt())
    };
    (!directions.is_empty() && directions.iter().all(is_noise)).then(|| {
        format!(
            "the training images look like noise: neighbouring pixels are uncorrelated ({} pairs), so \
             that there is nothing to learn but the mean; check what wrote the file",
            across.pairs.max(down.pairs)
        )
    })
}

/// Pearson's correlation of pairs of pixels, from whole sums.
#[derive(Default)]
struct Correlation {
    pairs: u64,
    /// Σa, Σb, Σa², Σb², Σab.
    sums: [u64; 5],
}

impl Correlation {
    /// Adds the pairs `(a[i], b[i])`, as far as both reach.
    fn add(&mut self, a: &[u8], b: &[u8]) {
        for (a, b) in a.iter().zip(b) {
            let (a, b) = (u64::from(*a), u64::from(*b));
            let terms = [a, b, a * a, b * b, a * b];
            self.pairs += 1;
            self.sums
                .iter_mut()
                .zip(terms)
                .for_each(|(sum, term)| *sum += term);
        }
    }

    /// None if either side is constant.
    fn value(&self) -> Option<f64> {
        let n = self.pairs as f64;
        let [a, b, aa, bb, ab] = self.sums.map(|sum| sum as f64 / n);
        let (var_a, var_b) = (aa - a * a, bb - b * b);
        // The rounding of differences of squares below 2¹⁶ stays below 2⁻³⁰.
        (var_a > 1e-6 && var_b > 1e-6).then(|| (ab - a * b) / (var_a * var_b).sqrt())
    }
}
