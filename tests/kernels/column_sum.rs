//! `column_sum` against its twin.

use vae_wgpu::gpu::{Gpu, Launch};
use vae_wgpu::kernels::column_sum::{Buffers, launches, partial};
use vae_wgpu::reference::column_sum as twin;

use crate::arrays::{Array, extreme, random, run, uniform, wide, wrapped};
use crate::support::harness::{Test, tests};
use crate::support::tolerance::{EPS, Tolerance};

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks: shapes, more_rows_than_a_loop_takes, extreme_values, a_wrapped_grid, random_shapes]
}

fn compare(gpu: &Gpu, a: &[f32], shape: [usize; 2], grid: fn(Launch) -> Launch) {
    let [a_gpu, sum] = [Array::of(gpu, a), Array::output(gpu, shape[1])];
    let parts = Array::output(gpu, partial(shape));
    let buffers = Buffers {
        a: a_gpu.slice(),
        sum: sum.slice(),
        partial: Some(parts.slice()),
    };
    for launch in launches(buffers, shape) {
        run(gpu, grid(launch), &[&a_gpu, &sum, &parts]);
    }
    parts.read::<f32>();
    let expected = twin::value(&wide(a), shape);
    let absolute: Vec<f64> = a.iter().map(|a| a.abs().into()).collect();
    let magnitude = twin::value(&absolute, shape);
    // Every row is one addition.
    let tolerance = Tolerance::relative(shape[0] as f64 * EPS);
    tolerance.check_against(&format!("{shape:?}"), &sum.read(), &expected, &magnitude);
}

/// No rows is a sum of nothing: zeros.
fn shapes(gpu: &Gpu) {
    for [rows, columns] in [
        [1, 1],
        [0, 5],
        [3, 0],
        [1, 67],
        [67, 1],
        [7, 63],
        [13, 64],
        [8, 65],
        [127, 1009],
    ] {
        let a = uniform(1, rows * columns, 1.0);
        compare(gpu, &a, [rows, columns], |launch| launch);
    }
}

/// A software adapter ends a loop after 65,535 turns.
fn more_rows_than_a_loop_takes(gpu: &Gpu) {
    for shape in [[60_000, 2], [60_001, 3], [200_003, 5]] {
        compare(
            gpu,
            &uniform(6, shape[0] * shape[1], 1.0),
            shape,
            |launch| launch,
        );
    }
}

fn extreme_values(gpu: &Gpu) {
    compare(gpu, &extreme(2, 31 * 17, 1e30), [31, 17], |launch| launch);
}

fn a_wrapped_grid(gpu: &Gpu) {
    compare(gpu, &uniform(3, 5 * 1009, 1.0), [5, 1009], wrapped);
}

fn random_shapes(gpu: &Gpu) {
    random(
        (1usize..200, 1usize..200, 0u64..100),
        |(rows, columns, seed)| {
            compare(
                gpu,
                &uniform(seed, rows * columns, 1.0),
                [rows, columns],
                |launch| launch,
            );
        },
    );
}
