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

/// The images to train on, and those to measure with.
pub(super) fn splits(data: Cow<'_, Dataset>) -> [Cow<'_, data::Split>; 2] {
    match data {
        Cow::Borrowed(data) => [&data.train, &data.test].map(Cow::Borrowed),
        Cow::Owned(data) => [data.train, data.test].map(Cow::Owned),
    }
}

/// One split as an executor takes it: normalised, with labels where the model reads them, with pixels of 0 and 255
/// where they are drawn once.
pub(super) fn rows_of<'a>(
    vae: &Vae,
    settings: &Settings,
    scaling: &Scaling,
    split: Cow<'a, data::Split>,
    part: Part,
) -> Result<Rows<'a>, TrainError> {
    let size = split.images.size();
    let dim = size.dim();
    let (rows, labels) = match split {
        Cow::Borrowed(split) => (
            Rows::new(&split.images.pixels, dim),
            split.labels.as_deref().map(Cow::Borrowed),
        ),
        Cow::Owned(split) => (
            Rows::new(split.images.pixels, dim),
            split.labels.map(Cow::Owned),
        ),
    };
    let rows = match labels.filter(|_| vae.reads_labels()) {
        Some(labels) => rows.with_labels(labels),
        None => rows,
    };
    let rows = seen(vae, settings, scaling, (rows, size), part)?;
    match rows.labels.is_none() && vae.reads_labels() {
        true => Err(no_labels(vae)),
        false => Ok(rows),
    }
}

/// Checks that each value and label of a split is one of the model's, piece by piece: what [`rows_of`] does of a split
/// that is in memory.
pub(super) fn check_values(
    vae: &Vae,
    settings: &Settings,
    scaling: &Scaling,
    split: &data::Split,
    part: Part,
) -> Result<(), TrainError> {
    if vae.reads_labels() {
        let labels = split.labels.as_deref().ok_or_else(|| no_labels(vae))?;
        check_labels(labels, vae.config().classes)?;
    }
    let images = &split.images;
    let size = images.size();
    let dim = size.dim().max(1);
    let piece = (PIECE / dim).max(1) * dim;
    let check = |number: usize, values: Values<'_>| {
        let first = number * piece / dim;
        checked(settings, scaling, (values, size, first), part).map(|_| ())
    };
    match &images.pixels {
        data::Pixels::Bytes(bytes) => {
            // Bytes that stay bytes are always fine.
            let none = Values::from(&[0_u8; 0][..]);
            if matches!(scaling.rows(none), Values::Bytes(_)) {
                return Ok(());
            }
            let mut pieces = bytes.pieces(piece).enumerate();
            pieces.try_for_each(|(number, bytes)| check(number, bytes.into()))
        }
        data::Pixels::Floats(floats) => {
            let mut pieces = floats.pieces(piece).enumerate();
            pieces.try_for_each(|(number, floats)| check(number, floats.into()))
        }
    }
}

/// Values that are looked at in one piece, of those that may lie in a file.
const PIECE: usize = 1 << 20;

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
    pub(super) fn pixels(self) -> Stream {
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
    if let Some((pixel, value)) = first_unfit((of, 0), &pixels.into(), size, f32::is_finite) {
        let pixel = place(pixel);
        return Err(TrainError::Value { pixel, value });
    }
    let values = scaling.model_values(pixels);
    let seen = Values::Floats(values.as_slice().into());
    if let Some((pixel, value)) = first_unfit((of, 0), &seen, size, |value| settings.takes(value)) {
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
    rows.pixels = checked(settings, scaling, (rows.pixels, size, 0), part)?;
    if settings.binarize == Binarize::Static {
        rows.pixels = binarized(rows.pixels, settings.seed, part.pixels());
    }
    if let Some(labels) = &rows.labels {
        check_labels(labels, vae.config().classes)?;
    }
    Ok(rows)
}

/// Values of images of this size, from number `first` on, as a model sees them, once each is seen to be one that it
/// takes.
fn checked<'a>(
    settings: &Settings,
    scaling: &Scaling,
    (values, size, first): (Values<'a>, ImageSize, usize),
    part: Part,
) -> Result<Values<'a>, TrainError> {
    let of = (part.name(), first);
    if let Some((pixel, value)) = first_unfit(of, &values, size, f32::is_finite) {
        return Err(TrainError::Value { pixel, value });
    }
    let values = scaling.rows(values);
    let takes = |value| settings.takes(value);
    match first_unfit(of, &values, size, takes) {
        Some((pixel, value)) => Err(TrainError::Support {
            pixel,
            value,
            likelihood: settings.likelihood,
            binarize: settings.binarize,
        }),
        None => Ok(values),
    }
}

/// The first value for which `is_fine` is false, with its place; bytes are always fine. `of` says what
/// images these are, and the number of the first.
fn first_unfit(
    (of, first): (&'static str, usize),
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
        image: first + index / size.dim(),
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
