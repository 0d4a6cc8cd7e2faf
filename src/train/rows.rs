//! A data set as executors take it, once it is seen to suit the model.

use std::borrow::Cow;

use super::{Binarize, Pixel, Scaling, Settings, TrainError};
use crate::data::{self, Dataset, ImageSize, Pixels};
use crate::executor::{Rows, Values};
use crate::model::{Vae, VaeError};
use crate::rng::{self, Stream};

/// Images that the kernels can index, of the size of the others.
pub(super) fn check_split(images: &data::Images, size: ImageSize) -> Result<(), TrainError> {
    if images.size() != size {
        return Err(TrainError::ImageSize {
            found: images.size().to_string(),
            expected: size.to_string(),
        });
    }
    if images.count == 0 || images.pixels.len() != images.count * images.dim() {
        return Err(TrainError::Images {
            count: images.count,
            pixels: images.pixels.len(),
        });
    }
    Ok(())
}

/// Both splits as an executor takes them: normalised, with labels where the model reads them, with pixels
/// of 0 and 255 where they are drawn once.
pub(super) fn rows<'a>(
    vae: &Vae,
    settings: &Settings,
    scaling: &Scaling,
    data: Cow<'a, Dataset>,
) -> Result<[Rows<'a>; 2], TrainError> {
    let labelled = |rows: Rows<'a>, labels: Option<Cow<'a, [u8]>>| match labels {
        Some(labels) if vae.reads_labels() => rows.with_labels(labels),
        _ => rows,
    };
    let size = data.train.images.size();
    let [train, test] = match data {
        Cow::Borrowed(data) => [&data.train, &data.test].map(|split| {
            let rows = Rows::new(&split.images.pixels, split.images.dim());
            labelled(rows, split.labels.as_deref().map(Cow::Borrowed))
        }),
        Cow::Owned(data) => [data.train, data.test].map(|split| {
            let dim = split.images.dim();
            let rows = Rows::new(split.images.pixels, dim);
            labelled(rows, split.labels.map(Cow::Owned))
        }),
    };
    let seen = |rows, part| seen(vae, settings, scaling, (rows, size), part);
    let [train, test] = [seen(train, Part::Training)?, seen(test, Part::Test)?];
    for rows in [&train, &test] {
        if rows.labels.is_none() && vae.reads_labels() {
            return Err(no_labels(vae));
        }
    }
    Ok([train, test])
}

/// Which images of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Those that a model is trained on.
    Training,
    /// Those that it is measured with.
    Test,
}

impl Part {
    /// What errors call them.
    fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Test => "test",
        }
    }

    /// What their pixels are drawn from, where they are drawn once.
    fn pixels(self) -> Stream {
        match self {
            Self::Training => Stream::Binarisation,
            Self::Test => Stream::EvaluationBinarisation,
        }
    }
}

/// Images as the model of a training with these settings sees them: normalised, with pixels of 0 and 255 where they are
/// drawn once, and with labels where the model cannot be measured without them.
///
/// # Errors
/// Where a value or a label is none that the model takes, or labels are missing.
pub fn evaluated_rows<'a>(
    vae: &Vae,
    settings: &Settings,
    scaling: &Scaling,
    split: &'a data::Split,
    part: Part,
) -> Result<Rows<'a>, TrainError> {
    let mut rows = Rows::new(&split.images.pixels, split.images.dim());
    if vae.reads_labels() && vae.classifier().is_none() {
        let labels = split.labels.as_deref().ok_or_else(|| no_labels(vae))?;
        rows = rows.with_labels(labels);
    }
    seen(vae, settings, scaling, (rows, split.images.size()), part)
}

/// Values of examples `[count, dim]` as the model of a training with these settings sees them: normalised; pixels that a
/// training draws as 0 or 1 stay as they are. The size of an image gives the place of a value that does not fit, and
/// `number` says which of all examples the one at a place is.
///
/// # Errors
/// Where a value is none that the model takes.
pub fn given_values(
    settings: &Settings,
    scaling: &Scaling,
    pixels: &Pixels,
    (size, number): (ImageSize, &dyn Fn(usize) -> usize),
) -> Result<Vec<f32>, TrainError> {
    let of = "given";
    let place = |mut pixel: Pixel| {
        pixel.image = number(pixel.image);
        pixel
    };
    if let Some((pixel, value)) = first_unfit(of, &pixels.into(), size, f32::is_finite) {
        let pixel = place(pixel);
        return Err(TrainError::Value { pixel, value });
    }
    let values = scaling.model_values(pixels);
    let seen = Values::Floats(values.as_slice().into());
    if let Some((pixel, value)) = first_unfit(of, &seen, size, |value| settings.takes(value)) {
        return Err(TrainError::Support {
            pixel: place(pixel),
            value,
            likelihood: settings.likelihood,
            binarize: settings.binarize,
        });
    }
    Ok(values)
}

