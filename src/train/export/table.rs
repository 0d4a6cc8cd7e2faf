//! The rows of a table in a file: a number for each column, in the table's own units.

use crate::data::table::{Column, Kind, Schema};
use crate::expr::{less, operand};
use crate::graph::{Graph, Operand, TensorId};

/// What is taken from each column and what it is then divided by, so that it is what a model reads: 0 and 1 of counts
/// and of the numbers of words.
pub(super) fn standardisation(schema: &Schema) -> [Vec<f64>; 2] {
    let of = |column: &Column| match column.kind {
        Kind::Number { mean, deviation } => (mean, deviation),
        Kind::Count | Kind::Category { .. } => (0.0, 1.0),
    };
    let (means, deviations) = schema.columns.iter().map(of).unzip();
    [means, deviations]
}

/// The row of a model, `[B, D]` as [`Layout`](crate::data::table::Layout) has it, from the cells of the table's columns
/// `[B, C]`: standardised numbers, counts, numbers of words, NaN where a cell is missing.
pub(super) fn write_row(g: &mut Graph, schema: &Schema, cells: TensorId) -> TensorId {
    let batch = g.shape(cells).rows();
    let mut runs = runs(schema);
    // As a layout has them: numbers, counts, categories, each kind in its order.
    runs.sort_by_key(|&(.., kind)| kind);
    let mut parts = Vec::new();
    for &(first, columns, _) in &runs {
        let name = format!("x.{}", schema.columns[first].name);
        let own = g.slice(&name, cells, first, columns);
        parts.push(match &schema.columns[first].kind {
            Kind::Category { words } => {
                let codes: Vec<_> = (0..words.len()).map(|word| word as f32).collect();
                let codes = g.values(&format!("{name}.codes"), [words.len()], codes);
                let distance = (operand(0) - operand(1)).abs();
                let is_word = less(distance, 0.5, 1.0, 0.0);
                let operands = [Operand::row(own), Operand::column(codes)];
                g.pointwise(&name, [batch, words.len()], is_word, &operands)
            }
            _ => {
                let there = less(operand(0).abs(), f64::from(f32::MAX), operand(0), 0.0);
                g.pointwise(&name, [batch, columns], there, &[own.into()])
            }
        });
    }
    for &(first, columns, _) in runs.iter().filter(|_| schema.masked) {
        let name = format!("mask.{}", schema.columns[first].name);
        let own = g.slice(&name, cells, first, columns);
        // No comparison with NaN holds.
        let there = match &schema.columns[first].kind {
            Kind::Category { words } => {
                let below = less(operand(0), words.len() as f64 - 0.5, 1.0, 0.0);
                less(-0.5, operand(0), below, 0.0)
            }
            _ => less(operand(0).abs(), f64::from(f32::MAX), 1.0, 0.0),
        };
        parts.push(g.pointwise(&name, [batch, columns], there, &[own.into()]));
    }
    g.side_by_side("x.row", parts).unwrap_or(cells)
}

/// What a decoder says of the columns, in the table's order and units, from `[B, V]` as the model has it: the mean of
/// a number or a count, of a category the probability of each word.
pub(super) fn write_columns(g: &mut Graph, schema: &Schema, mean: TensorId) -> TensorId {
    let batch = g.shape(mean).rows();
    let places = schema.places();
    let mut parts = Vec::new();
    for (first, columns, _) in runs(schema) {
        let own = &schema.columns[first..first + columns];
        let name = format!("mean.{}", own[0].name);
        let width = own.iter().map(Column::width).sum();
        let part = g.slice(&name, mean, places[first].start, width);
        parts.push(match own[0].kind {
            Kind::Number { .. } => {
                let [means, deviations] = standardisation(schema).map(|all| {
                    let all = all[first..first + columns].iter();
                    all.map(|&number| number as f32).collect::<Vec<_>>()
                });
                let means = g.values(&format!("{name}.means"), [columns], means);
                let deviations = g.values(&format!("{name}.deviations"), [columns], deviations);
                let units = operand(0) * operand(2) + operand(1);
                let operands = [
                    part.into(),
                    Operand::column(means),
                    Operand::column(deviations),
                ];
                g.pointwise(&name, [batch, columns], units, &operands)
            }
            Kind::Count | Kind::Category { .. } => part,
        });
    }
    g.side_by_side("mean.columns", parts).unwrap_or(mean)
}

/// Columns that are written in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Alike {
    Number,
    Count,
    Category,
}

/// Neighbours that are written together, as the first of them, how many they are, and what they are; each category by
/// itself. A layout has the numbers, and the counts, in their order, so that they are neighbours there too.
fn runs(schema: &Schema) -> Vec<(usize, usize, Alike)> {
    let mut runs: Vec<(usize, usize, Alike)> = Vec::new();
    for (number, column) in schema.columns.iter().enumerate() {
        let alike = match column.kind {
            Kind::Number { .. } => Alike::Number,
            Kind::Count => Alike::Count,
            Kind::Category { .. } => Alike::Category,
        };
        match runs.last_mut() {
            Some((_, columns, last)) if *last == alike && alike != Alike::Category => *columns += 1,
            _ => runs.push((number, 1, alike)),
        }
    }
    runs
}
