//! Whether synthetic rows are copies of real ones.

use std::thread;

use serde::Serialize;

use super::Sample;
use super::features::Features;

/// Rows of each table whose nearest real row is looked for.
const ASKED: usize = 2_000;
/// The least rows of each table that say something.
const FEW: usize = 10;

/// How near synthetic rows are to real ones, beside how near real ones are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Closest {
    /// The median of the distance from a synthetic row to the nearest real one: Euclidean, of numbers in the real table's
    /// standard deviations, where two words are 1 apart and a missing cell is 1 from one that is there.
    pub synthetic: f64,
    /// The median of the distance from a real row to the nearest other real one.
    pub real: f64,
    /// Share of all synthetic rows that are a real one in every cell.
    pub copies: f64,
    /// Share of all real rows that are an earlier real one in every cell.
    pub real_copies: f64,
}

pub(super) fn of(features: &Features, [real, synthetic]: [&Sample; 2]) -> Option<Closest> {
    let width = features.width;
    if width == 0 || real.drawn() < FEW || synthetic.drawn() < FEW {
        return None;
    }
    let rows = |points: &[f32]| (points.len() / width).min(ASKED) * width;
    let known = &features.real;
    let asked = &features.synthetic[..rows(&features.synthetic)];
    let others = &known[..rows(known)];
    Some(Closest {
        synthetic: median(nearest(asked, known, width, false)),
        real: median(nearest(others, known, width, true)),
        copies: synthetic.copies(),
        real_copies: real.copies(),
    })
}

/// The distance from each point to the nearest known one; where the points are the first of these, to the nearest other.
fn nearest(points: &[f32], known: &[f32], width: usize, are_known: bool) -> Vec<f64> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let rows = points.len() / width;
    let share = rows.div_ceil(threads).max(1);
    let of = |index: usize, point: &[f32]| {
        let mut least = f32::INFINITY;
        for (number, other) in known.chunks_exact(width).enumerate() {
            if are_known && number == index {
                continue;
            }
            let squares = point.iter().zip(other).map(|(a, b)| (a - b) * (a - b));
            least = least.min(squares.sum());
        }
        f64::from(least).sqrt()
    };
    thread::scope(|scope| {
        let parts = points
            .chunks(share * width)
            .enumerate()
            .map(|(part, points)| {
                let points = points.chunks(width).enumerate();
                scope.spawn(move || {
                    points
                        .map(|(index, point)| of(part * share + index, point))
                        .collect::<Vec<_>>()
                })
            });
        let parts: Vec<_> = parts.collect();
        let found = parts.into_iter().map(|part| part.join());
        found
            .flat_map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// The value in the middle; of an even number the mean of both.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() % 2 {
        0 => (values[half - 1] + values[half]) / 2.0,
        _ => values[half],
    }
}
