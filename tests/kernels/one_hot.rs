//! `one_hot` against its twin.

use vae_wgpu::gpu::Gpu;
use vae_wgpu::kernels::one_hot::{Buffers, launch};
use vae_wgpu::reference::one_hot as twin;
use vae_wgpu::rng::permutation;

use crate::arrays::{Array, random, run, state};
use crate::support::harness::{Test, tests};

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks: random_shapes]
}

fn random_shapes(gpu: &Gpu) {
    random(
        (1usize..60, 0usize..50, 1usize..12),
        |(rows, position, classes)| {
            let count = position + rows + 3;
            let labels: Vec<u8> = (0..count).map(|i| (i * 7 % classes) as u8).collect();
            let order = permutation(4, 0, count);
            let mut packed = labels.clone();
            packed.resize(count.next_multiple_of(4), 0);
            let packed: &[u32] = bytemuck::cast_slice(&packed);
            let arrays = [Array::of(gpu, packed), Array::of(gpu, &order)];
            let state = state(gpu, 5, position as u32, 1);
            let y = Array::output(gpu, rows * classes);
            let buffers = Buffers {
                labels: arrays[0].slice(),
                order: arrays[1].slice(),
                state: state.slice(),
                y: y.slice(),
            };
            let launch = launch(buffers, [rows, classes]);
            run(gpu, launch, &[&arrays[0], &arrays[1], &state, &y]);
            let expected: Vec<f32> = twin::value(&labels, &order, position, [rows, classes]);
            assert_eq!(y.read::<f32>(), expected);
        },
    );
}
