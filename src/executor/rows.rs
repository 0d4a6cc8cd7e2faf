//! The data of a pass.

use std::borrow::Cow;
use std::ops::Range;

use crate::data::Pixels;

/// Images that a pass runs over. Owned ones are given back to the system while the executor copies
/// them to where it keeps them, so that they are never in memory twice.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    /// `[count, dim]`.
    pub pixels: Values<'a>,
    /// Values a row.
    pub dim: usize,
    /// A class for each row, where the graphs read labels.
    pub labels: Option<Cow<'a, [u8]>>,
}

/// The values of rows, borrowed or owned.
#[derive(Clone, Debug)]
pub enum Values<'a> {
    /// Bytes; a graph sees them as 0 to 1.
    Bytes(Cow<'a, [u8]>),
    /// Numbers; a graph sees them as they are.
    Floats(Cow<'a, [f32]>),
}

impl Values<'_> {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Floats(floats) => floats.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same, owned.
    pub fn into_owned(self) -> Values<'static> {
        match self {
            Self::Bytes(bytes) => Values::Bytes(Cow::Owned(bytes.into_owned())),
            Self::Floats(floats) => Values::Floats(Cow::Owned(floats.into_owned())),
        }
    }

    /// Some of them that follow one another, borrowed.
    ///
    /// # Panics
    /// Where there are fewer.
    pub fn part(&self, range: Range<usize>) -> Values<'_> {
        match self {
            Self::Bytes(bytes) => Values::Bytes(Cow::Borrowed(&bytes[range])),
            Self::Floats(floats) => Values::Floats(Cow::Borrowed(&floats[range])),
        }
    }

    /// Gives owned values from place `len` on back to the system; borrowed ones stay.
    pub(crate) fn give_back_from(&mut self, len: usize) {
        fn give_back<T>(values: &mut Vec<T>, len: usize) {
            values.truncate(len);
            values.shrink_to_fit();
        }
        match self {
            Self::Bytes(Cow::Owned(bytes)) => give_back(bytes, len),
            Self::Floats(Cow::Owned(floats)) => give_back(floats, len),
            Self::Bytes(Cow::Borrowed(_)) | Self::Floats(Cow::Borrowed(_)) => {}
        }
    }
}

/// Values from what holds numbers of a type.
macro_rules! values_from {
    ($number:ty, $kind:ident) => {
        impl<'a> From<&'a [$number]> for Values<'a> {
            fn from(values: &'a [$number]) -> Self {
                Self::$kind(Cow::Borrowed(values))
            }
        }

        impl<'a> From<&'a Vec<$number>> for Values<'a> {
            fn from(values: &'a Vec<$number>) -> Self {
                Self::$kind(Cow::Borrowed(values))
            }
        }

        impl From<Vec<$number>> for Values<'_> {
            fn from(values: Vec<$number>) -> Self {
                Self::$kind(Cow::Owned(values))
            }
        }
    };
}
values_from!(u8, Bytes);
values_from!(f32, Floats);

impl<'a> From<&'a Pixels> for Values<'a> {
    fn from(pixels: &'a Pixels) -> Self {
        match pixels {
            Pixels::Bytes(bytes) => (**bytes).into(),
            Pixels::Floats(floats) => (**floats).into(),
        }
    }
}

impl From<Pixels> for Values<'_> {
    fn from(pixels: Pixels) -> Self {
        match pixels {
            Pixels::Bytes(bytes) => bytes.into_vec().into(),
            Pixels::Floats(floats) => floats.into_vec().into(),
        }
    }
}

impl<'a> Rows<'a> {
    /// Rows of `dim` values: bytes or `f32`, borrowed or owned.
    pub fn new(pixels: impl Into<Values<'a>>, dim: usize) -> Self {
        Self {
            pixels: pixels.into(),
            dim,
            labels: None,
        }
    }

    /// The same rows with a class for each.
    ///
    /// # Panics
    /// Where there are not as many labels as rows.
    #[must_use]
    pub fn with_labels(mut self, labels: impl Into<Cow<'a, [u8]>>) -> Self {
        let labels = labels.into();
        assert_eq!(labels.len(), self.count(), "labels of other rows");
        self.labels = Some(labels);
        self
    }

    /// The values of some rows as a graph sees them, one row behind the other.
    ///
    /// # Panics
    /// Where there is no such row.
    pub fn floats(&self, rows: impl IntoIterator<Item = usize>) -> Vec<f32> {
        let places = rows
            .into_iter()
            .map(|row| row * self.dim..(row + 1) * self.dim);
        match &self.pixels {
            Values::Bytes(bytes) => places
                .flat_map(|place| &bytes[place])
                .map(|&byte| f32::from(byte) / 255.0)
                .collect(),
            Values::Floats(floats) => places.flat_map(|place| &floats[place]).copied().collect(),
        }
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.pixels.len() / self.dim.max(1)
    }
}

/// Which rows a pass takes: those that it was made for, or others in their place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    most: usize,
    batch: usize,
    dim: usize,
    are_bytes: bool,
    are_labelled: bool,
}

impl Room {
    /// That of a pass that is made for these rows, in batches of `batch`.
    pub(crate) fn of(rows: &Rows<'_>, batch: usize) -> Self {
        Self {
            most: rows.count(),
            batch,
            dim: rows.dim,
            are_bytes: matches!(rows.pixels, Values::Bytes(_)),
            are_labelled: rows.labels.is_some(),
        }
    }

    /// Checks that the pass takes these rows: its graphs index with them.
    ///
    /// # Panics
    /// Where it does not.
    pub(crate) fn check(&self, rows: &Rows<'_>) {
        let Self {
            most, batch, dim, ..
        } = *self;
        let (count, found) = (rows.count(), Self::of(rows, batch));
        assert_eq!(found.dim, dim, "rows of another length");
        assert_eq!(found.are_bytes, self.are_bytes, "rows of another kind");
        assert_eq!(found.are_labelled, self.are_labelled, "labels or none");
        let rest = count % batch;
        assert!(
            count <= most && (rest == 0 || rest == most % batch),
            "{count} rows in batches of {batch}, in the place of {most}"
        );
    }
}
