//! The rows of an array as those of a table of numbers.

use std::sync::Arc;

use super::kinds::Moments;
use super::{Cell, Codec, Column, Form, Kind, Schema, Seen};

/// The table of an array's rows, `[rows, columns]`: numbers, NaN where a cell is missing. Columns are called by their
/// numbers from 1. `is_train` says which rows count for means and deviations.
pub fn schema_of_array(values: &[f32], columns: usize, is_train: impl Fn(usize) -> bool) -> Schema {
    let mut moments = vec![Moments::default(); columns];
    let mut missing = vec![0; columns];
    let mut masked = false;
    for (row, values) in values.chunks_exact(columns.max(1)).enumerate() {
        for (column, value) in values.iter().enumerate() {
            let is_missing = value.is_nan();
            masked |= is_missing;
            match (is_train(row), is_missing) {
                (true, true) => missing[column] += 1,
                (true, false) => moments[column].add(f64::from(*value), Form::Float),
                _ => {}
            }
        }
    }
    let columns = moments.iter().zip(missing).enumerate();
    let columns = columns.map(|(index, (moments, missing))| {
        let (mean, deviation) = moments.standard();
        Column {
            name: (index + 1).to_string(),
            kind: Kind::Number { mean, deviation },
            seen: Seen {
                missing,
                least: moments.least,
                greatest: moments.greatest,
                ..Seen::default()
            },
        }
    });
    Schema {
        columns: columns.collect(),
        masked,
        ..Schema::default()
    }
}

/// The rows of a model, `[rows, layout.width()]`, of an array's, `[rows, columns]`, NaN where a cell is missing.
/// `None` where the array has another number of columns than the schema, or the schema has others than numbers.
pub fn rows_of_array(values: &[f32], schema: &Arc<Schema>) -> Option<Vec<f32>> {
    let columns = schema.columns.len();
    let are_numbers = schema
        .columns
        .iter()
        .all(|column| !matches!(column.kind, Kind::Category { .. }));
    if columns == 0 || !values.len().is_multiple_of(columns) || !are_numbers {
        return None;
    }
    let codec = Codec::new(Arc::clone(schema));
    let mut rows = Vec::with_capacity(values.len() / columns * codec.layout().width());
    let mut cells = Vec::with_capacity(columns);
    for row in values.chunks_exact(columns) {
        cells.clear();
        cells.extend(row.iter().map(|&value| match value.is_nan() {
            true => Cell::Missing,
            false => Cell::Number(f64::from(value)),
        }));
        codec.encode(&cells, &mut rows);
    }
    Some(rows)
}
