//! Rows as callers have them.

use std::borrow::Cow;

use crate::eval::InputError;
use crate::executor::Values;

/// Rows that a caller gives: a slice of numbers or bytes, or an array that says its width.
#[derive(Clone, Debug)]
pub struct Given<'a> {
    values: Values<'a>,
    /// Values of a row, where the caller's type says how many.
    width: Option<usize>,
}

impl<'a> Given<'a> {
    /// Refuses rows that are said to have another width; `what` is what a row is.
    pub(super) fn check_width(&self, width: usize, what: &'static str) -> Result<(), InputError> {
        match self.width {
            Some(found) if found != width => Err(InputError::Width { found, width, what }),
            Some(_) => Ok(()),
            None if self.values.len().is_multiple_of(width.max(1)) => Ok(()),
            None => Err(InputError::Values {
                values: self.values.len(),
                width,
                what,
            }),
        }
    }

    /// The values.
    pub(super) fn into_values(self) -> Values<'a> {
        self.values
    }

    /// The values as numbers, bytes from 0 to 1.
    pub(super) fn into_floats(self) -> Cow<'a, [f32]> {
        match self.values {
            Values::Floats(floats) => floats,
            Values::Bytes(bytes) => {
                let floats = bytes.iter().map(|&byte| f32::from(byte) / 255.0);
                Cow::Owned(floats.collect())
            }
        }
    }
}

/// Rows from what holds values of a type one behind the other.
macro_rules! given_from {
    ($($of:ty),*) => {$(
        impl<'a> From<&'a $of> for Given<'a> {
            fn from(values: &'a $of) -> Self {
                Self {
                    values: values.into(),
                    width: None,
                }
            }
        }
    )*};
}
given_from!([f32], Vec<f32>, [u8], Vec<u8>);

#[cfg(feature = "ndarray")]
mod arrays {
    use ndarray::{ArrayBase, Data, Dimension};

    use super::{Cow, Given, Values};

    /// What an array of rows is of: numbers or bytes.
    pub trait Element: Copy + 'static {
        /// The values of rows that are of it.
        fn values(of: Cow<'_, [Self]>) -> Values<'_>;
    }

    impl Element for f32 {
        fn values(of: Cow<'_, [Self]>) -> Values<'_> {
            Values::Floats(of)
        }
    }

    impl Element for u8 {
        fn values(of: Cow<'_, [Self]>) -> Values<'_> {
            Values::Bytes(of)
        }
    }

    /// An array of examples along its first dimension. It is copied where its values do not lie one behind the other.
    impl<'a, S, D> From<&'a ArrayBase<S, D>> for Given<'a>
    where
        S: Data,
        S::Elem: Element,
        D: Dimension,
    {
        fn from(array: &'a ArrayBase<S, D>) -> Self {
            let values = match array.as_slice() {
                Some(values) => Cow::Borrowed(values),
                None => Cow::Owned(array.iter().copied().collect()),
            };
            Self {
                values: S::Elem::values(values),
                width: Some(array.shape().iter().skip(1).product()),
            }
        }
    }
}
