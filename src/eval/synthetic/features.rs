//! Rows as points: numbers in the real table's deviations, words as corners, and which cells are missing.

use super::{Sample, marginals};
use crate::data::table::{Cell, Kind, Schema};

/// The rows of both tables as points.
pub(super) struct Features {
    /// Values of a point.
    pub(super) width: usize,
    /// The real rows, `[rows, width]`.
    pub(super) real: Vec<f32>,
    /// The synthetic rows, `[rows, width]`.
    pub(super) synthetic: Vec<f32>,
}

/// How a column becomes values.
enum Form {
    Number { mean: f64, deviation: f64 },
    Words(usize),
}

/// The rows of both samples.
pub(super) fn of_both(schema: &Schema, both: [&Sample; 2]) -> Features {
    let columns: Vec<_> = schema
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let form = match &column.kind {
                Kind::Category { words } => Form::Words(words.len()),
                _ => {
                    let [mean, deviation] = marginals::moments(&marginals::numbers(both[0], index));
                    let deviation = if deviation > 0.0 { deviation } else { 1.0 };
                    Form::Number { mean, deviation }
                }
            };
            let is_masked = both
                .iter()
                .any(|sample| sample.column(index).any(|cell| cell == Cell::Missing));
            (form, is_masked)
        })
        .collect();
    let values = |(form, is_masked): &(Form, bool)| {
        let values = match form {
            Form::Number { .. } => 1,
            Form::Words(words) => *words,
        };
        values + usize::from(*is_masked)
    };
    let width = columns.iter().map(values).sum();
    let points = both.map(|sample| {
        let mut points = vec![0.0; sample.drawn() * width];
        let mut start = 0;
        for (index, column) in columns.iter().enumerate() {
            let (form, is_masked) = column;
            let end = start + values(column);
            for (row, cell) in sample.column(index).enumerate() {
                let point = &mut points[row * width..][start..end];
                match (form, cell) {
                    (Form::Number { mean, deviation }, Cell::Number(number)) => {
                        point[0] = ((number - mean) / deviation) as f32;
                    }
                    // Two words are 1 apart.
                    (Form::Words(_), Cell::Word(word)) => {
                        point[word] = std::f32::consts::FRAC_1_SQRT_2
                    }
                    _ if *is_masked => point[end - start - 1] = 1.0,
                    _ => {}
                }
            }
            start = end;
        }
        points
    });
    let [real, synthetic] = points;
    Features {
        width,
        real,
        synthetic,
    }
}
