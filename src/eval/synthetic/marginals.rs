//! Whether each column by itself is distributed alike.

use serde::Serialize;

use super::Sample;
use crate::data::table::{Cell, Kind, Schema};

/// How a column of the synthetic table differs from the real one's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Marginal {
    /// The column.
    pub column: String,
    /// What the difference is: `ks`, Kolmogorov and Smirnov's, the largest distance of the two distribution functions,
    /// of numbers; `tv`, the total variation, half the sum of the distances of the shares, of words.
    pub measure: &'static str,
    /// From 0, alike, to 1, nothing in common; `None` where one table has no cell there.
    pub difference: Option<f64>,
    /// Share of cells that are missing in the real and in the synthetic table.
    pub missing: [f64; 2],
    /// Means of the numbers.
    pub mean: Option<[f64; 2]>,
    /// Standard deviations of the numbers.
    pub deviation: Option<[f64; 2]>,
}

/// Of every column.
pub(super) fn of_both(schema: &Schema, both: [&Sample; 2]) -> Vec<Marginal> {
    let columns = schema.columns.iter().enumerate();
    columns
        .map(|(index, column)| {
            let missing = both.map(|sample| {
                let missing = sample.column(index).filter(|cell| *cell == Cell::Missing);
                missing.count() as f64 / (sample.drawn() as f64).max(1.0)
            });
            let (measure, difference, moments) = match &column.kind {
                Kind::Category { words } => (
                    "tv",
                    total_variation(both.map(|sample| shares(sample, index, words.len()))),
                    None,
                ),
                _ => {
                    let values = both.map(|sample| numbers(sample, index));
                    let moments = [&values[0], &values[1]].map(|values| moments(values));
                    ("ks", kolmogorov_smirnov(values), Some(moments))
                }
            };
            Marginal {
                column: column.name.clone(),
                measure,
                difference,
                missing,
                mean: moments.map(|both| both.map(|[mean, _]| mean)),
                deviation: moments.map(|both| both.map(|[_, deviation]| deviation)),
            }
        })
        .collect()
}

/// The numbers of a column that are there.
pub(super) fn numbers(sample: &Sample, column: usize) -> Vec<f64> {
    let numbers = sample.column(column).filter_map(|cell| match cell {
        Cell::Number(number) => Some(number),
        _ => None,
    });
    numbers.collect()
}

/// Mean and standard deviation, as of a whole population.
pub(super) fn moments(values: &[f64]) -> [f64; 2] {
    let count = (values.len() as f64).max(1.0);
    let mean = values.iter().sum::<f64>() / count;
    let squares = values.iter().map(|value| (value - mean) * (value - mean));
    [mean, (squares.sum::<f64>() / count).sqrt()]
}

/// The share of each word among the cells that are there; empty where none is.
fn shares(sample: &Sample, column: usize, words: usize) -> Vec<f64> {
    let mut counts = vec![0.0; words];
    for cell in sample.column(column) {
        if let Cell::Word(word) = cell {
            counts[word] += 1.0;
        }
    }
    let all: f64 = counts.iter().sum();
    if all == 0.0 {
        return Vec::new();
    }
    counts.iter_mut().for_each(|count| *count /= all);
    counts
}

fn total_variation([real, synthetic]: [Vec<f64>; 2]) -> Option<f64> {
    let pairs = real.iter().zip(&synthetic);
    let are_there = !real.is_empty() && !synthetic.is_empty();
    are_there.then(|| pairs.map(|(p, q)| (p - q).abs()).sum::<f64>() / 2.0)
}

/// The largest distance of the two distribution functions.
fn kolmogorov_smirnov(mut both: [Vec<f64>; 2]) -> Option<f64> {
    if both.iter().any(Vec::is_empty) {
        return None;
    }
    for values in &mut both {
        values.sort_unstable_by(f64::total_cmp);
    }
    let [real, synthetic] = &both;
    let (mut i, mut j, mut most) = (0, 0, 0.0_f64);
    while i < real.len() && j < synthetic.len() {
        let value = real[i].min(synthetic[j]);
        i += real[i..]
            .iter()
            .take_while(|&&other| other == value)
            .count();
        j += synthetic[j..]
            .iter()
            .take_while(|&&other| other == value)
            .count();
        let distance = i as f64 / real.len() as f64 - j as f64 / synthetic.len() as f64;
        most = most.max(distance.abs());
    }
    Some(most)
}
