//! `reparameterize` against its twin.

use vae_wgpu::gpu::{Gpu, Launch};
use vae_wgpu::kernels::reparameterize::{Buffers, launch};
use vae_wgpu::reference::reparameterize as twin;

use crate::arrays::{Array, LENGTHS, extreme, random, run, uniform, wide, wrapped};
use crate::support::harness::{Test, tests};
use crate::support::tolerance::{EPS, TINY, Tolerance};

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks: lengths, extreme_values, a_wrapped_grid, random_lengths]
}

fn compare(gpu: &Gpu, [mu, logvar, eps]: [&[f32]; 3], shape: fn(Launch) -> Launch) {
    let arrays = [mu, logvar, eps].map(|values| Array::of(gpu, values));
    let z = Array::output(gpu, mu.len());
    let [mu_gpu, logvar_gpu, eps_gpu] = arrays.each_ref().map(Array::slice);
    let buffers = Buffers {
        mu: mu_gpu,
        logvar: logvar_gpu,
        eps: eps_gpu,
        z: z.slice(),
    };
    run(
        gpu,
        shape(launch(buffers)),
        &[&arrays[0], &arrays[1], &arrays[2], &z],
    );
    let what = format!("z of {} elements", mu.len());
    let expected = twin::value(&wide(mu), &wide(logvar), &wide(eps));
    // exp of ½ logvar carries 3 + |logvar| ULP and may be flushed to zero; the product and the sum
    // round once each.
    let magnitude: Vec<f64> = (0..mu.len())
        .map(|i| {
            let half = 0.5 * f64::from(logvar[i]).min(80.0);
            let off = (5.0 + 2.0 * half.abs()) * half.exp() + TINY / EPS;
            f64::from(mu[i]).abs() + (off * f64::from(eps[i])).abs()
        })
        .collect();
    Tolerance::relative(EPS).check_against(&what, &z.read(), &expected, &magnitude);
}

fn compare_uniform(gpu: &Gpu, seed: u64, len: usize, shape: fn(Launch) -> Launch) {
    let [mu, logvar, eps] = [1.0, 2.0, 3.0].map(|b| uniform(seed + b as u64, len, b));
    compare(gpu, [&mu, &logvar, &eps], shape);
}

fn lengths(gpu: &Gpu) {
    for len in LENGTHS {
        compare_uniform(gpu, 1, len, |launch| launch);
    }
}

/// Beyond a logvar of 80 the clamp holds; far below zero only the mean is left.
fn extreme_values(gpu: &Gpu) {
    let [mu, eps] = [extreme(1, 257, 1e4), uniform(2, 257, 5.0)];
    compare(gpu, [&mu, &extreme(3, 257, 1e2), &eps], |launch| launch);
    compare(gpu, [&mu, &extreme(4, 257, 1e4), &eps], |launch| launch);
    compare(gpu, [&mu, &[80.0; 257], &eps], |launch| launch);
}

fn a_wrapped_grid(gpu: &Gpu) {
    compare_uniform(gpu, 5, 1009, wrapped);
}

fn random_lengths(gpu: &Gpu) {
    random((1usize..3000, 0u64..100), |(len, seed)| {
        compare_uniform(gpu, seed, len, |launch| launch);
    });
}
