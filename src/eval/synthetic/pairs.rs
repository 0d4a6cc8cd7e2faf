//! Whether pairs of columns go together alike.

use serde::Serialize;

use super::Sample;
use crate::data::table::{Cell, Kind, Schema};

/// Pairs that are named: those that differ most.
const NAMED: usize = 5;
/// Pairs times rows that are looked at; of more pairs, fewer rows.
const WORK: usize = 1 << 30;

/// How pairs of columns differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pairs {
    /// Pairs that could be compared.
    pub count: usize,
    /// The mean of their differences.
    pub mean: f64,
    /// The pairs that differ most, the largest difference first.
    pub largest: Vec<Pair>,
}

/// How two columns go together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// Both columns.
    pub columns: [String; 2],
    /// What says it: `pearson`, the correlation of numbers, from −1 to 1; `correlation-ratio`, η, the share of a number's
    /// deviation that lies between the categories, from 0 to 1; `cramers-v` of categories, from 0 to 1.
    pub measure: &'static str,
    /// In the real table.
    pub real: f64,
    /// In the synthetic one; 0 where one of the columns has a single value there.
    pub synthetic: f64,
    /// The distance of both.
    pub difference: f64,
}

/// Of every pair of columns that says something in the real table.
pub(super) fn of_both(schema: &Schema, both: [&Sample; 2]) -> Pairs {
    let columns = schema.columns.len();
    let pairs = columns * columns.saturating_sub(1) / 2;
    let rows = (WORK / pairs.max(1)).max(500);
    let values: Vec<_> = (0..columns)
        .map(|index| both.map(|sample| sample.column(index).take(rows).collect::<Vec<_>>()))
        .collect();
    let words = |index: usize| match &schema.columns[index].kind {
        Kind::Category { words } => Some(words.len()),
        _ => None,
    };
    let mut found = Vec::new();
    for a in 0..columns {
        for b in a + 1..columns {
            let (measure, [real, synthetic]) = match (words(a), words(b)) {
                (None, None) => (
                    "pearson",
                    [0, 1].map(|s| pearson(&values[a][s], &values[b][s])),
                ),
                (Some(count), None) => (
                    "correlation-ratio",
                    [0, 1].map(|s| ratio(&values[a][s], count, &values[b][s])),
                ),
                (None, Some(count)) => (
                    "correlation-ratio",
                    [0, 1].map(|s| ratio(&values[b][s], count, &values[a][s])),
                ),
                (Some(m), Some(n)) => (
                    "cramers-v",
                    [0, 1].map(|s| cramers_v([m, n], &values[a][s], &values[b][s])),
                ),
            };
            let Some(real) = real else { continue };
            let synthetic = synthetic.unwrap_or(0.0);
            found.push(Pair {
                columns: [a, b].map(|index| schema.columns[index].name.clone()),
                measure,
                real,
                synthetic,
                difference: (real - synthetic).abs(),
            });
        }
    }
    let count = found.len();
    let mean = found.iter().map(|pair| pair.difference).sum::<f64>() / (count as f64).max(1.0);
    found.sort_by(|a, b| b.difference.total_cmp(&a.difference));
    found.truncate(NAMED);
    Pairs {
        count,
        mean,
        largest: found,
    }
}

/// Pearson's correlation of the rows in which both are there; `None` where one has a single value.
fn pearson(a: &[Cell], b: &[Cell]) -> Option<f64> {
    let pairs = a.iter().zip(b).filter_map(|pair| match pair {
        (Cell::Number(a), Cell::Number(b)) => Some((*a, *b)),
        _ => None,
    });
    let count = pairs.clone().count() as f64;
    let (sum_a, sum_b) = pairs
        .clone()
        .fold((0.0, 0.0), |(x, y), (a, b)| (x + a, y + b));
    let (mean_a, mean_b) = (sum_a / count, sum_b / count);
    let [mut aa, mut bb, mut ab] = [0.0; 3];
    for (a, b) in pairs {
        let (a, b) = (a - mean_a, b - mean_b);
        aa += a * a;
        bb += b * b;
        ab += a * b;
    }
    let product = (aa * bb).sqrt();
    (product > 0.0).then(|| (ab / product).clamp(-1.0, 1.0))
}

/// The correlation ratio η of numbers by their categories: the root of the share of the variance that lies between the
/// categories' means.
fn ratio(categories: &[Cell], words: usize, numbers: &[Cell]) -> Option<f64> {
    let pairs = categories
        .iter()
        .zip(numbers)
        .filter_map(|pair| match pair {
            (Cell::Word(word), Cell::Number(number)) => Some((*word, *number)),
            _ => None,
        });
    let mut groups = vec![(0.0, 0.0); words];
    let (mut count, mut sum) = (0.0, 0.0);
    for (word, number) in pairs.clone() {
        groups[word].0 += 1.0;
        groups[word].1 += number;
        count += 1.0;
        sum += number;
    }
    let mean = sum / count;
    let all: f64 = pairs
        .map(|(_, number)| (number - mean) * (number - mean))
        .sum();
    let groups = groups.iter().filter(|(count, _)| *count > 0.0);
    let is_one = groups.clone().count() < 2;
    let between: f64 = groups
        .map(|(count, sum)| count * (sum / count - mean) * (sum / count - mean))
        .sum();
    (all > 0.0 && !is_one).then(|| (between / all).sqrt().min(1.0))
}

/// Cramér's V, from χ² of the table of both, without a correction of its bias.
fn cramers_v([m, n]: [usize; 2], a: &[Cell], b: &[Cell]) -> Option<f64> {
    let mut table = vec![0.0; m * n];
    let mut count = 0.0;
    for pair in a.iter().zip(b) {
        if let (Cell::Word(a), Cell::Word(b)) = pair {
            table[a * n + b] += 1.0;
            count += 1.0;
        }
    }
    let rows: Vec<f64> = table.chunks(n.max(1)).map(|row| row.iter().sum()).collect();
    let columns: Vec<f64> = (0..n)
        .map(|b| table.iter().skip(b).step_by(n).sum())
        .collect();
    let several = |sums: &[f64]| sums.iter().filter(|&&sum| sum > 0.0).count();
    let least = several(&rows).min(several(&columns));
    if least < 2 {
        return None;
    }
    let mut chi = 0.0;
    for (row, cells) in rows.iter().zip(table.chunks(n)) {
        for (column, cell) in columns.iter().zip(cells) {
            let expected = row * column / count;
            if expected > 0.0 {
                chi += (cell - expected) * (cell - expected) / expected;
            }
        }
    }
    Some((chi / (count * (least - 1) as f64)).sqrt().min(1.0))
}
