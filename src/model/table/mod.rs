//! Rows of a table: a likelihood for each column, of the cells that are there. Nazábal, Olmos, Ghahramani and
//! Valera, *Handling Incomplete Heterogeneous Data using VAEs* (2018).
//!
//! A row `[numbers | counts | words | mask]` is laid out as [`Layout`] says. The decoder's output layer has a unit
//! for each value but the mask's: the mean of a number, ln of the mean of a count, a logit of each word. −ln p of a
//! row is the sum over the columns whose cell is there, each with its own file here:
//!
//! - numbers have the model's likelihood, one of all numbers, with its scale;
//! - counts are negative binomials with a trained dispersion for each column (`counts.rs`);
//! - categories have the softmax of their words' logits (`categories.rs`).
//!
//! The encoder reads numbers as they are, ln(1 + x) of counts, a 1 in the place of a category's word, and the mask
//! beside them. A missing cell has zeros in the place of its values.

mod categories;
mod check;
mod counts;
mod graphs;
mod numbers;

use super::error::VaeError;
use super::likelihood::Outputs;
use super::vae::Vae;
use crate::data::table::Layout;
use crate::expr::{Expr, less, operand};
use crate::graph::{Graph, Operand, TensorId};

pub use counts::COUNT;
pub(super) use counts::dispersion;
pub use graphs::{ImputationGraph, RowGraph};

/// Some columns of rows `[R, n]`, of one kind.
struct Cells {
    /// Rows and values.
    shape: [usize; 2],
    /// What the decoder says of each value, `[R, n]`.
    outputs: TensorId,
    /// The values, `[B, n]`, each row for as many of R as there are draws of it.
    x: Operand,
    /// 1 for each cell that is there and 0 for each that is missing, likewise; `None` where none can be missing.
    mask: Option<Operand>,
}

/// Columns `first..first + columns` of an operand by row and column.
fn columns_of(g: &mut Graph, name: &str, of: Operand, first: usize, columns: usize) -> Operand {
    let all = g.shape(of.tensor).columns() == columns;
    let tensor = match all {
        true => of.tensor,
        false => g.slice(name, of.tensor, first, columns),
    };
    Operand { tensor, ..of }
}

/// A kind of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Numbers,
    Counts,
    Categories,
}

impl Part {
    const ALL: [Self; 3] = [Self::Numbers, Self::Counts, Self::Categories];

    fn name(self) -> &'static str {
        match self {
            Self::Numbers => "numbers",
            Self::Counts => "counts",
            Self::Categories => "words",
        }
    }

    /// The first of its values and how many there are; the first of its columns and how many.
    fn of(self, layout: &Layout) -> [[usize; 2]; 2] {
        let Layout {
            numbers,
            counts,
            ref categories,
            ..
        } = *layout;
        let both = numbers + counts;
        match self {
            Self::Numbers => [[0, numbers]; 2],
            Self::Counts => [[numbers, counts]; 2],
            Self::Categories => [[both, categories.iter().sum()], [both, categories.len()]],
        }
    }

    /// The kinds that a layout has columns of.
    fn all_of(layout: &Layout) -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .filter(|part| part.of(layout)[1][1] > 0)
    }

    /// What the decoder says of its values, `[R, n]`.
    fn outputs(self, g: &mut Graph, layout: &Layout, outputs: &Outputs) -> TensorId {
        let [[first, values], _] = self.of(layout);
        let name = format!("outputs.{}", self.name());
        columns_of(g, &name, outputs.output.into(), first, values).tensor
    }

    /// Its cells.
    fn cells(self, g: &mut Graph, layout: &Layout, outputs: &Outputs, x: Operand) -> Cells {
        let [[first, values], [column, columns]] = self.of(layout);
        let outputs = self.outputs(g, layout, outputs);
        let mask = layout.masked.then(|| {
            let name = format!("mask.{}", self.name());
            columns_of(g, &name, x, layout.values() + column, columns)
        });
        Cells {
            shape: [g.shape(outputs).rows(), values],
            outputs,
            x: columns_of(g, &format!("x.{}", self.name()), x, first, values),
            mask,
        }
    }
}

