//! Matrix products, by the crate `gemm`, and what follows them while their results are in the cache.
//!
//! A product is cut into blocks of its result, each a product of its own on one thread. Sums over k are
//! never cut, and where the cuts are follows from the sizes alone: the bits do not depend on the threads.

use std::ops::Range;

use super::beside;
use super::memory::{Memory, Span};
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

/// Values after which an address falls on the same few lines of a cache. Columns that lie a multiple of
/// it apart drive each other out while `gemm` packs sixty-four of them side by side.
const CONFLICT: usize = 256;

/// A matrix as an operand: where it begins, and how far its rows and columns are apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matrix {
    pub(super) values: Span,
    pub(super) row: usize,
    pub(super) column: usize,
}

impl Matrix {
    /// A matrix that lies row by row, with its columns, or its transpose.
    pub(super) fn entering((values, columns): (Span, usize), transposed: bool) -> Self {
        let (row, column) = match transposed {
            false => (columns, 1),
            true => (1, columns),
        };
        Self {
            values,
            row,
            column,
        }
    }
}

/// result `[m, n]` = left `[m, k]` · right `[k, n]`.
#[derive(Debug)]
pub(super) struct Product {
    /// m, n, k.
    pub(super) shape: [usize; 3],
    /// Products of this shape side by side, each of consecutive parts of the operands. What follows a
    /// product, and sums, are of a single one.
    pub(super) groups: usize,
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
    pub(super) group: usize,
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
        let mut all = Vec::new();
        for group in 0..self.groups {
            for rows in &rows {
                let block = |columns: &Range<usize>| Block {
                    group,
                    rows: rows.clone(),
                    columns: columns.clone(),
                };
                all.extend(columns.iter().map(block));
            }
        }
        all
    }

    /// Computes a block.
    #[inline(always)]
    pub(super) fn run(&self, block: &Block, scratch: &mut Scratch) {
        let [m, n, k] = self.shape;
        let (rows, columns) = (block.rows.clone(), block.columns.clone());
        let of_group = |of: Span, len: usize| of.part(block.group * len..(block.group + 1) * len);
        let result = of_group(self.result, m * n);
        let result = result.part(rows.start * n..(rows.end - 1) * n + columns.end);
        let left = of_group(self.left.values, m * k);
        let left = left.part(rows.start * self.left.row..left.len());
        let right = of_group(self.right.values, k * n);
        let right = right.part(columns.start * self.right.column..right.len());
        let mut right = Matrix {
            values: right,
            ..self.right
        };
        if right.row == 1 && right.column.is_multiple_of(CONFLICT) {
            right = apart(right, [k, columns.len()], scratch);
        }
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
                right.values.first(),
                right.column as isize,
                right.row as isize,
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
        for (number, group) in groups.iter_mut().enumerate() {
            let first = rows.start + 16 * number;
            let mut totals = [0.0f64; 16];
            for values in across(first) {
                beside::with(&mut totals, &values[..16], |total, value| {
                    *total += f64::from(*value);
                });
            }
            *group = beside::map(totals, |total| total as f32);
        }
        let last = rows.end - rest.len();
        for (number, sum) in rest.iter_mut().enumerate() {
            *sum = across(last + number)
                .map(|values| f64::from(values[0]))
                .sum::<f64>() as f32;
        }
    }
}

