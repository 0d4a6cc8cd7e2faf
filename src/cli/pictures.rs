//! Pictures that a model draws.

use vae_wgpu::data::{ImageSize, Split};
use vae_wgpu::eval::Autoencoder;
use vae_wgpu::plot;
use vae_wgpu::train::Scaling;

use super::failure::Usage;
use super::features::Lens;
use super::output::Output;

/// Values that the images of a picture have at the most, where nobody said how many: 32 of
/// 512×512 pixels. More would be as slow to encode as hard to look at.
const VALUES: usize = 1 << 23;

/// How values that a model gives become images.
pub(crate) struct Shown {
    scaling: Scaling,
    size: ImageSize,
    /// What makes images of them where the model is one of latents.
    lens: Option<Lens>,
    /// Whether they are rows of a table, which are no pictures.
    are_rows: bool,
}

impl Shown {
    /// Of a model whose images have this size, as far as they are images.
    pub(crate) fn new(scaling: Scaling, size: ImageSize, lens: Option<Lens>) -> Self {
        Self {
            scaling,
            size,
            lens,
            are_rows: false,
        }
    }

    /// The same where the model is of a table.
    #[must_use]
    pub(crate) fn of_rows(mut self) -> Self {
        self.are_rows = true;
        self
    }

    /// How large an image is.
    pub(crate) fn size(&self) -> ImageSize {
        self.lens.as_ref().map_or(self.size, |lens| lens.image)
    }

    /// Shades, 0 for black to 1 for white, of values that the model gives or sees.
    pub(crate) fn shades(&mut self, values: Vec<f32>) -> anyhow::Result<Vec<f32>> {
        let images = self.images(values)?;
        Ok(self.scaling().shades(&images))
    }

    /// How values of images become shades.
    pub(crate) fn scaling(&self) -> Scaling {
        self.lens.as_ref().map_or(self.scaling, |lens| lens.scaling)
    }

    /// Images of what the model gives.
    pub(crate) fn images(&mut self, values: Vec<f32>) -> anyhow::Result<Vec<f32>> {
        if self.are_rows {
            return Err(Usage(
                "the run is of a table, whose rows are no pictures; vae sample RUN -o FILE.csv draws rows, vae impute fills \
                 missing cells, and vae score says which rows are strange"
                    .to_owned(),
            )
            .into());
        }
        match &mut self.lens {
            Some(lens) => lens.images(&values),
            None => Ok(values),
        }
    }
}

/// As many of `most` samples, at least one, as a picture has room for.
pub(crate) fn fitting(most: usize, size: ImageSize) -> usize {
    let most = most.min(VALUES / size.dim().max(1));
    let scale = plot::default_scale(size);
    let fits = |count: &usize| plot::check_grid(*count, size, columns(*count), scale).is_ok();
    (1..=most).rev().find(fits).unwrap_or(1)
}

/// Columns of a grid of `count` images, as square as they fill.
fn columns(count: usize) -> usize {
    (count as f64).sqrt().ceil() as usize
}

/// Decoded draws from the prior: in a grid as square as they fill, an array, or one by one. Where the
/// decoder reads labels, of one label, or of each in turn.
pub(crate) fn samples(
    model: &mut Autoencoder,
    shown: &mut Shown,
    (count, label): (usize, Option<u8>),
    output: &Output,
) -> anyhow::Result<()> {
    let draw = || Ok(model.sample(count, label)?);
    drawn(draw, shown, count, output)
}

/// So many images of values that somebody draws, once it is known that there is room for them.
pub(crate) fn drawn(
    draw: impl FnOnce() -> anyhow::Result<Vec<f32>>,
    shown: &mut Shown,
    count: usize,
    output: &Output,
) -> anyhow::Result<()> {
    let image = shown.size();
    let scaling = shown.scaling();
    let grid = match output {
        Output::Png(_) | Output::Stdout => Some(grid_of(count, image)?),
        Output::Npy(_) | Output::Folder(_) => {
            check_memory(count, image)?;
            None
        }
    };
    let images = shown.images(draw()?)?;
    let Some((columns, scale)) = grid else {
        output.write_images(&images, &scaling, image)?;
        return Ok(());
    };
    let images = scaling.shades(&images);
    let images: Vec<_> = images.chunks(image.dim()).collect();
    output.write_picture(&plot::grid(&images, image, columns, scale)?)
}

