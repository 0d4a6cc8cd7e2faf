//! Tensors on a program's tape, and how their rows lie.

use std::ops::Range;

/// Words of a line: on the tape they are read and written as one.
pub const TAPE_ALIGN: usize = 8;

/// A tensor on the tape: `[rows, width]` from word `at`, a multiple of [`TAPE_ALIGN`]. Zeros fill a row up
/// to the end of a line.
///
/// It may be the first columns of a wider tensor. The stage that writes the first columns fills up their
/// last line, and a later stage writes the columns right of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Its first word.
    pub at: usize,
    /// Columns.
    pub width: usize,
    /// Columns of the tensor whose first ones these are; its own `width` where it is no part of one.
    pub of: usize,
}

impl Tensor {
    /// One that is no part of another.
    pub fn whole(at: usize, width: usize) -> Self {
        Self {
            at,
            width,
            of: width,
        }
    }

    /// Whether it is no part of another.
    pub fn is_whole(self) -> bool {
        self.of == self.width
    }

    /// Words from one row to the next.
    pub fn stride(self) -> usize {
        stride(self.of)
    }

    /// The words of some rows, with the zeros between them.
    pub fn words(self, rows: usize) -> Range<usize> {
        self.at..self.at + rows * self.stride()
    }

    /// The values of some rows, `[rows, width]`.
    pub fn read<T: Copy>(self, tape: &[T], rows: usize) -> Vec<T> {
        let rows = tape[self.words(rows)].chunks(self.stride().max(1));
        rows.flat_map(|row| row[..self.width].iter().copied())
            .collect()
    }

    /// Puts `values` `[rows, width]` there, and zeros up to the ends of lines.
    pub fn write<T: Copy + Default>(self, tape: &mut [T], values: &[T]) {
        let width = self.width.max(1);
        let words = self.words(values.len() / width);
        let rows = tape[words].chunks_mut(self.stride().max(1));
        for (row, values) in rows.zip(values.chunks(width)) {
            row[..width.next_multiple_of(TAPE_ALIGN)].fill(T::default());
            row[..values.len()].copy_from_slice(values);
        }
    }
}

/// Words from one row to the next, for a tensor of this width: whole lines, and no multiple of sixteen
/// of them, since rows a power of two apart meet in few sets of a cache.
pub fn stride(width: usize) -> usize {
    let lines = width.div_ceil(TAPE_ALIGN).max(1);
    TAPE_ALIGN * (lines + usize::from(lines.is_multiple_of(16)))
}
