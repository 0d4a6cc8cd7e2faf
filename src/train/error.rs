//! What can stop a training.

use std::fmt;

use super::{Binarize, Normalize};
use crate::checkpoint::CheckpointError;
use crate::executor::ExecutorError;
use crate::model::{Likelihood, Support, VaeError};
use crate::setting::{Remedy, Setting};

/// A training that cannot start, go on or be continued.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The executor's.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    /// The architecture's.
    #[error(transparent)]
    Vae(#[from] VaeError),
    /// A file's.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A setting out of its range.
    #[error("{setting} is {value}: {expected}")]
    Setting {
        /// The setting.
        setting: Setting,
        /// What was asked for.
        value: String,
        /// What can be asked for.
        expected: String,
    },
    /// The batch is larger than the data.
    #[error("a batch of {batch} is more than the {images} training images: at most {images} fit")]
    Batch {
        /// The batch size.
        batch: usize,
        /// How many images there are.
        images: usize,
    },
    /// A data set without images, or with other pixels than it says.
    #[error(
        "the data claims {count} images and has {pixels} pixels, which is no data set to train on; load it again, or build it whole"
    )]
    Images {
        /// How many images it says it has.
        count: usize,
        /// How many pixels it has.
        pixels: usize,
    },
    /// Images of another size than the model's.
    #[error(
        "the data has images of {found} pixels and the model was made for {expected}; use data of that size, or train a new model on these"
    )]
    ImageSize {
        /// Height × width, and × channels where there are several, of the data.
        found: String,
        /// That of the model.
        expected: String,
    },
    /// The loss is no number. A lower learning rate, or a bound on the gradient, usually helps.
    #[error(
        "the loss is not finite in epoch {epoch}, step {step}: the first such value is in {operation}"
    )]
    NonFinite {
        /// The epoch, from 1.
        epoch: u32,
        /// The step of the run, from 1.
        step: u32,
        /// The first tensor that is not finite.
        operation: String,
    },
    /// A checkpoint that does not fit the model.
    #[error(
        "the checkpoint does not fit this model: {reason}; it belongs to another architecture or \
         another program: put the run's own checkpoint back, or start a new run"
    )]
    Foreign {
        /// What does not fit.
        reason: String,
    },
    /// A value in a checkpoint that is no number that a model can have.
    #[error(
        "its tensor {tensor} is {value} at element {index}, so that it gives no results; use another checkpoint"
    )]
    Spoiled {
        /// The tensor.
        tensor: String,
        /// The element, counted row by row from 0.
        index: usize,
        /// What is there.
        value: f32,
    },
    /// A checkpoint that was made with other settings.
    #[error(
        "the checkpoint was made with {recorded}, and the settings now say {given}; put that back \
         (in the run's config.toml), or start a new run"
    )]
    OtherSettings {
        /// What the checkpoint says.
        recorded: String,
        /// What it is to be used with.
        given: String,
    },
    /// A label that is none of the model's classes.
    #[error(
        "a label is {label}, and the model knows the {classes} classes from 0 to {}; use data labelled so",
        classes - 1
    )]
    Label {
        /// The label.
        label: u8,
        /// How many classes there are.
        classes: usize,
    },
    /// A checkpoint of a training on labels of other classes.
    #[error(
        "the labels are of {found} classes and the run was trained on {expected}; use the data that it \
         was trained on, or start a new run"
    )]
    OtherClasses {
        /// How many there are.
        found: usize,
        /// How many there were.
        expected: usize,
    },
    /// A value that is no number to learn from.
    #[error(
        "{pixel} is {value}, and only finite numbers can be learned from: repair or leave out that image"
    )]
    Value {
        /// Where it is.
        pixel: Pixel,
        /// The value.
        value: f32,
    },
    /// A value that the likelihood, or the binarisation, takes for no value.
    #[error("{pixel} is {value}, and {}", taken(*likelihood, *binarize))]
    Support {
        /// Where it is.
        pixel: Pixel,
        /// The value, as the model would see it.
        value: f32,
        /// The likelihood.
        likelihood: Likelihood,
        /// The binarisation.
        binarize: Binarize,
    },
    /// Training images of one value, which are to be normalised.
    #[error(
        "every value of the training images is {value}, which is no range that could be normalised; check \
         the data, or train without a normalisation"
    )]
    NoRange {
        /// The value.
        value: f32,
    },
    /// Values that are to be normalised by the range of data that are not there.
    #[error(
        "the normalisation {} goes by the range of the training images, and there are none: name the data \
         that the model was trained on",
        normalize.name()
    )]
    NoData {
        /// How they are to be normalised.
        normalize: Normalize,
    },
    /// A checkpoint of a training on values of another range.
    #[error(
        "the training images have values from {} to {} and the run was trained on {} to {}; use the data \
         that it was trained on, or start a new run",
        found[0],
        found[1],
        expected[0],
        expected[1]
    )]
    OtherRange {
        /// The least and the greatest value there is.
        found: [f32; 2],
        /// Those that there were.
        expected: [f32; 2],
    },
    /// A checkpoint of a training on a table of other columns.
    #[error(
        "the table's columns, or how their cells become values, are not those that the run was trained on; use the \
         table that it was trained on, or start a new run"
    )]
    OtherTable,
    /// A checkpoint of a training on another number of images.
    #[error(
        "the data has {found} training images and the run was trained on {expected}; use the data \
         that it was trained on, or start a new run"
    )]
    OtherData {
        /// How many there are.
        found: usize,
        /// How many there were.
        expected: usize,
    },
}