/// Values of examples `[count, dim]` as the model of a training with these settings sees them, where each example is
/// looked at by itself: normalised, and where pixels are drawn as 0 or 1, drawn by the same uniform numbers for every
/// example, so that an example is seen alike wherever it stands. The size of an image and the number of each example give
/// the place of a value that does not fit; where there are no numbers, examples are counted from 0.
///
/// # Errors
/// Where a value is none that the model takes.
pub fn scored_values(
    settings: &Settings,
    scaling: &Scaling,
    pixels: &Pixels,
    size: ImageSize,
    numbers: &[usize],
) -> Result<Vec<f32>, TrainError> {
    let number = |example: usize| numbers.get(example).copied().unwrap_or(example);
    let mut values = given_values(settings, scaling, pixels, (size, &number))?;
    if settings.binarize != Binarize::None {
        let uniform = |pixel| rng::uniform(SCORED, Stream::EvaluationBinarisation, 0, pixel);
        let uniform: Vec<f64> = (0..size.dim()).map(uniform).collect();
        for (value, uniform) in values.iter_mut().zip(uniform.iter().cycle()) {
            *value = f32::from(*uniform < f64::from(*value));
        }
    }
    Ok(values)
}

/// The key of the numbers that pixels of scored examples are drawn by.
const SCORED: u64 = 0;

fn no_labels(vae: &Vae) -> TrainError {
    let condition = vae.config().condition;
    VaeError::NoLabels { condition }.into()
}

/// Rows of images of this size as an executor takes them, once each value and label is seen to be one of the model's.
fn seen<'a>(
    vae: &Vae,
    settings: &Settings,
    scaling: &Scaling,
    (mut rows, size): (Rows<'a>, ImageSize),
    part: Part,
) -> Result<Rows<'a>, TrainError> {
    let of = part.name();
    if let Some((pixel, value)) = first_unfit(of, &rows.pixels, size, f32::is_finite) {
        return Err(TrainError::Value { pixel, value });
    }
    rows.pixels = scaling.rows(rows.pixels);
    let takes = |value| settings.takes(value);
    if let Some((pixel, value)) = first_unfit(of, &rows.pixels, size, takes) {
        return Err(TrainError::Support {
            pixel,
            value,
            likelihood: settings.likelihood,
            binarize: settings.binarize,
        });
    }
    if settings.binarize == Binarize::Static {
        rows.pixels = binarized(rows.pixels, settings.seed, part.pixels());
    }
    if let Some(labels) = &rows.labels {
        check_labels(labels, vae.config().classes)?;
    }
    Ok(rows)
}

/// The first value for which `is_fine` is false, with its place; bytes are always fine. `of` says what
/// images these are.
fn first_unfit(
    of: &'static str,
    values: &Values<'_>,
    size: ImageSize,
    is_fine: impl Fn(f32) -> bool,
) -> Option<(Pixel, f32)> {
    let Values::Floats(floats) = values else {
        return None;
    };
    let index = floats.iter().position(|&value| !is_fine(value))?;
    let pixel = index % size.dim() / size.channels;
    let pixel = Pixel {
        of,
        image: index / size.dim(),
        row: pixel / size.width,
        column: pixel % size.width,
    };
    Some((pixel, floats[index]))
}

/// Labels that are classes of the model.
fn check_labels(labels: &[u8], classes: usize) -> Result<(), TrainError> {
    let beyond = labels.iter().find(|&&label| usize::from(label) >= classes);
    match beyond {
        Some(&label) => Err(TrainError::Label { label, classes }),
        None => Ok(()),
    }
}

/// Probabilities drawn as pixels of 0 and 1, which are bytes.
fn binarized(values: Values<'_>, seed: u64, stream: Stream) -> Values<'_> {
    match values {
        Values::Bytes(bytes) => {
            let mut bytes = bytes.into_owned();
            rng::binarize(&mut bytes, seed, stream);
            Values::Bytes(Cow::Owned(bytes))
        }
        Values::Floats(floats) => rng::binarized(&floats, seed, stream).into(),
    }
}
