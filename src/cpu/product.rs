//! Matrix products, by the crate `gemm`, and what follows them while their results are in the cache.
//!
//! A product is cut into blocks of its result, each a product of its own on one thread. Sums over k are
//! never cut, and where the cuts are follows from the sizes alone: the bits do not depend on the threads.

use std::ops::Range;

use super::memory::Span;
use super::pointwise::{Pointwise, blocks};
use super::scratch::Scratch;

/// Columns that `gemm`'s widest kernel computes at once, and that blocks have a multiple of: so the right
/// operand, which each block packs, is packed once in all.
const COLUMNS: usize = 64;

/// Likewise rows. Blocks of different rows pack the same part of the right operand, so that rows are cut
/// only where there are few columns.
const ROWS: usize = 6;

/// Floating-point operations of a block, at least: some microseconds of one thread.
const BLOCK: usize = 1 << 20;

/// Blocks from which on rows are not cut.
const FEW: usize = 4;

/// A matrix as an operand: where it begins, and how far its rows and columns are apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matrix {
    pub(super) values: Span,
    pub(super) row: usize,
    pub(super) column: usize,
}

impl Matrix {
    /// `[rows, columns]`, row by row.
    pub(super) fn plain(values: Span, columns: usize) -> Self {
        Self {
            values,
            row: columns,
            column: 1,
        }
    }

    /// The transpose of a matrix of so many columns.
    pub(super) fn transposed(values: Span, columns: usize) -> Self {
        Self {
            values,
            row: 1,
            column: columns,
        }
    }
}

/// result `[m, n]` = left `[m, k]` · right `[k, n]`.
#[derive(Debug)]
pub(super) struct Product {
    /// m, n, k.
    pub(super) shape: [usize; 3],
    pub(super) left: Matrix,
    pub(super) right: Matrix,
    pub(super) result: Span,
    /// Pointwise work on the result, in place.
    pub(super) epilogue: Option<Pointwise>,
    /// `[m]`: the sums of the left operand's rows, which are a bias's gradient.
    pub(super) sums: Option<Span>,
}

/// A block of a product's result.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
}

impl Product {
    /// The blocks of its result.
    pub(super) fn blocks(&self) -> Vec<Block> {
        let [m, n, k] = self.shape;
        let narrow = 2 * m * COLUMNS.min(n) * k;
        let width = COLUMNS * BLOCK.div_ceil(narrow.max(1));
        let across = n.div_ceil(width);
        let down = (FEW / across).clamp(1, (2 * m * n * k / (3 * BLOCK)).max(1));
        let height = m.div_ceil(down).next_multiple_of(ROWS);
        let columns = blocks(n, width);
        let rows = blocks(m, height);
        let block = |rows: &Range<usize>| {
            let rows = rows.clone();
            columns.iter().map(move |columns| Block {
                rows: rows.clone(),
                columns: columns.clone(),
            })
        };
        rows.iter().flat_map(block).collect()
    }

    /// Computes a block.
    #[inline(always)]
    pub(super) fn run(&self, block: &Block, scratch: &mut Scratch) {
        let [_, n, k] = self.shape;
        let (rows, columns) = (block.rows.clone(), block.columns.clone());
        let result = self
            .result
            .part(rows.start * n..(rows.end - 1) * n + columns.end);
        let left = self
            .left
            .values
            .part(rows.start * self.left.row..self.left.values.len());
        let right = (columns.start * self.right.column)..self.right.values.len();
        let right = self.right.values.part(right);
        // SAFETY: the operands have m·k and k·n values at these strides, which nobody writes meanwhile; the
        // block of the result is this item's. The flags say that the result is not read.
        unsafe {
            gemm::gemm(
                rows.len(),
                columns.len(),
                k,
                result.first().add(columns.start),
                1,
                n as isize,
                false,
                left.first(),
                self.left.column as isize,
                self.left.row as isize,
                right.first(),
                self.right.column as isize,
                self.right.row as isize,
                0.0f32,
                1.0f32,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
        if let Some(sums) = self.sums.filter(|_| columns.start == 0) {
            self.sum_rows(rows.clone(), sums);
        }
        if let Some(epilogue) = &self.epilogue {
            epilogue.run_block(rows, columns, scratch);
        }
    }

    /// The sums of some rows of the left operand, which is a transpose: sixteen that lie side by side at a
    /// time, in f64.
    #[inline(always)]
    fn sum_rows(&self, rows: Range<usize>, sums: Span) {
        // SAFETY: nobody writes an operand, and these sums are this item's.
        let (left, sums) = unsafe { (self.left.values.read(), sums.part(rows.clone()).write()) };
        let (groups, rest) = sums.as_chunks_mut::<16>();
        let across = |first: usize| {
            left.chunks_exact(self.left.column)
                .map(move |of| &of[first..])
        };
        for (group, first) in groups.iter_mut().zip(rows.clone().step_by(16)) {
            let mut totals = [0.0f64; 16];
            for values in across(first) {
                for (total, value) in totals.iter_mut().zip(&values[..16]) {
                    *total += f64::from(*value);
                }
            }
            *group = totals.map(|total| total as f32);
        }
        for (first, sum) in (rows.end - rest.len()..).zip(rest) {
            *sum = across(first)
                .map(|values| f64::from(values[0]))
                .sum::<f64>() as f32;
        }
    }
}