/// A copy of a matrix's columns, which lie together each, no multiple of [`CONFLICT`] apart.
#[inline(always)]
fn apart(of: Matrix, [rows, columns]: [usize; 2], scratch: &mut Scratch) -> Matrix {
    let column = rows.next_multiple_of(Memory::LINE) + Memory::LINE;
    let copy = scratch.floats(columns * column);
    for (number, to) in copy.chunks_exact_mut(column).take(columns).enumerate() {
        let first = number * of.column;
        // SAFETY: nobody writes an operand.
        to[..rows].copy_from_slice(unsafe { of.values.part(first..first + rows).read() });
    }
    Matrix {
        values: Span::of(copy),
        row: 1,
        column,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::operand;
    use crate::graph::Broadcast;

    /// Whole numbers and halves, so that sums of products of some hundred are exact in f32.
    fn values(len: usize, seed: usize) -> Vec<f32> {
        let value = |i: usize| ((i * 31 + seed * 17) % 9) as f32 * 0.5 - 2.0;
        (0..len).map(value).collect()
    }

    fn memory(values: &[f32]) -> Memory {
        let mut memory = Memory::zeros(values.len());
        memory.as_mut_slice().copy_from_slice(values);
        memory
    }

    /// Of each form: blocks, an epilogue in place and the sums of rows. The values are exact, so that no
    /// order of sums and no fused multiplication shows.
    #[test]
    fn blocks_together_are_the_product() {
        let shapes = [
            [1, 1, 1],
            [7, 5, 3],
            [40, 16, 20],
            [128, 32, 784],
            [33, 200, 256],
            [20, 70, 512],
            [500, 20, 40],
        ];
        let mut scratch = Scratch::default();
        for [m, n, k] in shapes {
            let (a, b, bias) = (values(m * k, 1), values(k * n, 2), values(n, 3));
            let [a_memory, b_memory, bias_memory] = [&a, &b, &bias].map(|of| memory(of));
            let span = |of: &Memory| of.span(0..of.len());
            for (left_transposed, right_transposed) in
                [(false, true), (false, false), (true, false)]
            {
                let result = Memory::zeros(m * n);
                let sums = Memory::zeros(m);
                let matrix = |of, transposed, [rows, columns]: [usize; 2]| {
                    Matrix::entering((of, if transposed { rows } else { columns }), transposed)
                };
                let operands = vec![
                    (span(&result), Broadcast::EACH),
                    (span(&bias_memory), Broadcast::COLUMN),
                ];
                let value = (operand(0) + operand(1)).max(0.0);
                let product = Product {
                    shape: [m, n, k],
                    groups: 1,
                    left: matrix(span(&a_memory), left_transposed, [m, k]),
                    right: matrix(span(&b_memory), right_transposed, [k, n]),
                    result: span(&result),
                    epilogue: Some(Pointwise::new(
                        [m, n],
                        operands,
                        vec![(&value, span(&result))],
                        vec![],
                    )),
                    sums: left_transposed.then(|| span(&sums)),
                };
                for block in product.blocks() {
                    product.run(&block, &mut scratch);
                }
                let of_a = |i: usize, x: usize| {
                    a[if left_transposed {
                        x * m + i
                    } else {
                        i * k + x
                    }]
                };
                let of_b = |x: usize, j: usize| {
                    b[if right_transposed {
                        j * k + x
                    } else {
                        x * n + j
                    }]
                };
                // SAFETY: nothing writes here.
                let (found, sums) = unsafe { (span(&result).read(), span(&sums).read()) };
                for i in 0..m {
                    for j in 0..n {
                        let dot: f32 = (0..k).map(|x| of_a(i, x) * of_b(x, j)).sum();
                        let expected = (dot + bias[j]).max(0.0);
                        assert_eq!(found[i * n + j], expected, "{:?} at {i}, {j}", [m, n, k]);
                    }
                    if left_transposed {
                        let sum: f32 = (0..k).map(|x| of_a(i, x)).sum();
                        assert_eq!(sums[i], sum, "sum of row {i} of {:?}", [m, n, k]);
                    }
                }
            }
        }
    }

    /// Many columns make many blocks, and few columns of many rows some.
    #[test]
    fn large_products_are_cut() {
        let blocks = |shape: [usize; 3]| {
            let [m, n, k] = shape;
            let [a, b, c] = [m * k, k * n, m * n].map(Memory::zeros);
            let span = |of: &Memory| of.span(0..of.len());
            let product = Product {
                shape,
                groups: 1,
                left: Matrix::entering((span(&a), k), false),
                right: Matrix::entering((span(&b), n), false),
                result: span(&c),
                epilogue: None,
                sums: None,
            };
            product.blocks().len()
        };
        assert_eq!(blocks([128, 16, 32]), 1);
        assert_eq!(blocks([128, 32, 784]), 2);
        assert_eq!(blocks([512, 1024, 1024]), 16);
    }
}
