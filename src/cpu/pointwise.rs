//! Pointwise work: expressions at each element of `[rows, columns]`, and sums of rows.

use std::ops::Range;

use super::memory::Span;
use super::scratch::Scratch;
use super::tape::{CHUNK, Tape};
use crate::expr::{Expr, Sequence};
use crate::graph::{Broadcast, Rows};

/// Elements that one item of work has, about: long enough to be worth a thread's while.
const ITEM: usize = 8 * 1024;

/// Work with its arrays.
#[derive(Debug)]
pub(super) struct Pointwise {
    shape: [usize; 2],
    operands: Vec<(Span, Broadcast)>,
    /// `[rows, columns]` each. One may be an operand that is read element by element: a chunk is read
    /// before it is written.
    values: Vec<Span>,
    /// `[rows]` each.
    sums: Vec<Span>,
    tape: Tape,
}

impl Pointwise {
    /// The expressions, first of the values and then of the sums.
    pub(super) fn new(
        shape: [usize; 2],
        operands: Vec<(Span, Broadcast)>,
        values: Vec<(&Expr, Span)>,
        sums: Vec<(&Expr, Span)>,
    ) -> Self {
        let exprs: Vec<_> = values.iter().chain(&sums).map(|&(expr, _)| expr).collect();
        Self {
            shape,
            operands,
            tape: Tape::new(&Sequence::of(&exprs)),
            values: values.iter().map(|&(_, to)| to).collect(),
            sums: sums.iter().map(|&(_, to)| to).collect(),
        }
    }

    /// The same work on one column, where no row is told from another: chunks then need not end with rows.
    pub(super) fn flattened(mut self) -> Self {
        let alike = |of: &(Span, Broadcast)| matches!(of.1, Broadcast::EACH | Broadcast::SCALAR);
        if self.sums.is_empty() && self.operands.iter().all(alike) {
            self.shape = [self.shape[0] * self.shape[1], 1];
            for (_, broadcast) in &mut self.operands {
                broadcast.columns = false;
            }
        }
        self
    }

    /// Its items: rows, a number of them that follows from the shape alone.
    pub(super) fn items(&self) -> Vec<Range<usize>> {
        let [rows, columns] = self.shape;
        blocks(rows, ITEM.div_ceil(columns.max(1)).max(1))
    }

    /// All columns of some rows.
    #[inline(always)]
    pub(super) fn run(&self, rows: Range<usize>, scratch: &mut Scratch) {
        self.run_block(rows, 0..self.shape[1], scratch);
    }

    /// Some columns of some rows; of work with sums all columns.
    #[inline(always)]
    pub(super) fn run_block(
        &self,
        rows: Range<usize>,
        columns: Range<usize>,
        scratch: &mut Scratch,
    ) {
        let whole = columns.len() == self.shape[1];
        let chunks = columns.len().div_ceil(CHUNK);
        // Of a narrow shape several rows at a time, of a wide one parts of about the same length.
        let together = if whole {
            (CHUNK / columns.len().max(1)).max(1)
        } else {
            1
        };
        let width = columns.len().div_ceil(chunks.max(1)).next_multiple_of(16);
        let slots = self.tape.scratch();
        let scratch = scratch.floats(slots + self.operands.len() * CHUNK);
        let (slots, copies) = scratch.split_at_mut(slots);
        let mut totals = [0.0; MOST_SUMS];
        let mut row = rows.start;
        while row < rows.end {
            let count = together.min(rows.end - row);
            let mut first = columns.start;
            while first < columns.end {
                let len = width.min(columns.end - first);
                let block = Block {
                    rows: row..row + count,
                    columns: first..first + len,
                };
                self.chunk(&block, slots, copies, &mut totals, first == columns.start);
                first += len;
            }
            if count == 1 {
                for (to, total) in self.sums.iter().zip(&totals) {
                    // SAFETY: the row is this item's.
                    let to = unsafe { to.part(row..row + 1).write() };
                    to[0] = *total as f32;
                }
            }
            row += count;
        }
    }

