//! Values that lie in memory, or in a file of which the system brings the parts that are read.

use std::ops::Deref;

use super::pixels::PIECE;

mod collector;
mod mapped;

pub(super) use collector::{Collector, Scratch};
pub use mapped::Mapped;

/// Numbers that a file can hold as they are.
pub trait Number: bytemuck::Pod + PartialEq {}

impl Number for u8 {}
impl Number for f32 {}

/// Values one behind the other: a slice to whoever reads them.
#[derive(Clone)]
pub enum Buffer<T: Number> {
    /// In memory.
    Owned(Vec<T>),
    /// In a file: they take memory only as long as the system has nothing better to do with it.
    Mapped(Mapped<T>),
}

impl<T: Number> Buffer<T> {
    /// Whether they lie in a file.
    pub fn is_mapped(&self) -> bool {
        matches!(self, Self::Mapped(_))
    }

    /// The values, to be changed: mapped ones are copied into memory before.
    pub fn to_mut(&mut self) -> &mut Vec<T> {
        if let Self::Mapped(mapped) = self {
            *self = Self::Owned(mapped.to_vec());
        }
        match self {
            Self::Owned(values) => values,
            Self::Mapped(_) => unreachable!("mapped values have just been copied"),
        }
    }

    /// The first of them, or all where there are fewer: of those in memory a copy.
    #[must_use]
    pub fn head(&self, len: usize) -> Self {
        match self {
            Self::Owned(values) => Self::Owned(values[..len.min(values.len())].to_vec()),
            Self::Mapped(mapped) => Self::Mapped(mapped.head(len)),
        }
    }

    /// The values in memory: mapped ones are copied.
    pub fn into_vec(self) -> Vec<T> {
        match self {
            Self::Owned(values) => values,
            Self::Mapped(mapped) => mapped.to_vec(),
        }
    }

    /// All values in pieces of at most so many that follow one another: what has been read of a file is given back to
    /// the system when the next piece is asked for.
    ///
    /// # Panics
    /// Where `len` is 0.
    pub fn pieces(&self, len: usize) -> impl Iterator<Item = &[T]> {
        let mut read = 0..0;
        self.chunks(len).inspect(move |piece| {
            self.forget(read.clone());
            read = read.end..read.end + piece.len();
        })
    }

    /// The place of the first value for which `is` is true.
    pub fn position(&self, is: impl Fn(T) -> bool) -> Option<usize> {
        let mut before = 0;
        self.pieces(PIECE).find_map(|piece| {
            let found = piece.iter().position(|&value| is(value));
            let place = found.map(|place| before + place);
            before += piece.len();
            place
        })
    }

    /// Tells the system that these values are not read again soon. It may be wrong: they are then read from the file
    /// once more.
    pub fn forget(&self, values: std::ops::Range<usize>) {
        if let Self::Mapped(mapped) = self {
            mapped.forget(values);
        }
    }
}

impl<T: Number> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Self::Owned(values) => values,
            Self::Mapped(mapped) => mapped,
        }
    }
}

impl<T: Number> PartialEq for Buffer<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Number> From<Vec<T>> for Buffer<T> {
    fn from(values: Vec<T>) -> Self {
        Self::Owned(values)
    }
}

impl<T: Number> From<Mapped<T>> for Buffer<T> {
    fn from(values: Mapped<T>) -> Self {
        Self::Mapped(values)
    }
}

impl<T: Number> FromIterator<T> for Buffer<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self::Owned(values.into_iter().collect())
    }
}
