//! `reduce` against its twin.

use vae_wgpu::gpu::Gpu;
use vae_wgpu::graph::Reduction;
use vae_wgpu::kernels::reduce::{Buffers, launch};
use vae_wgpu::reference::reduce as twin;

use crate::arrays::{Array, keeps_nan, random, run, uniform, wide};
use crate::support::harness::{Test, tests};
use crate::support::tolerance::EPS;

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks: shapes, far_apart, the_first_of_the_largest, what_is_not_a_number_shows, random_shapes]
}

fn compare(gpu: &Gpu, values: &[f32], axis: usize, [rows, columns]: [usize; 2]) {
    for function in Reduction::ALL {
        let (x, y) = (Array::of(gpu, values), Array::output(gpu, rows * columns));
        let buffers = Buffers {
            x: x.slice(),
            y: y.slice(),
        };
        let shape = [rows, columns];
        run(gpu, launch(buffers, function, axis, shape), &[&x, &y]);
        let expected = twin::value(function, &wide(values), axis, columns);
        let largest = wide(values)
            .into_iter()
            .fold(0.0, |a: f64, v: f64| a.max(v.abs()));
        // A sum: as many additions. The other: those of exponentials, whose arguments are rounded to
        // an EPS of the largest value and which are off by 3 + 2|x| ulp, an ulp of two EPS, where they
        // are not negligible (|x| < 20); a logarithm of 3 ulp of at most ln(axis), or 2⁻²¹; a sum.
        let additions = axis as f64;
        let bound = match function {
            Reduction::Max | Reduction::ArgMax => 0.0,
            Reduction::Sum => additions * EPS * additions * largest,
            Reduction::LogSumExp => {
                let sum = (additions + 2.0 * 43.0) * EPS + 2.0 * EPS * largest;
                let log = 2.0_f64.powi(-21) + 6.0 * EPS * additions.ln();
                sum + log + EPS * (largest + additions.ln())
            }
        };
        for (i, (found, expected)) in y.read::<f32>().into_iter().zip(expected).enumerate() {
            let off = (f64::from(found) - expected).abs();
            assert!(
                off <= bound,
                "{function:?} {i}: {found}, {expected} ± {bound:e}"
            );
        }
    }
}

fn shapes(gpu: &Gpu) {
    for shape in [[1, 1], [1, 7], [9, 1], [65, 3]] {
        for axis in [1, 2, 5, 50] {
            let len = shape[0] * axis * shape[1];
            compare(gpu, &uniform(1, len, 10.0), axis, shape);
        }
    }
}

/// Exponentials of these overflow, and of differences underflow.
fn far_apart(gpu: &Gpu) {
    compare(gpu, &uniform(2, 300, 3000.0), 5, [60, 1]);
    compare(gpu, &[-1e4, -2e4, 500.0, 0.0], 2, [2, 1]);
}

/// Of 4 and 5 values, with both zeros.
fn the_first_of_the_largest(gpu: &Gpu) {
    let columns: [[f32; 2]; 5] = [
        [-1.0, 0.0],
        [3.0, -0.0],
        [2.0, 0.0],
        [3.0, -7.0],
        [3.0, -0.0],
    ];
    let values = columns.as_flattened();
    let reduced = |function: Reduction, axis: usize| {
        let x = Array::of(gpu, &values[..2 * axis]);
        let y = Array::output(gpu, 2);
        let buffers = Buffers {
            x: x.slice(),
            y: y.slice(),
        };
        run(gpu, launch(buffers, function, axis, [1, 2]), &[&x, &y]);
        y.read::<f32>()
    };
    for axis in [4, 5] {
        assert_eq!(reduced(Reduction::Max, axis), [3.0, 0.0]);
        assert_eq!(reduced(Reduction::ArgMax, axis), [1.0, 0.0]);
    }
    // Coarse values, among which ties are common.
    let coarse: Vec<f32> = uniform(5, 700, 3.0).iter().map(|v| v.round()).collect();
    compare(gpu, &coarse, 10, [7, 10]);
}

fn what_is_not_a_number_shows(gpu: &Gpu) {
    if !keeps_nan(gpu) {
        return;
    }
    let x = Array::of(gpu, &[1.0, f32::NAN, 9.0, f32::NAN, f32::NEG_INFINITY]);
    for (function, nan) in [
        (Reduction::Sum, true),
        (Reduction::LogSumExp, true),
        (Reduction::Max, true),
        (Reduction::ArgMax, false),
    ] {
        let y = Array::output(gpu, 1);
        let buffers = Buffers {
            x: x.slice(),
            y: y.slice(),
        };
        run(gpu, launch(buffers, function, 5, [1, 1]), &[&x, &y]);
        let found = y.read::<f32>()[0];
        match nan {
            true => assert!(found.is_nan(), "{function:?}: {found}"),
            false => assert_eq!(found, 1.0),
        }
    }
}

fn random_shapes(gpu: &Gpu) {
    random(
        (1usize..40, 1usize..20, 1usize..9),
        |(rows, axis, columns)| {
            let len = rows * axis * columns;
            compare(gpu, &uniform(3, len, 20.0), axis, [rows, columns]);
        },
    );
}
