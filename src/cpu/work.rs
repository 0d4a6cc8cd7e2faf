//! The works of a step: each computes some tensors, in items that threads take in any order.

use std::ops::Range;

use super::adam::{Adam, SquareSums};
use super::beside;
use super::math;
use super::memory::Span;
use super::moment::{Batches, Moment};
use super::noise::Noise;
use super::pointwise::{Pointwise, blocks};
use super::product::{Block, Product};
use super::scratch::Scratch;
use super::tape::sum;
use crate::executor::Values;
use crate::graph::{Ramp, Reduction};
use crate::reference::lookup::row as row_of;
use crate::reference::reduce::first_largest;

/// Values of an item of what only moves them.
const ITEM: usize = 16 * 1024;

/// One work, with its arrays.
#[derive(Debug)]
pub(super) enum Work {
    /// `x [rows, dim]`: the next images, bytes as 0 to 1.
    Gather {
        x: Span,
        dim: usize,
    },
    /// `y [rows, classes]`: their labels.
    OneHot {
        y: Span,
        classes: usize,
    },
    /// A draw.
    Noise(Noise),
    /// Each value is `scale` times the ramp.
    Ramp {
        scale: f64,
        ramp: Ramp,
        values: Span,
    },
    Product(Product),
    Pointwise(Pointwise),
    /// `sum [columns]` of the rows of `a`.
    ColumnSum {
        a: Span,
        sum: Span,
    },
    /// `y [rows, columns]` of `x [rows · axis, columns]`.
    Reduce {
        function: Reduction,
        axis: usize,
        columns: usize,
        x: Span,
        y: Span,
    },
    /// `y [rows, columns]`: the rows of `table` that `index` says.
    Lookup {
        table: Span,
        index: Span,
        y: Span,
        columns: usize,
    },
    /// Columns of rows, part by part.
    Copy {
        rows: usize,
        parts: Vec<Part>,
    },
    SquareSums(SquareSums),
    Adam(Adam),
    /// The objective and its terms, of the weight, the ramp and the rows of each.
    Losses(Vec<(f64, Ramp, Span)>),
}

/// `columns` columns from `from_first` of rows of `from_width` to `to_first` of rows of `to_width`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) from: Span,
    pub(super) from_width: usize,
    pub(super) from_first: usize,
    pub(super) to: Span,
    pub(super) to_width: usize,
    pub(super) to_first: usize,
    pub(super) columns: usize,
}

/// A piece of a work that one thread does.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// Rows, values or columns, as the work has it.
    Range(Range<usize>),
    /// Of a product.
    Block(Block),
}

