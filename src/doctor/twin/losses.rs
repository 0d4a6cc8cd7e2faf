//! Latents, losses, and the log of them.

use super::{EPS, Expected, Job, Results, additions};
use crate::graph::Ramp;
use crate::kernels::rows::Log;
use crate::kernels::{State, Term};
use crate::reference;

/// Of the loss, each term is off by a few roundings of its parts, and by 2⁻²¹ in the logarithm of 1 + t,
/// whose t adds 3 ULP of exp; then the sum rounds at each addition. Of the gradient the sigmoid is off by 7 ULP
/// of 1 at most, difference and product by one.
pub(super) fn bernoulli_nll(job: Job<'_>) -> Results {
    let [rows, columns] = job.params();
    let shape = [rows, columns];
    let [logits, x, d_rows] = [0, 1, 2].map(|binding| job.floats(binding));
    let len = rows * columns;
    let (logits, x) = (&logits[..len], &x[..len]);
    let mut results = Results::new();
    if job.is_on("VALUE") {
        let roundings = (additions(columns, job.constant("LANES")) + 4.0) * EPS;
        let own = columns as f64 * (2f64.powi(-21) + 3.0 * EPS);
        let values = reference::bernoulli_nll::value(logits, x, shape);
        for (row, value) in values.into_iter().enumerate() {
            let part = |i: usize| {
                let l = logits[i];
                l.max(0.0) + (l * x[i]).abs() + (-l.abs()).exp().ln_1p()
            };
            let size: f64 = (row * columns..(row + 1) * columns).map(part).sum();
            results.insert((3, row), Expected::float(value, roundings * size + own));
        }
    }
    if job.is_on("GRADIENT") {
        let d_rows = &d_rows[..rows];
        let values = reference::bernoulli_nll::gradient(logits, x, d_rows, shape);
        for (at, value) in values.into_iter().enumerate() {
            let allowed = 9.0 * EPS * d_rows[at / columns].abs();
            results.insert((4, at), Expected::float(value, allowed));
        }
    }
    results
}

/// What exp(logvar) − 1 and exp(logvar) − 1 − logvar are off by, in ULP of 1: near zero a series of
/// some twenty roundings; elsewhere 3 + 2|logvar| ULP of exp, and the differences.
pub(super) fn off(logvar: f64) -> [f64; 2] {
    let held = logvar.min(80.0);
    if logvar.abs() < 0.5 {
        return [logvar.exp_m1().abs(), logvar.exp_m1() - logvar].map(|x| 20.0 * x);
    }
    let own = held.exp() * (3.0 + 2.0 * held.abs());
    let difference = own + 2.0 * (held.exp() + 1.0);
    [difference, difference + 2.0 * logvar.abs()]
}

/// exp(½ logvar), and what it is off by in ULP: 3 + 2·|½ logvar|.
pub(super) fn sigma(logvar: f64) -> (f64, f64) {
    let half = 0.5 * logvar.min(80.0);
    (half.exp(), 3.0 + 2.0 * half.abs())
}

/// z rounds in σ, the product and the sum; the divergence as [`off`] says.
pub(super) fn latent(job: Job<'_>) -> Results {
    let [rows, columns] = job.params();
    let len = rows * columns;
    let [mu, logvar, eps] = [0, 1, 2].map(|binding| job.floats(binding)[..len].to_vec());
    let (z, divergence) = reference::latent::value(&mu, &logvar, &eps, [rows, columns]);
    let mut results = Results::new();
    for (i, value) in z.into_iter().enumerate() {
        let (sigma, ulp) = sigma(logvar[i]);
        let size = (ulp + 2.0) * (sigma * eps[i]).abs() + 2.0 * mu[i].abs();
        results.insert((3, i), Expected::float(value, EPS * size));
    }
    let roundings = additions(columns, job.constant("LANES")) + 5.0;
    for (row, value) in divergence.into_iter().enumerate() {
        let part = |i: usize| {
            let parts = mu[i].powi(2) + logvar[i].min(80.0).exp_m1() - logvar[i];
            0.5 * (roundings * parts.abs() + off(logvar[i])[1])
        };
        let size: f64 = (row * columns..(row + 1) * columns).map(part).sum();
        results.insert((4, row), Expected::float(value, EPS * size));
    }
    results
}

/// Each of the two parts rounds in its products, and their sum once.
pub(super) fn latent_grad(job: Job<'_>) -> Results {
    let [rows, columns] = job.params();
    let len = rows * columns;
    let [mu, logvar, eps, d_z] = [0, 1, 2, 3].map(|of| job.floats(of)[..len].to_vec());
    let d_rows = job.floats(4)[..rows].to_vec();
    let operands = [mu.as_slice(), &logvar, &eps];
    let shape = [rows, columns];
    let (d_mu, d_logvar) = reference::latent_grad::gradient(operands, &d_z, &d_rows, shape);
    let mut results = Results::new();
    for (i, (d_mu, d_logvar)) in d_mu.into_iter().zip(d_logvar).enumerate() {
        let upstream = d_rows[i / columns];
        let size = d_z[i].abs() + 2.0 * (upstream * mu[i]).abs();
        results.insert((5, i), Expected::float(d_mu, EPS * size));
        let (sigma, ulp) = sigma(logvar[i]);
        let through_z = 0.5 * (ulp + 4.0) * (d_z[i] * sigma * eps[i]).abs();
        let variance = logvar[i].min(80.0).exp_m1();
        let divergence = 0.5 * (off(logvar[i])[0] + 3.0 * variance.abs());
        let size = through_z + (upstream * divergence).abs();
        results.insert((6, i), Expected::float(d_logvar, EPS * size));
    }
    results
}

