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
        let mut copies = copies;
        for (number, &of) in self.operands.iter().enumerate() {
            let (copy, rest) = copies.split_at_mut(CHUNK);
            copies = rest;
            operands[number] = self.bind(of, block, copy);
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
        for (number, to) in copy.chunks_exact_mut(width).enumerate() {
            let row = rows.index(block.rows.start + number);
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

#[cfg(test)]
mod tests {
    use super::super::memory::Memory;
    use super::*;
    use crate::expr::{less, operand};

    fn memory(len: usize, seed: usize) -> Memory {
        let mut memory = Memory::zeros(len);
        for (i, value) in memory.as_mut_slice().iter_mut().enumerate() {
            *value = ((i * 29 + seed * 13) % 17) as f32 * 0.25 - 2.0;
        }
        memory
    }

    fn span(of: &Memory) -> Span {
        of.span(0..of.len())
    }

    /// Every way in which an operand broadcasts, over narrow and wide rows, with values and sums. Each
    /// element is what the tree gives in f32; its sum, of numbers with four bits behind the point, is exact.
    #[test]
    fn work_is_what_its_expressions_say() {
        let shapes: [[usize; 2]; 8] = [
            [1, 1],
            [6, 1],
            [6, 7],
            [4, 784],
            [66, 20],
            [2, 1300],
            [1, 40],
            [1200, 2],
        ];
        let mut scratch = Scratch::default();
        for shape in shapes {
            let [rows, columns] = shape;
            let pairs = if rows.is_multiple_of(2) { 2 } else { 1 };
            let [shared, in_turn] = [Rows::Shared(pairs), Rows::InTurn(rows / pairs)];
            let with = |rows, columns| Broadcast { rows, columns };
            let broadcasts = [
                Broadcast::EACH,
                Broadcast::ROW,
                Broadcast::COLUMN,
                Broadcast::SCALAR,
                with(shared, true),
                with(shared, false),
                with(in_turn, true),
                with(in_turn, false),
            ];
            let memories: Vec<Memory> = broadcasts
                .iter()
                .enumerate()
                .map(|(seed, broadcast)| memory(broadcast.len(shape), seed))
                .collect();
            let operands = || {
                let spans = memories.iter().map(span);
                spans.zip(broadcasts).collect::<Vec<_>>()
            };
            let [a, b, c, d, e, f, g, h] = [0, 1, 2, 3, 4, 5, 6, 7].map(operand);
            let value = less(&a, &e, &b + &c * &g, &d - &f);
            let summed = &a + &b + &c + &d + &e + &f + g + h;
            let to = Memory::zeros(rows * columns);
            let sums = Memory::zeros(rows);
            let work = Pointwise::new(
                shape,
                operands(),
                vec![(&value, span(&to))],
                vec![(&summed, span(&sums))],
            )
            .flattened();
            for item in work.items() {
                work.run(item, &mut scratch);
            }
            // SAFETY: nothing writes here.
            let read = |of: &Memory| unsafe { span(of).read() }.to_vec();
            let (found, sums) = (read(&to), read(&sums));
            let of: Vec<Vec<f32>> = memories.iter().map(read).collect();
            for row in 0..rows {
                let at = |column: usize| -> Vec<f32> {
                    let places = broadcasts.iter().zip(&of);
                    let value =
                        |(b, of): (&Broadcast, &Vec<f32>)| of[b.index([row, column], columns)];
                    places.map(value).collect()
                };
                for column in 0..columns {
                    let expected: f32 = value.evaluate(&at(column));
                    assert_eq!(found[row * columns + column], expected, "{shape:?}");
                }
                let total: f32 = (0..columns).map(|c| summed.evaluate::<f32>(&at(c))).sum();
                assert_eq!(sums[row], total, "sum of row {row} of {shape:?}");
            }
        }
    }

    /// Work without sums over operands that no row tells apart runs on one column.
    #[test]
    fn work_in_place_of_an_operand_reads_before_it_writes() {
        let of = memory(5000, 1);
        let before = unsafe_read(&of);
        let value = operand(0) * 2.0 + operand(1);
        let scalar = memory(1, 3);
        let operands = vec![
            (span(&of), Broadcast::EACH),
            (span(&scalar), Broadcast::SCALAR),
        ];
        let work = Pointwise::new([50, 100], operands, vec![(&value, span(&of))], vec![]);
        let work = work.flattened();
        let mut scratch = Scratch::default();
        for item in work.items() {
            work.run(item, &mut scratch);
        }
        let added = unsafe_read(&scalar)[0];
        for (found, before) in unsafe_read(&of).into_iter().zip(before) {
            assert_eq!(found, before * 2.0 + added);
        }
    }

    fn unsafe_read(of: &Memory) -> Vec<f32> {
        // SAFETY: nothing writes meanwhile.
        unsafe { span(of).read() }.to_vec()
    }
}
