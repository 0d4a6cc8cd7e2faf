//! Sums and other reductions.

use super::{EPS, Expected, Job, Results};
use crate::graph::Reduction;
use crate::reference;

/// Every row is one addition.
pub(super) fn column_sum(job: Job<'_>) -> Results {
    let [rows, columns, part] = job.params();
    let a = job.floats(0);
    let parts = rows.div_ceil(part).max(1);
    let sum = |at: usize| {
        let [index, column] = [at / columns, at % columns];
        let of = (index * part..rows.min((index + 1) * part)).map(|row| a[row * columns + column]);
        let size: f64 = of.clone().map(f64::abs).sum();
        let allowed = part.min(rows) as f64 * EPS * size;
        ((1, at), Expected::float(of.sum(), allowed))
    };
    (0..parts * columns).map(sum).collect()
}

/// All terms are positive, so that each sum rounds the result once: of a lane's vectors, of a vector and
/// of the lanes; and a square before, or a root of 4.5 ULP after, which halves what came before it.
pub(super) fn gradient_norm(job: Job<'_>) -> Results {
    let [len, first] = job.params();
    let x = job.floats(0);
    let groups = job.launch.grid[0] as usize;
    let lanes = job.constant("LANES") as usize;
    let is_last = job.is_on("LAST");
    let mut totals = vec![0.0; groups];
    for (index, x) in x[..len].iter().enumerate() {
        totals[index / (4 * lanes) % groups] += if is_last { *x } else { x * x };
    }
    let roundings = (len.div_ceil(4 * lanes * groups) + 3 + lanes) as f64;
    let total = |(group, total): (usize, f64)| {
        let expected = match is_last {
            true => Expected::float(total.sqrt(), (roundings / 2.0 + 4.5) * EPS * total.sqrt()),
            false => Expected::float(total, roundings * EPS * total),
        };
        ((1, first + group), expected)
    };
    totals.into_iter().enumerate().map(total).collect()
}

/// A sum has as many additions as rows. Of a logsumexp, exponentials have arguments rounded to an EPS of the
/// largest value and are off by 3 + 2|x| ULP where they are not negligible (|x| < 20); then a logarithm of
/// 3 ULP of at most ln(rows), or 2⁻²¹, and a sum.
pub(super) fn reduce(job: Job<'_>) -> Results {
    let [rows, columns, axis] = job.params();
    let x = &job.floats(0)[..rows * axis * columns];
    let code = job.constant("FUNCTION") as usize;
    let functions = [
        Reduction::Sum,
        Reduction::LogSumExp,
        Reduction::Max,
        Reduction::ArgMax,
    ];
    let Some(&function) = functions.get(code) else {
        return Results::new();
    };
    let values = reference::reduce::value(function, x, axis, columns);
    let additions = axis as f64;
    let result = |(at, value): (usize, f64)| {
        let first = at / columns * axis * columns + at % columns;
        let of = (0..axis).map(|row| x[first + row * columns].abs());
        let largest = of.clone().fold(0.0, f64::max);
        let allowed = match function {
            Reduction::Max | Reduction::ArgMax => 0.0,
            Reduction::Sum => additions * EPS * of.sum::<f64>(),
            Reduction::LogSumExp => {
                let sum = (additions + 2.0 * 43.0) * EPS + 2.0 * EPS * largest;
                let log = 2f64.powi(-21) + 6.0 * EPS * additions.ln();
                sum + log + EPS * (largest + additions.ln())
            }
        };
        ((1, at), Expected::float(value, allowed))
    };
    values.into_iter().enumerate().map(result).collect()
}
