//! How the values of images become those that a model sees, and back.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Binarize, Settings, TrainError};
use crate::data::{Images, Pixels};
use crate::executor::Values;
use crate::model::Support;
use crate::named;

/// What is done to values before a model sees them; bytes count as 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalize {
    /// Nothing.
    #[default]
    None,
    /// The least value of the training images becomes 0 and the greatest 1.
    MinMax,
}

impl Normalize {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::None, Self::MinMax];

    /// Their names, as settings give them.
    pub const NAMES: [&'static str; 2] = ["none", "min-max"];

    /// What it is, in a line.
    pub fn source(self) -> &'static str {
        match self {
            Self::None => {
                "bytes are seen as 0 to 1, or as counts from 0 to 255, numbers as they are"
            }
            Self::MinMax => {
                "x = (value - min) / (max - min), with the least and the greatest value of the training \
                 images; where the likelihood takes 0 to 1 alone, what other images have beyond counts \
                 as 0 or 1"
            }
        }
    }

    /// Its name, as settings give it.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl FromStr for Normalize {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        named::find(&Self::ALL, Self::name, name, "no normalisation")
    }
}

/// Up to here f32 has all whole numbers.
const WHOLE: f32 = 16_777_216.0;

impl Settings {
    /// Whether values have to lie in 0 to 1: the likelihood is of no others, or they are probabilities.
    pub(super) fn needs_unit_interval(&self) -> bool {
        let support = self.likelihood.density().support;
        matches!(support, Support::UnitInterval | Support::Levels)
            || self.binarize != Binarize::None
    }

    /// Whether a value is one that the model can see before its pixel is drawn as 0 or 1, where it is.
    pub(super) fn takes(&self, value: f32) -> bool {
        match self.likelihood.density().support {
            _ if self.binarize != Binarize::None => (0.0..=1.0).contains(&value),
            Support::UnitInterval => (0.0..=1.0).contains(&value),
            Support::Real => true,
            Support::Counts => (0.0..=WHOLE).contains(&value) && value.fract() == 0.0,
            // Bytes as 0 to 1 are rounded in f32, here and where somebody has divided them.
            Support::Levels => {
                let byte = 255.0 * value;
                (0.0..=1.0).contains(&value) && (byte - byte.round()).abs() < 1e-3
            }
        }
    }
}

/// How the values of a training's images become those of its model, and back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaling {
    normalize: Normalize,
    /// [min, max] of the training images; of bytes that stay as they are, 0 and 1.
    range: [f32; 2],
    /// Whether what lies beyond the range counts as its end.
    clamps: bool,
    /// Whether bytes are counts.
    counts: bool,
    /// The sum of the values of a training image, in the mean, where they are counts; else 1.
    library: f64,
}

/// The range of bytes.
const UNIT: [f32; 2] = [0.0, 1.0];

/// That of bytes that are counts.
const COUNTS: [f32; 2] = [0.0, 255.0];

impl Scaling {
    /// That of a training on these images.
    ///
    /// # Errors
    /// Where all their values are the same and are to be normalised.
    pub fn of(settings: &Settings, images: &Images) -> Result<Self, TrainError> {
        let range = match (settings.normalize, &images.pixels) {
            (Normalize::None, Pixels::Bytes(_)) if settings.likelihood.is_of_counts() => COUNTS,
            (Normalize::None, Pixels::Bytes(_)) => UNIT,
            (_, pixels) => pixels.range().unwrap_or(UNIT),
        };
        if settings.normalize == Normalize::MinMax && range[0] == range[1] {
            return Err(TrainError::NoRange { value: range[0] });
        }
        let scaling = Self::new(settings, range);
        if !scaling.counts {
            return Ok(scaling);
        }
        let library = scaling.means(images).iter().sum();
        Ok(scaling.with_library(library))
    }

    /// That of a model whose images are bytes, of which nothing else is known.
    pub(super) fn of_bytes(settings: &Settings) -> Self {
        let range = match settings.likelihood.is_of_counts() {
            true => COUNTS,
            false => UNIT,
        };
        Self::new(settings, range)
    }