/// A division of whole numbers below 2²⁴: 2.5 ULP, of which an ULP is two units of rounding; and a product.
pub(super) fn ramp(job: Job<'_>) -> Results {
    let [len, scale, steps, period] = job.params();
    let ramp = Ramp {
        steps: steps as u32,
        period: period as u32,
    };
    let value = f64::from(f32::from_bits(scale as u32)) * ramp.at(job.words(0)[0]);
    let expected = Expected::float(value, 6.0 * EPS * value.abs());
    (0..len).map(|at| ((1, at), expected.clone())).collect()
}

fn terms(job: Job<'_>, count: usize) -> Vec<Term> {
    let bytes = job.before.bytes(1).chunks_exact(size_of::<Term>());
    let terms = bytes.map(bytemuck::pod_read_unaligned);
    terms.take(count).collect()
}

fn state(words: &[u32]) -> State {
    State {
        step: words[0],
        position: words[1],
        entry: words[2],
        padding: words[3],
    }
}

fn of_state(binding: usize, state: State) -> Results {
    let words = [state.step, state.position, state.entry, state.padding];
    let word = |(at, bits)| ((binding, at), Expected::Word(bits));
    words.into_iter().enumerate().map(word).collect()
}

/// The counters moved on by a batch.
pub(super) fn moved(binding: usize, before: &[u32], rows: usize) -> Results {
    let before = state(before);
    of_state(
        binding,
        State {
            step: before.step + 1,
            position: before.position + rows as u32,
            entry: before.entry + 1,
            ..before
        },
    )
}

/// The additions of a mean and its division; of the objective, a ramp with its division, two
/// products and a sum each term.
pub(super) fn objective(job: Job<'_>) -> Results {
    let [batch, stride, count] = job.params();
    let rows = job.floats(0);
    let now = state(job.words(2));
    let table = terms(job, count);
    let of = |size: fn(f64) -> f64| {
        let terms: Vec<(f64, Vec<f64>)> = table
            .iter()
            .enumerate()
            .map(|(t, term)| {
                let [steps, period] = term.ramp;
                let weight = f64::from(term.weight) * Ramp { steps, period }.at(now.step);
                let rows = &rows[t * stride..][..term.rows as usize];
                (size(weight), rows.iter().map(|&row| size(row)).collect())
            })
            .collect();
        let terms: Vec<_> = terms
            .iter()
            .map(|(w, rows)| (*w, rows.as_slice()))
            .collect();
        reference::objective::value(&terms)
    };
    let longest = table
        .iter()
        .map(|term| term.rows as usize)
        .max()
        .unwrap_or(0);
    let roundings = additions(longest, job.constant("LANES")) + 8.0 + count as f64;
    let first = now.entry as usize * (1 + count);
    let line = of(|x| x).into_iter().zip(of(f64::abs)).enumerate();
    let line = line.map(|(at, (value, size))| {
        (
            (3, first + at),
            Expected::float(value, roundings * EPS * size),
        )
    });
    line.chain(moved(2, job.words(2), batch)).collect()
}

/// Likewise, with the column groups of each row.
pub(super) fn step_losses(job: Job<'_>) -> Results {
    let [batch, stride, column_groups, entries, count] = job.params();
    let log = Log {
        entries,
        column_groups,
        batch: stride,
    };
    let now = state(job.words(2));
    let steps = job.launch.grid[0] as usize;
    let written = now.entry as usize - steps..now.entry as usize;
    let table = terms(job, count);
    let absolute: Vec<Term> = table
        .iter()
        .map(|term| Term {
            weight: term.weight.abs(),
            ..*term
        })
        .collect();
    let rows = job.floats(0);
    let sizes: Vec<f64> = rows.iter().map(|row| row.abs()).collect();
    let of = |rows: &[f64], table: &[Term]| {
        reference::step_losses::value(rows, table, batch, log, written.clone(), now)
    };
    let roundings = additions(column_groups * batch, job.constant("LANES"))
        + (column_groups + 8 + count) as f64;
    let first = written.start * (1 + count);
    let lines = of(&rows, &table).into_iter().zip(of(&sizes, &absolute));
    let line = |(at, (value, size)): (usize, (f64, f64))| {
        (
            (3, first + at),
            Expected::float(value, roundings * EPS * size),
        )
    };
    lines.enumerate().map(line).collect()
}
