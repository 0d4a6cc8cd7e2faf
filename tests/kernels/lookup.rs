//! `lookup` against its twin.

use vae_wgpu::gpu::{Gpu, Launch};
use vae_wgpu::kernels::lookup::{Buffers, launch};
use vae_wgpu::reference::lookup as twin;

use crate::arrays::{Array, random, run, uniform, wrapped};
use crate::support::harness::{Test, tests};

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks: outside_is_the_nearest_inside, a_wrapped_grid, random_shapes]
}

fn found(
    gpu: &Gpu,
    table: &[f32],
    index: &[f32],
    columns: usize,
    grid: fn(Launch) -> Launch,
) -> Vec<f32> {
    let [table_gpu, index_gpu] = [table, index].map(|values| Array::of(gpu, values));
    let y = Array::output(gpu, index.len() * columns);
    let buffers = Buffers {
        table: table_gpu.slice(),
        index: index_gpu.slice(),
        y: y.slice(),
    };
    let launch = launch(buffers, table.len() / columns, [index.len(), columns]);
    run(gpu, grid(launch), &[&table_gpu, &index_gpu, &y]);
    y.read()
}

fn compare(
    gpu: &Gpu,
    [table_rows, rows, columns]: [usize; 3],
    index: impl Fn(usize) -> f32,
    grid: fn(Launch) -> Launch,
) {
    let table = uniform(1, table_rows * columns, 1.0);
    let index: Vec<f32> = (0..rows).map(index).collect();
    let found = found(gpu, &table, &index, columns, grid);
    assert_eq!(found, twin::value(&table, &index, columns));
}

fn outside_is_the_nearest_inside(gpu: &Gpu) {
    let index = [
        -1.0,
        f32::NEG_INFINITY,
        -1e30,
        3.0,
        1e10,
        1e30,
        f32::INFINITY,
        0.0,
        2.0,
        0.999_999_94,
        1.5,
    ];
    let found = found(gpu, &[5.0, 6.0, 7.0], &index, 1, |launch| launch);
    assert_eq!(
        found,
        [5.0, 5.0, 5.0, 7.0, 7.0, 7.0, 7.0, 5.0, 7.0, 5.0, 6.0]
    );
}

fn a_wrapped_grid(gpu: &Gpu) {
    compare(gpu, [11, 101, 7], |row| (row * 5 % 11) as f32, wrapped);
}

fn random_shapes(gpu: &Gpu) {
    random(
        (1usize..60, 1usize..60, 1usize..70),
        |(table_rows, rows, columns)| {
            let index = |row| (row * 7 % (table_rows + 3)) as f32 - 1.0;
            compare(gpu, [table_rows, rows, columns], index, |launch| launch);
        },
    );
}
