//! `activation` against its twin.

use vae_wgpu::gpu::{Gpu, Launch};
use vae_wgpu::graph::Activation::{self, Relu, Sigmoid, Tanh};
use vae_wgpu::kernels::activation::{Buffers, launch};
use vae_wgpu::reference::activation as twin;

use crate::arrays::{Array, LENGTHS, extreme, keeps_nan, random, run, uniform, wide, wrapped};
use crate::support::harness::{Test, tests};
use crate::support::tolerance::{EPS, Tolerance};

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks: lengths, extreme_values, a_wrapped_grid, random_lengths, relu_does_not_hide_nan,
        an_unknown_activation_is_nan]
}

fn compare(gpu: &Gpu, function: Activation, x: &[f32], shape: fn(Launch) -> Launch) {
    let [x_gpu, y] = [Array::of(gpu, x), Array::output(gpu, x.len())];
    let buffers = Buffers {
        x: x_gpu.slice(),
        y: y.slice(),
    };
    run(gpu, shape(launch(buffers, function)), &[&x_gpu, &y]);
    let what = format!("{function:?} of {} elements", x.len());
    let expected = twin::value(function, &wide(x));
    match function {
        Relu => Tolerance::EXACT.check(&what, &y.read(), &expected),
        // tanh's own accuracy.
        Tanh => Tolerance::relative(0.0)
            .plus(1e-5)
            .check(&what, &y.read(), &expected),
        // exp of −|x| carries 3 + 2|x| ULP; sum and division add 3.5.
        Sigmoid => {
            let ulps = |(&x, y): (&f32, &f64)| (7.0 + 2.0 * f64::from(x.abs())) * y;
            let magnitude: Vec<f64> = x.iter().zip(&expected).map(ulps).collect();
            Tolerance::relative(EPS).check_against(&what, &y.read(), &expected, &magnitude);
        }
    }
}

fn lengths(gpu: &Gpu) {
    for function in Activation::ALL {
        for len in LENGTHS {
            compare(gpu, function, &uniform(1, len, 4.0), |launch| launch);
        }
    }
}

/// A `tanh` that divides one overflowing exponential by another would return NaN here.
fn extreme_values(gpu: &Gpu) {
    for function in Activation::ALL {
        compare(gpu, function, &extreme(2, 257, 1e4), |launch| launch);
        compare(gpu, function, &extreme(3, 257, 1e30), |launch| launch);
    }
}

fn a_wrapped_grid(gpu: &Gpu) {
    compare(gpu, Tanh, &uniform(4, 1009, 4.0), wrapped);
}

fn random_lengths(gpu: &Gpu) {
    random((1usize..3000, 0u64..100), |(len, seed)| {
        compare(gpu, Sigmoid, &uniform(seed, len, 20.0), |launch| launch);
    });
}

/// What diverged must show.
fn relu_does_not_hide_nan(gpu: &Gpu) {
    if !keeps_nan(gpu) {
        return;
    }
    let [x, y] = [Array::of(gpu, &[f32::NAN; 3]), Array::of(gpu, &[0.0f32; 3])];
    let buffers = Buffers {
        x: x.slice(),
        y: y.slice(),
    };
    run(gpu, launch(buffers, Relu), &[&x, &y]);
    assert!(y.read::<f32>().iter().all(|y| y.is_nan()));
}

/// It would pass for the identity otherwise.
fn an_unknown_activation_is_nan(gpu: &Gpu) {
    if !keeps_nan(gpu) {
        return;
    }
    let [x, y] = [Array::of(gpu, &[1.0f32; 3]), Array::of(gpu, &[0.0f32; 3])];
    let buffers = Buffers {
        x: x.slice(),
        y: y.slice(),
    };
    let mut unknown = launch(buffers, Relu);
    let code = unknown
        .constants
        .iter_mut()
        .find(|(name, _)| *name == "FUNCTION");
    code.unwrap().1 = 99.0;
    run(gpu, unknown, &[&x, &y]);
    assert!(y.read::<f32>().iter().all(|y| y.is_nan()));
}