    /// That of a training on images of this range.
    pub(super) fn new(settings: &Settings, range: [f32; 2]) -> Self {
        Self {
            normalize: settings.normalize,
            range,
            clamps: settings.needs_unit_interval(),
            counts: settings.likelihood.is_of_counts(),
            library: 1.0,
        }
    }

    /// The same with this sum of counts; one that is no sum of whole numbers above 0 counts as 1.
    pub(super) fn with_library(self, library: f64) -> Self {
        let library = if library >= f64::MIN_POSITIVE {
            library
        } else {
            1.0
        };
        Self { library, ..self }
    }

    /// The sum of the values of a training image, in the mean, where they are counts; else 1.
    pub fn library(&self) -> f64 {
        self.library
    }

    /// What is done to values before the model sees them.
    pub(super) fn normalize(&self) -> Normalize {
        self.normalize
    }

    /// Whether what lies beyond the range counts as its end.
    pub(super) fn clamps(&self) -> bool {
        self.clamps
    }

    /// Whether the model sees counts.
    pub(super) fn is_of_counts(&self) -> bool {
        self.counts
    }

    /// [min, max] of the training images, as the data have them: what pictures show as black to white.
    /// Of bytes without a normalisation 0 and 1, or where they are counts 0 and 255.
    pub fn range(&self) -> [f32; 2] {
        self.range
    }

    /// What a model sees of images, `[count, dim]`.
    pub fn model_values(&self, pixels: &Pixels) -> Vec<f32> {
        match self.rows(pixels.into()) {
            Values::Bytes(_) => pixels.to_values(),
            Values::Floats(floats) => floats.into_owned(),
        }
    }

    /// The mean of each pixel of the training images, as a model sees them.
    pub(super) fn means(&self, images: &Images) -> Vec<f64> {
        let [min, max] = self.range.map(f64::from);
        let bytes = images.pixels.as_bytes().is_some();
        let seen = |mean: f64| match self.normalize {
            Normalize::None if self.counts && bytes => mean * 255.0,
            Normalize::None => mean,
            Normalize::MinMax => (mean - min) / (max - min),
        };
        images.means().into_iter().map(seen).collect()
    }

