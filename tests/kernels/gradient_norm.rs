//! `gradient_norm` against its twin.

use vae_wgpu::gpu::Gpu;
use vae_wgpu::kernels::gradient_norm::{partials, root, squares};
use vae_wgpu::kernels::reduction_lanes;
use vae_wgpu::reference::gradient_norm as twin;

use crate::arrays::{Array, LENGTHS, extreme, random, run_all, uniform, wide};
use crate::support::harness::{Test, tests};
use crate::support::tolerance::{EPS, Tolerance};

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks: lengths, several_buffers, extreme_values, random_lengths]
}

/// The norm of what lies in several buffers.
fn norm(gpu: &Gpu, gradients: &[Vec<f32>], lanes: u32) -> f32 {
    let arrays: Vec<_> = gradients.iter().map(|g| Array::of(gpu, g)).collect();
    let counts = gradients.iter().map(|g| partials(g.len()));
    let (sums, norm) = (Array::output(gpu, counts.sum()), Array::output(gpu, 1));
    let mut launches = Vec::new();
    let mut first = 0;
    for array in &arrays {
        launches.push(squares(array.slice(), sums.slice(), first, lanes));
        first += partials(array.slice().len());
    }
    launches.push(root(sums.slice(), norm.slice(), lanes));
    let guarded: Vec<_> = arrays.iter().chain([&sums, &norm]).collect();
    run_all(gpu, launches, &guarded);
    assert!(sums.read::<f32>().iter().all(|sum| *sum >= 0.0));
    norm.read()[0]
}

fn compare(gpu: &Gpu, gradients: &[Vec<f32>]) {
    let values: Vec<_> = gradients.iter().map(|g| wide(g)).collect();
    let expected = twin::value(values.iter().map(Vec::as_slice));
    let longest = gradients.iter().map(Vec::len).max().unwrap_or(0);
    for lanes in [reduction_lanes(true, 1), reduction_lanes(false, 1), 256] {
        let found = norm(gpu, gradients, lanes);
        // All terms are positive, so that each sum rounds the result once: of a lane's vectors, of a
        // vector, of the lanes, in both stages; a square before, and the root of 4.5 ULP halves it.
        let groups = partials(longest);
        let of_stage = |len: usize, groups: usize| len.div_ceil(4 * lanes as usize * groups) + 2;
        let all: usize = gradients.iter().map(|g| partials(g.len())).sum();
        let sums = of_stage(longest, groups) + of_stage(all, 1) + 2 * lanes as usize + 1;
        Tolerance::relative((sums as f64 / 2.0 + 4.5) * EPS).check(
            &format!("norm of {} in {} buffers", longest, gradients.len()),
            &[found],
            &[expected],
        );
        assert_eq!(found.to_bits(), norm(gpu, gradients, lanes).to_bits());
    }
}

/// Off every vector and workgroup, from one partial sum to the most.
fn lengths(gpu: &Gpu) {
    for len in LENGTHS.into_iter().chain([4093, 300_007, 1 << 20]) {
        compare(gpu, &[uniform(1, len, 3.0)]);
    }
}

fn several_buffers(gpu: &Gpu) {
    for lens in [&[5, 3][..], &[64, 64, 1], &[70_001, 1025, 7, 4099]] {
        let gradients = (0..).zip(lens).map(|(seed, &len)| uniform(seed, len, 1.0));
        compare(gpu, &gradients.collect::<Vec<_>>());
    }
}

/// Gradients whose squares are large, and none at all.
fn extreme_values(gpu: &Gpu) {
    for bound in [1e4, 1e15] {
        compare(gpu, &[extreme(5, 257, bound), extreme(6, 65, bound)]);
    }
    compare(gpu, &[vec![0.0; 257]]);
    // What no sum can hold is infinite, and all gradients are clipped to nothing.
    let large = norm(gpu, &[vec![1e30; 9]], 8);
    assert_eq!(large, f32::INFINITY);
}

fn random_lengths(gpu: &Gpu) {
    random((0usize..5000, 1usize..3000), |(a, b)| {
        compare(gpu, &[uniform(1, a, 1.0), uniform(2, b, 2.0)]);
    });
}