    /// One chunk. Sums of a single row are added to `totals`, which the row's first chunk sets to 0, and
    /// those of several rows are stored.
    #[inline(always)]
    fn chunk(
        &self,
        block: &Block,
        slots: &mut [f32],
        copies: &mut [f32],
        totals: &mut [f64; MOST_SUMS],
        begins: bool,
    ) {
        let len = block.rows.len() * block.columns.len();
        let mut operands: [&[f32]; MOST_OPERANDS] = [&[]; MOST_OPERANDS];
        for ((operand, of), copy) in operands
            .iter_mut()
            .zip(&self.operands)
            .zip(copies.chunks_mut(CHUNK))
        {
            *operand = self.bind(*of, block, copy);
        }
        let [_, columns] = self.shape;
        self.tape.run(
            &operands,
            len,
            slots,
            #[inline(always)]
            |number, result| {
                if let Some(to) = self.values.get(number) {
                    let first = block.rows.start * columns + block.columns.start;
                    // SAFETY: these elements are this item's, and the operands' slices are not read after it.
                    result.store(unsafe { to.part(first..first + len).write() });
                    return;
                }
                let number = number - self.values.len();
                let width = block.columns.len();
                if block.rows.len() == 1 {
                    let before = if begins { 0.0 } else { totals[number] };
                    totals[number] = before + result.sum(0, width);
                    return;
                }
                // SAFETY: the rows are this item's.
                let to = unsafe { self.sums[number].part(block.rows.clone()).write() };
                for (row, to) in to.iter_mut().enumerate() {
                    *to = result.sum(row * width, width) as f32;
                }
            },
        );
    }

    /// An operand's values for a block, where they lie together; else a copy of them.
    #[inline(always)]
    fn bind<'a>(
        &self,
        (of, broadcast): (Span, Broadcast),
        block: &Block,
        copy: &'a mut [f32],
    ) -> &'a [f32] {
        let [_, columns] = self.shape;
        let width = block.columns.len();
        let len = block.rows.len() * width;
        // SAFETY: nobody writes an operand while it is read, but this item where the operand is a result.
        // Then the elements are copied first.
        let values = |part: Range<usize>| unsafe { of.part(part).read() };
        let owned = self.values.iter().any(|to| to.first() == of.first());
        let copy = &mut copy[..len];
        let rows = broadcast.rows;
        if rows == Rows::InTurn(1) {
            // One row for all.
            if broadcast.columns {
                let row = values(block.columns.clone());
                copy.chunks_exact_mut(width)
                    .for_each(|to| to.copy_from_slice(row));
            } else {
                copy.fill(values(0..1)[0]);
            }
            return copy;
        }
        let each = broadcast.columns || columns == 1;
        if each && (rows == Rows::Shared(1) || block.rows.len() == 1) {
            let first = rows.index(block.rows.start) * columns + block.columns.start;
            let values = values(first..first + len);
            if owned {
                copy.copy_from_slice(values);
                return copy;
            }
            return values;
        }
        for (row, to) in block.rows.clone().zip(copy.chunks_exact_mut(width)) {
            let row = rows.index(row);
            if each {
                let first = row * columns;
                to.copy_from_slice(values(first..first + width));
            } else {
                to.fill(values(row..row + 1)[0]);
            }
        }
        copy
    }
}

/// What one chunk has: several whole rows, or part of one.
struct Block {
    rows: Range<usize>,
    columns: Range<usize>,
}

/// As many arrays as fusion joins at most, with an epilogue's.
const MOST_OPERANDS: usize = 12;

/// Likewise sums.
const MOST_SUMS: usize = 8;

/// `0..len` in parts of `size`.
pub(super) fn blocks(len: usize, size: usize) -> Vec<Range<usize>> {
    let starts = (0..len).step_by(size.max(1));
    starts.map(|start| start..len.min(start + size)).collect()
}
