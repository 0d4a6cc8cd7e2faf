//! `reparameterize_grad` against its twin.

use vae_wgpu::gpu::{Gpu, Launch};
use vae_wgpu::kernels::reparameterize_grad::{Buffers, launch};
use vae_wgpu::reference::reparameterize_grad as twin;

use crate::arrays::{Array, LENGTHS, extreme, random, run, uniform, wide, wrapped};
use crate::support::harness::{Test, tests};
use crate::support::tolerance::{EPS, TINY, Tolerance};

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks: lengths, extreme_values, a_wrapped_grid, random_lengths]
}

fn compare(gpu: &Gpu, [d_z, logvar, eps]: [&[f32]; 3], shape: fn(Launch) -> Launch) {
    let arrays = [d_z, logvar, eps].map(|values| Array::of(gpu, values));
    let d_logvar = Array::output(gpu, d_z.len());
    let [d_z_gpu, logvar_gpu, eps_gpu] = arrays.each_ref().map(Array::slice);
    let buffers = Buffers {
        d_z: d_z_gpu,
        logvar: logvar_gpu,
        eps: eps_gpu,
        d_logvar: d_logvar.slice(),
    };
    run(
        gpu,
        shape(launch(buffers)),
        &[&arrays[0], &arrays[1], &arrays[2], &d_logvar],
    );
    let what = format!("d_logvar of {} elements", d_z.len());
    let expected = twin::gradient(&wide(d_z), &wide(logvar), &wide(eps));
    // exp of ½ logvar carries 3 + |logvar| ULP and may be flushed to zero; the two products that
    // round, one ULP each.
    let magnitude: Vec<f64> = (0..d_z.len())
        .map(|i| {
            let half = 0.5 * f64::from(logvar[i]).min(80.0);
            let off = (5.0 + 2.0 * half.abs()) * half.exp() + TINY / EPS;
            f64::from(d_z[i]) * 0.5 * off * f64::from(eps[i])
        })
        .collect();
    Tolerance::relative(EPS).check_against(&what, &d_logvar.read(), &expected, &magnitude);
}

fn compare_uniform(gpu: &Gpu, seed: u64, len: usize, shape: fn(Launch) -> Launch) {
    let [d_z, logvar, eps] = [1.0, 2.0, 3.0].map(|b| uniform(seed + b as u64, len, b));
    compare(gpu, [&d_z, &logvar, &eps], shape);
}

fn lengths(gpu: &Gpu) {
    for len in LENGTHS {
        compare_uniform(gpu, 1, len, |launch| launch);
    }
}

/// Beyond a logvar of 80 the clamp holds; far below zero nothing is left.
fn extreme_values(gpu: &Gpu) {
    let [d_z, eps] = [extreme(1, 257, 1e4), uniform(2, 257, 5.0)];
    compare(gpu, [&d_z, &extreme(3, 257, 1e2), &eps], |launch| launch);
    compare(gpu, [&d_z, &extreme(4, 257, 1e4), &eps], |launch| launch);
    compare(gpu, [&d_z, &[80.0; 257], &eps], |launch| launch);
}

fn a_wrapped_grid(gpu: &Gpu) {
    compare_uniform(gpu, 5, 1009, wrapped);
}

fn random_lengths(gpu: &Gpu) {
    random((1usize..3000, 0u64..100), |(len, seed)| {
        compare_uniform(gpu, seed, len, |launch| launch);
    });
}