/// Whether one picture has room for so many images.
pub(crate) fn check_grid(count: usize, size: ImageSize) -> anyhow::Result<()> {
    grid_of(count, size).map(|_| ())
}

/// One picture of images with these shades, in a grid as square as they fill.
pub(crate) fn grid(shades: &[f32], size: ImageSize, output: &Output) -> anyhow::Result<()> {
    let images: Vec<_> = shades.chunks(size.dim()).collect();
    let (columns, scale) = grid_of(images.len(), size)?;
    output.write_picture(&plot::grid(&images, size, columns, scale)?)
}

/// Columns and enlargement of a grid: the usual enlargement, or as much of it as there is room for.
fn grid_of(count: usize, size: ImageSize) -> anyhow::Result<(usize, usize)> {
    let fits =
        |count: usize, scale: usize| plot::check_grid(count, size, columns(count), scale).is_ok();
    let scales = (1..=plot::default_scale(size)).rev();
    if let Some(scale) = scales.into_iter().find(|&scale| fits(count, scale)) {
        return Ok((columns(count), scale));
    }
    // More images never need less room, but for a last row; a square is the most that is promised.
    let mut side = 0;
    while fits((side + 1) * (side + 1), 1) {
        side += 1;
    }
    Err(Usage(format!(
        "{count} images are too many for one picture, which has room for {}; give -n {0} or less, or write them one by \
         one (-o FOLDER/) or as an array (-o FILE.npy)",
        side * side
    ))
    .into())
}

/// Whether the values of so many images can be held at once.
fn check_memory(count: usize, size: ImageSize) -> Result<(), Usage> {
    let values = count.saturating_mul(size.dim());
    Vec::<f32>::new().try_reserve_exact(values).map_err(|_| {
        Usage(format!(
            "{count} images of {size} pixels are more than this machine's memory holds; draw fewer at a time, \
             each with a --seed of its own"
        ))
    })
}

/// The first `count` images above their reconstructions; as an array or one by one, the reconstructions alone.
pub(crate) fn reconstructions(
    model: &mut Autoencoder,
    shown: &mut Shown,
    split: &Split,
    count: usize,
    output: &Output,
) -> anyhow::Result<()> {
    let Split { images, labels, .. } = split;
    let count = count.min(images.count);
    let labels = labels.as_deref().map(|labels| &labels[..count]);
    let inputs = shown.scaling.model_values(&images.first(count).pixels);
    let outputs = model.reconstruct(&inputs, labels)?;
    // Of latents, the images that they come from as far as they tell.
    let (inputs, outputs) = (shown.images(inputs)?, shown.images(outputs)?);
    let (size, scaling) = (shown.size(), shown.scaling());
    let dim = size.dim();
    if output.write_images(&outputs, &scaling, size)? {
        return Ok(());
    }
    let [inputs, outputs] = [inputs, outputs].map(|values| scaling.shades(&values));
    let inputs: Vec<_> = inputs.chunks(dim).collect();
    let outputs: Vec<_> = outputs.chunks(dim).collect();
    let columns = count.min(10);
    // The usual enlargement, or as much of it as there is room for.
    for scale in (1..=plot::default_scale(size)).rev() {
        match plot::reconstructions(&inputs, &outputs, size, columns, scale) {
            Err(plot::PlotError::TooLarge { .. }) => {}
            picture => return output.write_picture(&picture?),
        }
    }
    Err(Usage(format!(
        "{count} images are too many for one picture; give a smaller -n, or write them one by one (-o FOLDER/) or as an \
         array (-o FILE.npy)"
    ))
    .into())
}

#[cfg(test)]
mod tests {
    #[test]
    fn images_that_no_memory_holds_are_refused() {
        assert!(super::check_memory(1000, [28, 28].into()).is_ok());
        let error = super::check_memory(1 << 62, [28, 28].into()).unwrap_err();
        assert!(error.to_string().contains("--seed"), "{error}");
    }
}