/// A pixel of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pixel {
    /// Of which images: `training` or `test`.
    pub of: &'static str,
    /// Which of these images, what is held out of a file left out of the count.
    pub image: usize,
    /// Its row.
    pub row: usize,
    /// Its column.
    pub column: usize,
}

impl fmt::Display for Pixel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            of,
            image,
            row,
            column,
        } = self;
        write!(
            f,
            "row {row}, column {column} of {of} image {image} (all counted from 0)"
        )
    }
}

impl TrainError {
    /// Settings that would put it right.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::Setting { setting, .. } => vec![Remedy::change(*setting)],
            Self::Batch { images, .. } => vec![Remedy::set(Setting::BatchSize, images)],
            Self::Support {
                likelihood,
                binarize,
                ..
            } => {
                let other = Remedy::change(Setting::Likelihood);
                if *binarize == Binarize::None && !is_of_unit_interval(*likelihood) {
                    return vec![other];
                }
                let min_max = Remedy::set(Setting::Normalize, Normalize::MinMax.name());
                let other = match (is_real(*likelihood), *binarize) {
                    (true, _) => Some(Remedy::set(Setting::Binarize, Binarize::None.name())),
                    (false, Binarize::None) => Some(other),
                    // Two settings at once.
                    (false, _) => None,
                };
                [min_max].into_iter().chain(other).collect()
            }
            Self::NoRange { .. } => {
                vec![Remedy::set(Setting::Normalize, Normalize::None.name())]
            }
            Self::Vae(error) => error.remedies(),
            Self::Executor(error) => error.remedies(),
            _ => Vec::new(),
        }
    }

    /// The error of a setting that is out of its range.
    pub(super) fn setting(setting: Setting, value: &dyn fmt::Display, expected: &str) -> Self {
        let (value, expected) = (value.to_string(), expected.to_owned());
        Self::Setting {
            setting,
            value,
            expected,
        }
    }
}

fn is_real(likelihood: Likelihood) -> bool {
    likelihood.density().support == Support::Real
}

fn is_of_unit_interval(likelihood: Likelihood) -> bool {
    likelihood.density().support == Support::UnitInterval
}

/// What takes none but some values, and what would do.
fn taken(likelihood: Likelihood, binarize: Binarize) -> String {
    let range = "normalise by the range of the training images (min-max)";
    let name = likelihood.density().name;
    let real = || {
        let names = Likelihood::of_real_values().join(", ");
        format!("choose a likelihood of all numbers ({names})")
    };
    match (binarize, likelihood.density().support) {
        (Binarize::None, Support::Counts) => format!(
            "the likelihood {name} takes counts, whole numbers from 0 to 16777216: use data of counts, or {}",
            real()
        ),
        (Binarize::None, Support::Levels) => format!(
            "the likelihood {name} takes the 256 values of a byte as 0 to 1: use images of bytes, or {}",
            real()
        ),
        (Binarize::None, _) => {
            format!(
                "the likelihood {name} takes values from 0 to 1: {range}, or {}",
                real()
            )
        }
        _ => format!(
            "the binarisation {} draws pixels with probabilities from 0 to 1: {range}{}",
            binarize.name(),
            match is_real(likelihood) {
                true => ", or leave the binarisation out",
                false => "",
            }
        ),
    }
}