    /// The same of the values of a pass, which stay bytes where nothing is to be done to them.
    pub(super) fn rows<'a>(&self, values: Values<'a>) -> Values<'a> {
        match values {
            Values::Bytes(bytes) if self.counts => {
                let counts = bytes.iter().map(|&byte| f32::from(byte));
                counts.collect::<Vec<_>>().into()
            }
            _ if self.normalize == Normalize::None => values,
            Values::Bytes(_) if self.range == UNIT => values,
            Values::Bytes(bytes) => {
                let seen = |&byte: &u8| self.normalized(f32::from(byte) / 255.0);
                bytes.iter().map(seen).collect::<Vec<_>>().into()
            }
            Values::Floats(mut floats) => {
                for value in floats.to_mut() {
                    *value = self.normalized(*value);
                }
                Values::Floats(floats)
            }
        }
    }

    /// Values of a model as the data have them, within the range of the training images: what a decoder
    /// says may lie a little outside. Counts stay as they are, so that they keep their sum.
    pub fn data_values(&self, values: &[f32]) -> Vec<f32> {
        let [min, max] = self.range;
        let data = |&value: &f32| match self.normalize {
            Normalize::None if self.counts => value,
            Normalize::None => value.clamp(min, max),
            Normalize::MinMax => {
                let [low, high] = [min, max].map(f64::from);
                ((low + f64::from(value) * (high - low)) as f32).clamp(min, max)
            }
        };
        values.iter().map(data).collect()
    }

    /// Values of a model as shades, 0 for the least value of the training images to 1 for the greatest.
    pub fn shades(&self, values: &[f32]) -> Vec<f32> {
        let shade = |&value: &f32| match self.normalize {
            Normalize::None => self.share(value),
            Normalize::MinMax => value,
        };
        values.iter().map(shade).collect()
    }

    fn normalized(&self, value: f32) -> f32 {
        match self.clamps {
            true => self.share(value).clamp(0.0, 1.0),
            false => self.share(value),
        }
    }

    /// How far from the least to the greatest value. In f64, where no difference of f32 overflows.
    fn share(&self, value: f32) -> f32 {
        let [min, max] = self.range.map(f64::from);
        ((f64::from(value) - min) / (max - min)) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Likelihood;

    fn images(pixels: impl Into<Pixels>) -> Images {
        let pixels = pixels.into();
        Images {
            channels: 1,
            count: pixels.len(),
            height: 1,
            width: 1,
            pixels,
        }
    }

    fn settings(normalize: Normalize, likelihood: Likelihood) -> Settings {
        Settings {
            normalize,
            likelihood,
            ..Settings::default()
        }
    }

    #[test]
    fn min_max_maps_the_training_range_to_0_to_1_and_back() {
        let values = vec![-3.0_f32, 0.1, 5.0, 1e-3];
        let gaussian = settings(Normalize::MinMax, Likelihood::Gaussian);
        let scaling = Scaling::of(&gaussian, &images(values.clone())).unwrap();
        let seen = scaling.model_values(&values.clone().into());
        assert_eq!((seen[0], seen[2]), (0.0, 1.0));
        assert!((seen[1] - 3.1 / 8.0).abs() < f32::EPSILON);
        assert_eq!(scaling.shades(&seen), seen);
        for (back, value) in scaling.data_values(&seen).iter().zip(&values) {
            // A half step of the share, at 8 times its size, and one of the result.
            assert!(
                (back - value).abs() <= 8.0 * f32::EPSILON,
                "{back}, {value}"
            );
        }
        // As far apart as f32 has it.
        let far = vec![f32::MIN, 0.0, f32::MAX];
        let scaling = Scaling::of(&gaussian, &images(far.clone())).unwrap();
        assert_eq!(scaling.model_values(&far.clone().into()), [0.0, 0.5, 1.0]);
        assert_eq!(scaling.data_values(&[0.0, 0.5, 1.0]), far);
    }

    #[test]
    fn other_images_beyond_the_range_count_as_its_ends_only_where_the_likelihood_needs_it() {
        let other: Pixels = vec![-2.0_f32, 1.0, 6.0].into();
        for (likelihood, expected) in [
            (Likelihood::Gaussian, [-0.5, 0.25, 1.5]),
            (Likelihood::Bernoulli, [0.0, 0.25, 1.0]),
        ] {
            let settings = settings(Normalize::MinMax, likelihood);
            let scaling = Scaling::of(&settings, &images(vec![0.0_f32, 4.0])).unwrap();
            assert_eq!(scaling.model_values(&other), expected);
        }
    }

    #[test]
    fn bytes_are_0_to_1_and_stay_bytes_where_they_reach_from_black_to_white() {
        let none = settings(Normalize::None, Likelihood::Bernoulli);
        let scaling = Scaling::of(&none, &images(vec![3_u8, 9])).unwrap();
        assert_eq!(scaling.range(), UNIT);
        assert_eq!(scaling.model_values(&vec![51_u8].into()), [0.2]);
        assert_eq!(scaling.shades(&[0.2, 0.7]), [0.2, 0.7]);
        assert_eq!(scaling.data_values(&[-0.1, 0.7, 1.1]), [0.0, 0.7, 1.0]);
        let min_max = settings(Normalize::MinMax, Likelihood::Bernoulli);
        let whole = Scaling::of(&min_max, &images(vec![0_u8, 9, 255])).unwrap();
        let rows = whole.rows(vec![51_u8].into());
        assert!(matches!(rows, Values::Bytes(_)));
        // A mask of 0 and 1.
        let mask = vec![0_u8, 1, 1];
        let scaling = Scaling::of(&min_max, &images(mask.clone())).unwrap();
        assert_eq!(scaling.model_values(&mask.into()), [0.0, 1.0, 1.0]);
    }

    #[test]
    fn one_value_alone_is_not_normalised() {
        let min_max = settings(Normalize::MinMax, Likelihood::Gaussian);
        let error = Scaling::of(&min_max, &images(vec![3.5_f32; 4])).unwrap_err();
        assert!(error.to_string().contains("3.5"), "{error}");
        let none = settings(Normalize::None, Likelihood::Gaussian);
        assert!(Scaling::of(&none, &images(vec![3.5_f32; 4])).is_ok());
    }
}
