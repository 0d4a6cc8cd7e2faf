//! A split on its way to a pass: as a whole, or in windows.

use std::borrow::Cow;
use std::sync::Arc;

use super::order::Windows;
use super::source::Source;
use crate::data::Split;
use crate::executor::Rows;
use crate::model::Vae;
use crate::train::rows::{Part, check_values, rows_of};
use crate::train::{Binarize, Scaling, Settings, TrainError};

/// The images of a split.
pub(in crate::train) enum Input<'a> {
    /// All at once.
    Whole(Rows<'a>),
    /// A window at a time.
    InWindows(Arc<Source>, Windows),
}

impl<'a> Input<'a> {
    /// Those of a training with these settings, once each value and label is seen to be one of the model's.
    pub(in crate::train) fn of(
        vae: &Vae,
        settings: &Settings,
        scaling: &Scaling,
        split: Cow<'a, Split>,
        part: Part,
    ) -> Result<Self, TrainError> {
        let windows = settings.window;
        let windows = windows
            .and_then(|window| Windows::new(split.images.count, window, settings.batch_size));
        let Some(windows) = windows else {
            let rows = rows_of(vae, settings, scaling, split, part)?;
            return Ok(Self::Whole(rows));
        };
        check_values(vae, settings, scaling, &split, part)?;
        let draws = settings.binarize == Binarize::Static;
        let source = Source {
            split: split.into_owned(),
            scaling: *scaling,
            is_labelled: vae.reads_labels(),
            binarize: draws.then(|| (settings.seed, part.pixels())),
        };
        Ok(Self::InWindows(Arc::new(source), windows))
    }

    /// How many images there are.
    pub(in crate::train) fn count(&self) -> usize {
        match self {
            Self::Whole(rows) => rows.count(),
            Self::InWindows(source, _) => source.split.images.count,
        }
    }

    /// Their labels, where the model reads them.
    pub(in crate::train) fn labels(&self) -> Option<&[u8]> {
        match self {
            Self::Whole(rows) => rows.labels.as_deref(),
            Self::InWindows(source, _) => {
                let labels = source.split.labels.as_deref();
                labels.filter(|_| source.is_labelled)
            }
        }
    }

    /// The values of some images as a graph sees them, one image behind the other.
    pub(in crate::train) fn floats(&self, images: &[usize]) -> Vec<f32> {
        match self {
            Self::Whole(rows) => rows.floats(images.iter().copied()),
            Self::InWindows(source, _) => {
                let ranges: Vec<_> = images.iter().map(|&image| image..image + 1).collect();
                source.rows(&ranges).floats(0..images.len())
            }
        }
    }

    /// What a pass is made for: all images, or as many as it ever has at once.
    pub(in crate::train) fn into_most(self) -> Rows<'a> {
        match self {
            Self::Whole(rows) => rows,
            Self::InWindows(source, windows) => {
                // The images are exchanged before a step reads any.
                source.rows(std::slice::from_ref(&(0..windows.most())))
            }
        }
    }
}