impl Cells {
    /// What a cell adds to −ln p of its row, where it is there; the mask is the operand of this number.
    fn masked(&self, nll: Expr, mask: usize) -> Expr {
        match self.mask {
            Some(_) => operand(mask) * nll,
            None => nll,
        }
    }

    /// The mask, or where there is none what nothing reads.
    fn mask(&self) -> Operand {
        self.mask.unwrap_or(self.outputs.into())
    }
}

/// −ln p of the cells of each row that are there, in nats `[R]`.
pub(super) fn reconstruction(
    vae: &Vae,
    g: &mut Graph,
    layout: &Layout,
    outputs: &Outputs,
    x: Operand,
) -> TensorId {
    let parts: Vec<_> = Part::all_of(layout).collect();
    let name = |part: Part| match parts[..] {
        [_] => "recon".to_owned(),
        _ => format!("recon.{}", part.name()),
    };
    let mut sums = Vec::new();
    for &part in &parts {
        let cells = part.cells(g, layout, outputs, x);
        let name = name(part);
        sums.push(match part {
            Part::Numbers => numbers::nll(vae, g, &name, &cells, outputs.log_scale),
            Part::Counts => counts::nll(g, &name, &cells),
            Part::Categories => categories::nll(g, &name, &cells, &layout.categories),
        });
    }
    total(g, "recon", &sums)
}

/// The same of each column, `[R, columns]`; 0 of a cell that is missing.
pub(super) fn each(
    vae: &Vae,
    g: &mut Graph,
    layout: &Layout,
    outputs: &Outputs,
    x: Operand,
) -> TensorId {
    let mut columns = Vec::new();
    for part in Part::all_of(layout) {
        let cells = part.cells(g, layout, outputs, x);
        columns.push(match part {
            Part::Numbers => numbers::each(vae, g, &cells, outputs.log_scale),
            Part::Counts => counts::each(g, &cells),
            Part::Categories => categories::each(g, &cells, &layout.categories),
        });
    }
    g.side_by_side("cells", columns).unwrap_or(outputs.output)
}

/// The sum of tensors `[R]`.
fn total(g: &mut Graph, name: &str, of: &[TensorId]) -> TensorId {
    if let [alone] = of {
        return *alone;
    }
    let sum = (1..of.len()).fold(operand(0), |sum, index| sum + operand(index));
    let operands: Vec<_> = of.iter().map(|&one| Operand::from(one)).collect();
    g.pointwise(name, [g.shape(of[0]).rows(), 1], sum, &operands)
}

/// E\[x | z\] of each value but the mask's, `[R, values]`: the probability of a word.
pub(super) fn mean(g: &mut Graph, layout: &Layout, outputs: &Outputs) -> TensorId {
    let mut means = Vec::new();
    for part in Part::all_of(layout) {
        let of = part.outputs(g, layout, outputs);
        means.push(match part {
            Part::Numbers => of,
            Part::Counts => counts::mean(g, of),
            Part::Categories => categories::mean(g, of, &layout.categories),
        });
    }
    g.side_by_side("mean", means).unwrap_or(outputs.output)
}

/// Rows `[B, D]` as the encoder sees them: ln(1 + x) of counts, and all else as it is.
pub(super) fn encoder_input(g: &mut Graph, layout: &Layout, x: TensorId) -> TensorId {
    if layout.counts == 0 {
        return x;
    }
    let shape = [g.shape(x).rows(), g.shape(x).columns()];
    let counts = layout.numbers..layout.numbers + layout.counts;
    let is_count: Vec<f32> = (0..shape[1])
        .map(|of| f32::from(counts.contains(&of)))
        .collect();
    let is_count = Operand::column(g.values("encoder.counts", [shape[1]], is_count));
    // A number below −1 has no such logarithm, though it is not the one that is taken.
    let seen = less(0.5, operand(1), operand(0).max(0.0).ln1p(), operand(0));
    g.pointwise("encoder.log1p", shape, seen, &[x.into(), is_count])
}

#[cfg(test)]
mod tests;
