//! `activation_grad` against its twin.

use vae_wgpu::gpu::{Gpu, Launch};
use vae_wgpu::graph::Activation::{self, Relu, Sigmoid, Tanh};
use vae_wgpu::kernels::activation_grad::{Buffers, launch};
use vae_wgpu::reference::activation_grad as twin;

use crate::arrays::{Array, LENGTHS, extreme, random, run, uniform, wide, wrapped};
use crate::support::harness::{Test, tests};
use crate::support::tolerance::{EPS, Tolerance};

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks: lengths, extreme_values, a_wrapped_grid, random_lengths]
}

fn compare(gpu: &Gpu, function: Activation, y: &[f32], d_y: &[f32], shape: fn(Launch) -> Launch) {
    let [y_gpu, d_y_gpu] = [y, d_y].map(|values| Array::of(gpu, values));
    let d_x = Array::output(gpu, y.len());
    let buffers = Buffers {
        y: y_gpu.slice(),
        d_y: d_y_gpu.slice(),
        d_x: d_x.slice(),
    };
    run(
        gpu,
        shape(launch(buffers, function)),
        &[&y_gpu, &d_y_gpu, &d_x],
    );
    let what = format!("d_{function:?} of {} elements", y.len());
    let expected = twin::gradient(function, &wide(y), &wide(d_y));
    // 1 − y² and y·(1 − y) lie in [0, 1] and round two or three times; the product once more.
    let tolerance = match function {
        Relu => Tolerance::EXACT,
        Tanh | Sigmoid => Tolerance::relative(4.0 * EPS),
    };
    tolerance.check_against(&what, &d_x.read(), &expected, &wide(d_y));
}

/// Outputs that the non-linearity can have, with its ends among them.
fn outputs(function: Activation, seed: u64, len: usize) -> Vec<f32> {
    let mut y = uniform(seed, len, 1.0);
    for (y, end) in y.iter_mut().zip([1.0, 0.0, -0.0, -1.0]) {
        *y = end;
    }
    match function {
        Relu | Tanh => y,
        Sigmoid => y.into_iter().map(f32::abs).collect(),
    }
}

fn lengths(gpu: &Gpu) {
    for function in Activation::ALL {
        for len in LENGTHS {
            let y = outputs(function, 1, len);
            compare(gpu, function, &y, &uniform(2, len, 3.0), |launch| launch);
        }
    }
}

fn extreme_values(gpu: &Gpu) {
    for function in Activation::ALL {
        let y = outputs(function, 3, 257);
        compare(gpu, function, &y, &extreme(4, 257, 1e30), |launch| launch);
    }
    compare(
        gpu,
        Relu,
        &extreme(5, 257, 1e30),
        &uniform(6, 257, 1.0),
        |launch| launch,
    );
}

fn a_wrapped_grid(gpu: &Gpu) {
    compare(
        gpu,
        Tanh,
        &outputs(Tanh, 7, 1009),
        &uniform(8, 1009, 1.0),
        wrapped,
    );
}

fn random_lengths(gpu: &Gpu) {
    random((4usize..3000, 0u64..100), |(len, seed)| {
        let y = outputs(Sigmoid, seed, len);
        compare(gpu, Sigmoid, &y, &uniform(seed + 1, len, 1.0), |launch| {
            launch
        });
    });
}
