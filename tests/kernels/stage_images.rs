//! `stage_images` against a copy on the host.

use vae_wgpu::gpu::Gpu;
use vae_wgpu::kernels::gather::{pack, row_bytes};
use vae_wgpu::kernels::stage_images::{Buffers, groups, launch};
use vae_wgpu::rng;

use crate::arrays::{Array, run, state};
use crate::support::harness::{Test, tests};

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks: every_place_has_its_image, rows_of_other_steps_stay]
}

/// A byte that no image has.
const FREE: u8 = 0xee;

/// Copies the images of `rows` places from `position` on out of three buffers to one of `capacity` rows,
/// and compares: what no place of these goes to stays as it was.
fn compare(gpu: &Gpu, dim: usize, position: usize, rows: usize, capacity: usize) {
    let count = 53;
    let pixels: Vec<u8> = (0..count * dim)
        .map(|i| ((i * 31 + i / dim * 7) % 200) as u8)
        .collect();
    let order = rng::permutation(1, 2, count);
    let row = row_bytes(dim);
    let mut expected = vec![FREE; capacity * row];
    // Whole workgroups are launched, and copy what there is.
    let copied = 8 * groups(rows) as usize;
    for place in position..count.min(position + copied) {
        let image = order[place] as usize;
        let packed = pack(&pixels[image * dim..(image + 1) * dim], dim);
        expected[place % capacity * row..][..row].copy_from_slice(&packed);
    }
    let [order_gpu, state] = [Array::of(gpu, &order), state(gpu, 9, position as u32, 5)];
    let staged = Array::updated(gpu, &vec![FREE; capacity * row]);
    for numbers in [0..20, 20..21, 21..count] {
        let some = pack(&pixels[numbers.start * dim..numbers.end * dim], dim);
        let images = Array::of(gpu, &some);
        let buffers = Buffers {
            images: images.slice(),
            order: order_gpu.slice(),
            state: state.slice(),
            staged: staged.slice(),
        };
        run(
            gpu,
            launch(buffers, [rows, dim], numbers.start),
            &[&images, &state, &staged],
        );
    }
    assert!(
        staged.read::<u8>() == expected,
        "{rows} rows of {dim} from {position}, {capacity} at once"
    );
}

fn every_place_has_its_image(gpu: &Gpu) {
    for dim in [1, 16, 17, 784] {
        for (position, rows, capacity) in [(0, 8, 8), (0, 16, 24), (19, 24, 24), (40, 13, 16)] {
            compare(gpu, dim, position, rows, capacity);
        }
    }
}

/// And of no places at all, nothing is written.
fn rows_of_other_steps_stay(gpu: &Gpu) {
    for (position, rows) in [(5, 3), (5, 0), (52, 1), (53, 8)] {
        compare(gpu, 30, position, rows, 32);
    }
}
