//! Pictures that a model draws.

use std::path::Path;

use vae_wgpu::data::Images;
use vae_wgpu::eval::Autoencoder;
use vae_wgpu::plot;

/// Values that the images of a picture have at the most, where nobody said how many: 32 of
/// 512×512 pixels. More would be as slow to encode as hard to look at.
const VALUES: usize = 1 << 23;

/// As many of `most` samples, at least one, as a picture has room for.
pub(crate) fn fitting(most: usize, [height, width]: [usize; 2]) -> usize {
    let most = most.min(VALUES / (height * width).max(1));
    let scale = plot::default_scale(height, width);
    let fits =
        |count: &usize| plot::check_grid(*count, height, width, columns(*count), scale).is_ok();
    (1..=most).rev().find(fits).unwrap_or(1)
}

/// Columns of a grid of `count` images, as square as they fill.
fn columns(count: usize) -> usize {
    (count as f64).sqrt().ceil() as usize
}

/// Decoded draws from the prior, in a grid as square as they fill.
pub(crate) fn samples(
    model: &mut Autoencoder,
    count: usize,
    [height, width]: [usize; 2],
    path: &Path,
) -> anyhow::Result<()> {
    let columns = columns(count);
    let scale = plot::default_scale(height, width);
    plot::check_grid(count, height, width, columns, scale)?;
    let images = model.sample(count)?;
    let images: Vec<_> = images.chunks(height * width).collect();
    Ok(plot::save_png(
        &plot::grid(&images, height, width, columns, scale)?,
        path,
    )?)
}

/// The first `count` images above their reconstructions.
pub(crate) fn reconstructions(
    model: &mut Autoencoder,
    images: &Images,
    count: usize,
    path: &Path,
) -> anyhow::Result<()> {
    let count = count.min(images.count);
    let (height, width, dim) = (images.height, images.width, images.dim());
    let inputs: Vec<f32> = images.pixels[..count * dim]
        .iter()
        .map(|&byte| f32::from(byte) / 255.0)
        .collect();
    let outputs = model.reconstruct(&inputs)?;
    let inputs: Vec<_> = inputs.chunks(dim).collect();
    let outputs: Vec<_> = outputs.chunks(dim).collect();
    let scale = plot::default_scale(height, width);
    let columns = count.min(10);
    let picture = plot::reconstructions(&inputs, &outputs, height, width, columns, scale)?;
    Ok(plot::save_png(&picture, path)?)
}