impl Work {
    /// Its items; they follow from sizes alone.
    pub(super) fn items(&self) -> Vec<Item> {
        let ranges = match self {
            Self::Product(product) => {
                return product.blocks().into_iter().map(Item::Block).collect();
            }
            Self::Gather { x, dim } => blocks(x.len() / dim.max(&1), rows_of(*dim)),
            Self::OneHot { y, classes } => blocks(y.len() / classes.max(&1), rows_of(*classes)),
            Self::Noise(noise) => noise.items(),
            Self::Pointwise(pointwise) => pointwise.items(),
            Self::ColumnSum { a, sum } => {
                let rows = a.len() / sum.len().max(1);
                blocks(sum.len(), (ITEM / rows.max(1)).next_multiple_of(16).max(16))
            }
            Self::Reduce {
                axis, columns, y, ..
            } => blocks(y.len() / columns.max(&1), rows_of(axis * columns)),
            Self::Lookup { y, columns, .. } => blocks(y.len() / columns.max(&1), rows_of(*columns)),
            Self::Copy { rows, parts } => {
                let columns: usize = parts.iter().map(|part| part.columns).sum();
                blocks(*rows, rows_of(columns))
            }
            Self::SquareSums(sums) => sums.items(),
            Self::Adam(adam) => adam.items(),
            #[expect(
                clippy::single_range_in_vec_init,
                reason = "one item, which is all of it"
            )]
            Self::Ramp { .. } | Self::Losses(_) => vec![0..1],
        };
        ranges.into_iter().map(Item::Range).collect()
    }

    /// Does an item, with the widest vectors that the processor has.
    pub(super) fn run(&self, item: &Item, moment: &Moment<'_>, scratch: &mut Scratch) {
        pulp::Arch::new().dispatch(Run {
            work: self,
            item,
            moment,
            scratch,
        });
    }

    #[inline(always)]
    fn run_here(&self, item: &Item, moment: &Moment<'_>, scratch: &mut Scratch) {
        let range = match (self, item) {
            (Self::Product(product), Item::Block(block)) => {
                return product.run(block, scratch);
            }
            (_, Item::Range(range)) => range.clone(),
            (_, Item::Block(_)) => unreachable!("only products have blocks"),
        };
        match self {
            Self::Gather { x, dim } => gather(*x, *dim, range, moment),
            Self::OneHot { y, classes } => one_hot(*y, *classes, range, moment),
            Self::Noise(noise) => noise.run(range, moment.seed, moment.step),
            Self::Ramp {
                scale,
                ramp,
                values,
            } => {
                // SAFETY: the values are this item's.
                unsafe { values.write() }.fill((scale * ramp.at(moment.step)) as f32);
            }
            Self::Pointwise(pointwise) => pointwise.run(range, scratch),
            Self::ColumnSum { a, sum } => column_sum(*a, *sum, range),
            &Self::Reduce {
                function,
                axis,
                columns,
                x,
                y,
            } => reduce(function, axis, columns, x, y, range),
            &Self::Lookup {
                table,
                index,
                y,
                columns,
            } => lookup(table, index, y, columns, range),
            Self::Copy { parts, .. } => parts.iter().for_each(|part| part.copy(range.clone())),
            Self::SquareSums(sums) => sums.run(range),
            Self::Adam(adam) => adam.run(range, moment.step),
            Self::Losses(terms) => losses(terms, moment),
            Self::Product(_) => unreachable!("a product's items are blocks"),
        }
    }
}

/// An item to be run. What is compiled for each kind of vectors is all that `call` inlines, so that the
/// functions on the way down to the loops are `#[inline(always)]`.
struct Run<'a> {
    work: &'a Work,
    item: &'a Item,
    moment: &'a Moment<'a>,
    scratch: &'a mut Scratch,
}

impl pulp::NullaryFnOnce for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.work.run_here(self.item, self.moment, self.scratch);
    }
}

/// Rows of so many values that make an item.
fn rows_of(values: usize) -> usize {
    ITEM.div_ceil(values.max(1)).max(1)
}

fn batches<'a>(moment: &Moment<'a>) -> Batches<'a> {
    match moment.batches {
        Some(batches) => batches,
        None => unreachable!("the graph gathers batches, but there is no data set"),
    }
}

#[inline(always)]
fn gather(x: Span, dim: usize, rows: Range<usize>, moment: &Moment<'_>) {
    let of = batches(moment);
    // SAFETY: these rows are this item's.
    let to = unsafe { x.part(rows.start * dim..rows.end * dim).write() };
    let images = &of.order[of.position..][rows];
    for (row, to) in to.chunks_exact_mut(dim).enumerate() {
        let image = images[row] as usize;
        let place = image * dim..(image + 1) * dim;
        match of.pixels {
            Values::Bytes(bytes) => {
                beside::with(to, &bytes[place], |to, &pixel| {
                    *to = f32::from(pixel) / 255.0
                });
            }
            Values::Floats(floats) => to.copy_from_slice(&floats[place]),
        }
    }
}

#[inline(always)]
fn one_hot(y: Span, classes: usize, rows: Range<usize>, moment: &Moment<'_>) {
    let of = batches(moment);
    // SAFETY: these rows are this item's.
    let to = unsafe { y.part(rows.start * classes..rows.end * classes).write() };
    to.fill(0.0);
    let images = &of.order[of.position..][rows];
    for (row, to) in to.chunks_exact_mut(classes).enumerate() {
        to[usize::from(of.labels[images[row] as usize])] = 1.0;
    }
}

