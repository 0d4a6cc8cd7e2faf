//! `objective` against its twin.

use vae_wgpu::gpu::Gpu;
use vae_wgpu::graph::Ramp;
use vae_wgpu::kernels::objective::{Buffers, launch};
use vae_wgpu::kernels::{State, Term, reduction_lanes};
use vae_wgpu::reference::objective as twin;

use crate::arrays::{Array, LANES, additions, extreme, random, run, state, uniform, wide};
use crate::support::harness::{Test, tests};
use crate::support::tolerance::{EPS, Tolerance};

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks: shapes, more_rows_than_a_loop_takes, lines_follow_each_other, extreme_values, random_shapes]
}

/// The first line of the log that is written.
const FIRST: usize = 2;

/// Runs `steps` steps, and compares what they logged and where they left the counters.
fn compare(gpu: &Gpu, rows: &[f32], [batch, stride, terms]: [usize; 3], lanes: u32, steps: usize) {
    let weights = uniform(3, terms, 2.0);
    let table = table(&weights, batch);
    let width = 1 + terms;
    let (rows_gpu, terms_gpu) = (Array::of(gpu, rows), Array::of(gpu, &table));
    let state = state(gpu, 5, 70, FIRST as u32);
    let losses = Array::output(gpu, (FIRST + steps + 1) * width);
    let buffers = Buffers {
        rows: rows_gpu.slice(),
        terms: terms_gpu.slice(),
        state: state.slice(),
        losses: losses.slice(),
    };
    for _ in 0..steps {
        let arrays = [&rows_gpu, &terms_gpu, &state, &losses];
        run(
            gpu,
            launch(buffers, batch, (&table, stride), lanes),
            &arrays,
        );
    }
    let moved = State {
        step: 5 + steps as u32,
        position: 70 + (batch * steps) as u32,
        entry: (FIRST + steps) as u32,
        padding: 0,
    };
    assert_eq!(state.read::<State>(), [moved]);

    let log = losses.read::<f32>();
    let (before, rest) = log.split_at(FIRST * width);
    let (lines, after) = rest.split_at(steps * width);
    assert!(
        before.iter().chain(after).all(|v| v.is_nan()),
        "a line of another step was written"
    );
    let terms_of = |values: &[f64], weight: &dyn Fn(usize) -> f64| -> Vec<f64> {
        let term = |(t, term): (usize, &Term)| {
            let rows = &values[t * stride..][..term.rows as usize];
            (weight(t), rows)
        };
        twin::value(&table.iter().enumerate().map(term).collect::<Vec<_>>())
    };
    let absolute: Vec<f64> = rows.iter().map(|v| v.abs().into()).collect();
    // The additions of a mean and its division; of the objective, a ramp with its division, two
    // products and a sum each term.
    let tolerance = Tolerance::relative((additions(batch, lanes) + 8.0 + terms as f64) * EPS);
    for (line, step) in lines.chunks(width).zip(5..) {
        let weight = |t: usize| f64::from(weights[t]) * ramp(t).at(step);
        let expected = terms_of(&wide(rows), &weight);
        let magnitude = terms_of(&absolute, &|t| weight(t).abs());
        let what = format!("batch {batch} of {stride}, {terms} terms, {lanes} lanes");
        tolerance.check_against(&what, line, &expected, &magnitude);
    }
}

/// Every second term follows the step; every third has fewer rows than the batch.
fn table(weights: &[f32], batch: usize) -> Vec<Term> {
    let terms = weights.iter().enumerate();
    let rows = |t: usize| if t % 3 == 2 { batch.div_ceil(2) } else { batch };
    terms
        .map(|(t, &weight)| Term::new(weight, rows(t), ramp(t)))
        .collect()
}

fn ramp(term: usize) -> Ramp {
    match term % 2 {
        1 => Ramp {
            steps: 9,
            period: 6,
        },
        _ => Ramp::NONE,
    }
}

fn shapes(gpu: &Gpu) {
    for lanes in LANES {
        for [batch, stride, terms] in [
            [1, 1, 1],
            [1, 3, 2],
            [7, 7, 2],
            [8, 8, 1],
            [9, 10, 3],
            [65, 128, 2],
            [128, 128, 2],
        ] {
            let rows = uniform(1, stride * terms, 100.0);
            compare(gpu, &rows, [batch, stride, terms], lanes, 1);
        }
    }
}

/// A software adapter ends a loop after 65,535 turns: a lane of 256 would have 72,000 of them.
fn more_rows_than_a_loop_takes(gpu: &Gpu) {
    let batch = 256 * 72_000;
    let lanes = reduction_lanes(true, batch);
    assert_eq!(lanes, 256);
    compare(gpu, &vec![0.5; batch], [batch, batch, 1], lanes, 1);
}

fn lines_follow_each_other(gpu: &Gpu) {
    compare(gpu, &uniform(2, 62, 10.0), [29, 31, 2], 8, 3);
}

fn extreme_values(gpu: &Gpu) {
    compare(gpu, &extreme(4, 202, 1e30), [101, 101, 2], 64, 1);
}

fn random_shapes(gpu: &Gpu) {
    random(
        (1usize..300, 0usize..5, 1usize..5),
        |(batch, spare, terms)| {
            let stride = batch + spare;
            compare(
                gpu,
                &uniform(5, stride * terms, 3.0),
                [batch, stride, terms],
                8,
                1,
            );
        },
    );
}
