//! `add` against its twin.

use vae_wgpu::gpu::{Gpu, Launch};
use vae_wgpu::kernels::add::{Buffers, launch};
use vae_wgpu::reference::add as twin;

use crate::arrays::{Array, LENGTHS, extreme, random, run, uniform, wide, wrapped};
use crate::support::harness::{Test, tests};
use crate::support::tolerance::{EPS, Tolerance};

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks: lengths, extreme_values, a_wrapped_grid, past_65535_workgroups, random_lengths]
}

fn compare(gpu: &Gpu, a: &[f32], b: &[f32], shape: fn(Launch) -> Launch) {
    let [a_gpu, b_gpu] = [a, b].map(|values| Array::of(gpu, values));
    let sum = Array::output(gpu, a.len());
    let buffers = Buffers {
        a: a_gpu.slice(),
        b: b_gpu.slice(),
        sum: sum.slice(),
    };
    run(gpu, shape(launch(buffers)), &[&a_gpu, &b_gpu, &sum]);
    let what = format!("sum of {} elements", a.len());
    // One rounding.
    Tolerance::relative(EPS).check(&what, &sum.read(), &twin::value(&wide(a), &wide(b)));
}

fn lengths(gpu: &Gpu) {
    for len in LENGTHS {
        compare(
            gpu,
            &uniform(1, len, 2.0),
            &uniform(2, len, 3.0),
            |launch| launch,
        );
    }
}

fn extreme_values(gpu: &Gpu) {
    // The last pair overflows.
    compare(
        gpu,
        &extreme(3, 257, 1e30),
        &extreme(4, 257, 1e-30),
        |launch| launch,
    );
    compare(
        gpu,
        &extreme(5, 257, 3e38),
        &extreme(5, 257, 3e38),
        |launch| launch,
    );
}

fn a_wrapped_grid(gpu: &Gpu) {
    compare(gpu, &uniform(6, 1009, 1.0), &uniform(7, 1009, 1.0), wrapped);
}

fn past_65535_workgroups(gpu: &Gpu) {
    let len = 64 * 65_535 + 65;
    let a: Vec<f32> = (0..len).map(|i| i as f32).collect();
    let b: Vec<f32> = (0..len).map(|i| (i % 1013) as f32).collect();
    compare(gpu, &a, &b, |launch| launch);
}

fn random_lengths(gpu: &Gpu) {
    random((1usize..3000, 0u64..100), |(len, seed)| {
        compare(
            gpu,
            &uniform(seed, len, 1.0),
            &uniform(seed + 1, len, 1.0),
            |launch| launch,
        );
    });
}