/// In f64, down the rows of some columns.
#[inline(always)]
fn column_sum(a: Span, sum: Span, columns: Range<usize>) {
    let width = sum.len();
    // SAFETY: nobody writes the operand, and these sums are this item's.
    let (a, sums) = unsafe { (a.read(), sum.part(columns.clone()).write()) };
    for (number, sums) in sums.chunks_mut(16).enumerate() {
        let first = columns.start + 16 * number;
        let mut totals = [0.0f64; 16];
        for row in a.chunks_exact(width) {
            beside::with(
                &mut totals,
                &row[first..first + sums.len()],
                |total, value| {
                    *total += f64::from(*value);
                },
            );
        }
        beside::with(sums, &totals, |sum, total| *sum = *total as f32);
    }
}

#[inline(always)]
fn reduce(function: Reduction, axis: usize, columns: usize, x: Span, y: Span, rows: Range<usize>) {
    // SAFETY: nobody writes the operand, and these rows are this item's.
    let (x, y) = unsafe {
        (
            x.part(rows.start * axis * columns..rows.end * axis * columns)
                .read(),
            y.part(rows.start * columns..rows.end * columns).write(),
        )
    };
    let groups = x.chunks_exact(axis * columns);
    for (group, to) in groups.zip(y.chunks_exact_mut(columns)) {
        for (column, to) in to.iter_mut().enumerate() {
            let values = || group.iter().skip(column).step_by(columns).copied();
            *to = match function {
                Reduction::Sum => values().map(f64::from).sum::<f64>() as f32,
                Reduction::LogSumExp => {
                    let largest = values().fold(f32::NEG_INFINITY, math::max);
                    let parts = values().map(|x| f64::from(math::exp(x - largest)));
                    (f64::from(largest) + parts.sum::<f64>().ln()) as f32
                }
                Reduction::Max => first_largest(values().map(f64::from)).1 as f32,
                Reduction::ArgMax => first_largest(values().map(f64::from)).0 as f32,
            };
        }
    }
}

#[inline(always)]
fn lookup(table: Span, index: Span, y: Span, columns: usize, rows: Range<usize>) {
    // SAFETY: nobody writes the operands, and these rows are this item's.
    let (table, index, y) = unsafe {
        (
            table.read(),
            index.part(rows.clone()).read(),
            y.part(rows.start * columns..rows.end * columns).write(),
        )
    };
    let last = table.len() / columns - 1;
    for (to, &index) in y.chunks_exact_mut(columns).zip(index) {
        let row = row_of(index.into(), last);
        to.copy_from_slice(&table[row * columns..][..columns]);
    }
}

impl Part {
    #[inline(always)]
    fn copy(&self, rows: Range<usize>) {
        for row in rows {
            let from = row * self.from_width + self.from_first;
            let to = row * self.to_width + self.to_first;
            // SAFETY: nobody writes the operand, and this row's columns are this item's.
            let (from, to) = unsafe {
                (
                    self.from.part(from..from + self.columns).read(),
                    self.to.part(to..to + self.columns).write(),
                )
            };
            to.copy_from_slice(from);
        }
    }
}

fn losses(terms: &[(f64, Ramp, Span)], moment: &Moment<'_>) {
    // SAFETY: nobody writes the rows, and the line of the log is this item's.
    let line = unsafe { moment.losses.write() };
    let mut objective = 0.0;
    for ((weight, ramp, rows), to) in terms.iter().zip(&mut line[1..]) {
        // SAFETY: as above.
        let mean = sum(unsafe { rows.read() }) / rows.len() as f64;
        objective += weight * ramp.at(moment.step) * mean;
        *to = mean as f32;
    }
    line[0] = objective as f32;
}
