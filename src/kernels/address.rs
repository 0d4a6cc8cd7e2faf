//! Where a weight or a bias lies among the parameters, in one piece or in two.

use std::ops::Range;

/// The word that `split` is where there is one piece.
const NONE: usize = u32::MAX as usize;

/// Word i lies at `first + i`, and from `split` on `gap` words further.
///
/// So the weights of two layers are one matrix, the second's rows below the first's, though other
/// parameters lie between them; and their biases are one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Where the first piece starts.
    pub first: usize,
    /// Words of the first piece.
    pub split: usize,
    /// Words between the two.
    pub gap: usize,
}

impl From<usize> for Address {
    /// One piece.
    fn from(first: usize) -> Self {
        Self {
            first,
            split: NONE,
            gap: 0,
        }
    }
}

impl Address {
    /// Where word `index` lies.
    pub fn word(self, index: usize) -> usize {
        let further = if index >= self.split { self.gap } else { 0 };
        self.first + index + further
    }

    /// Where `len` words lie, in their order; without a split the second piece is empty.
    pub fn pieces(self, len: usize) -> [Range<usize>; 2] {
        let split = self.first + len.min(self.split);
        [
            self.first..split,
            split + self.gap..self.first + len + self.gap,
        ]
    }

    /// Whether there are two pieces.
    pub fn is_split(self) -> bool {
        self.split != NONE
    }

    /// Behind the last of `len` words.
    pub(super) fn end(self, len: usize) -> usize {
        let last = len.checked_sub(1);
        last.map_or(self.first, |last| self.word(last) + 1)
    }

    /// Whether the pieces are whole rows of this many words.
    pub(super) fn has_rows_of(self, len: usize) -> bool {
        !self.is_split() || (self.split > 0 && self.split.is_multiple_of(len))
    }
}
