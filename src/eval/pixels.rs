//! How near reconstructions are to images, pixel by pixel and by structure.

use super::Mean;
use crate::data::ImageSize;

/// The mean squared error of each image: `[count, dim]` both.
///
/// # Panics
/// Where there are not as many values of both.
pub fn squared_errors<'a>(
    images: &'a [f32],
    others: &'a [f32],
    dim: usize,
) -> impl Iterator<Item = f64> + 'a {
    assert_eq!(images.len(), others.len(), "values of other images");
    let pairs = images.chunks(dim).zip(others.chunks(dim));
    pairs.map(move |(image, other)| {
        let squares = image.iter().zip(other);
        let squares = squares.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2));
        squares.sum::<f64>() / dim as f64
    })
}

/// The peak signal-to-noise ratio of an image with values from 0 to 1 from its mean squared error, in decibels.
pub fn psnr(squared_error: f64) -> f64 {
    -10.0 * squared_error.log10()
}

/// The mean over images of [`psnr`], without those that are reproduced exactly, whose ratio has no bound; `None`
/// where all are.
pub fn mean_psnr(squared_errors: &[f64]) -> Option<Mean> {
    let inexact: Vec<_> = squared_errors.iter().filter(|&&of| of > 0.0).collect();
    (!inexact.is_empty()).then(|| Mean::of(inexact.into_iter().map(|&of| psnr(of))))
}

/// Half the width of the window of [`ssim`]: 11×11 pixels.
const RADIUS: usize = 5;
/// The deviation of its Gaussian, in pixels.
const DEVIATION: f64 = 1.5;
/// What keeps its quotients finite: (0.01·L)² and (0.03·L)² with L = 1.
const STABILISERS: [f64; 2] = [1e-4, 9e-4];

/// The structural similarity of two images `[height, width, channels]` with values from 0 to 1: Wang, Bovik, Sheikh and
/// Simoncelli, *Image Quality Assessment: From Error Visibility to Structural Similarity* (2004), with their window,
/// a Gaussian of deviation 1.5 on 11×11 pixels, wherever it lies within the image. Of several channels it is the mean over them. `None` of smaller images.
pub fn ssim(image: &[f32], other: &[f32], size: ImageSize) -> Option<f64> {
    let ImageSize {
        height,
        width,
        channels,
    } = size;
    if channels == 1 {
        return of_plane(image, other, [height, width]);
    }
    let of_channel = |channel: usize| {
        let plane = |values: &[f32]| -> Vec<f32> {
            let values = values.iter().skip(channel).step_by(channels);
            values.copied().collect()
        };
        of_plane(&plane(image), &plane(other), [height, width])
    };
    let sum: Option<f64> = (0..channels).map(of_channel).sum();
    Some(sum? / channels as f64)
}

/// The structural similarity of two planes `[height, width]`.
fn of_plane(image: &[f32], other: &[f32], [height, width]: [usize; 2]) -> Option<f64> {
    let across = 2 * RADIUS + 1;
    if height < across || width < across {
        return None;
    }
    let weights: Vec<f64> = (0..across)
        .map(|place| (-0.5 * ((place as f64 - RADIUS as f64) / DEVIATION).powi(2)).exp())
        .collect();
    let total: f64 = weights.iter().sum();
    let weights: Vec<f64> = weights.into_iter().map(|weight| weight / total).collect();
    let blurred = |of: &dyn Fn(f64, f64) -> f64| {
        let pairs = image.iter().zip(other);
        let values: Vec<f64> = pairs.map(|(&a, &b)| of(a.into(), b.into())).collect();
        blur(&values, width, &weights)
    };
    let means = [blurred(&|a, _| a), blurred(&|_, b| b)];
    let moments = [
        blurred(&|a, _| a * a),
        blurred(&|_, b| b * b),
        blurred(&|a, b| a * b),
    ];
    let count = means[0].len();
    let of_window = |at: usize| {
        let [a, b] = [means[0][at], means[1][at]];
        let [aa, bb, ab] = [&moments[0], &moments[1], &moments[2]].map(|of| of[at]);
        let [c1, c2] = STABILISERS;
        let luminance = (2.0 * a * b + c1) / (a * a + b * b + c1);
        let structure = (2.0 * (ab - a * b) + c2) / (aa - a * a + bb - b * b + c2);
        luminance * structure
    };
    Some((0..count).map(of_window).sum::<f64>() / count as f64)
}

/// The weighted sums of values of this width under a window, where it lies within them.
fn blur(values: &[f64], width: usize, weights: &[f64]) -> Vec<f64> {
    let across: Vec<f64> = values
        .chunks(width)
        .flat_map(|row| row.windows(weights.len()))
        .map(|window| window.iter().zip(weights).map(|(v, w)| v * w).sum())
        .collect();
    let width = width + 1 - weights.len();
    let rows = across.len() / width + 1 - weights.len();
    (0..rows * width)
        .map(|at| {
            let column = weights.iter().enumerate();
            column.map(|(row, w)| across[at + row * width] * w).sum()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(salt: f64) -> Vec<f32> {
        let value = |at: usize| 0.5 + 0.5 * (0.7 * at as f64 + salt).sin();
        (0..13 * 17).map(|at| value(at) as f32).collect()
    }

    #[test]
    fn an_image_is_most_similar_to_itself() {
        let (image, other) = (picture(0.0), picture(1.0));
        let same = ssim(&image, &image, [13, 17].into()).unwrap();
        assert!((same - 1.0).abs() < 1e-12, "{same}");
        let both = ssim(&image, &other, [13, 17].into()).unwrap();
        let reversed = ssim(&other, &image, [13, 17].into()).unwrap();
        assert!(
            both < 0.9 && (both - reversed).abs() < 1e-12,
            "{both}, {reversed}"
        );
        assert_eq!(ssim(&image, &image, [17 * 13, 1].into()), None);
    }

    /// Of two constant images the structure is 1, and the luminance is a quotient of their values.
    #[test]
    fn constant_images_differ_in_luminance_alone() {
        let [a, b] = [0.25f32, 0.75].map(|value| vec![value; 144]);
        let expected = (2.0 * 0.25 * 0.75 + 1e-4) / (0.0625 + 0.5625 + 1e-4);
        let found = ssim(&a, &b, [12, 12].into()).unwrap();
        assert!((found - expected).abs() < 1e-9, "{found}, not {expected}");
    }

    #[test]
    fn errors_of_a_tenth_are_twenty_decibels() {
        let errors: Vec<_> =
            squared_errors(&[0.0, 0.5, 1.0, 1.0], &[0.1, 0.4, 1.0, 1.0], 2).collect();
        assert!((psnr(errors[0]) - 20.0).abs() < 1e-6);
        assert_eq!(errors[1], 0.0);
        assert!((mean_psnr(&errors).unwrap().value - 20.0).abs() < 1e-6);
        assert_eq!(mean_psnr(&errors[1..]), None);
    }
}
