//! Pictures that a model draws.

use std::path::Path;

use vae_wgpu::data::Images;
use vae_wgpu::eval::Autoencoder;
use vae_wgpu::plot;

/// Decoded draws from the prior, in a grid as square as they fill.
pub(crate) fn samples(
    model: &mut Autoencoder,
    count: usize,
    [height, width]: [usize; 2],
    path: &Path,
) -> anyhow::Result<()> {
    let columns = (count as f64).sqrt().ceil() as usize;
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
