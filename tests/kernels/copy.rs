//! `copy` against its twin: rows side by side, and parts of rows.

use vae_wgpu::gpu::Gpu;
use vae_wgpu::kernels::copy::{Buffers, Shape, launch};
use vae_wgpu::reference::copy as twin;

use crate::arrays::{Array, random, run, uniform};
use crate::support::harness::{Test, tests};

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks: random_shapes]
}

fn random_shapes(gpu: &Gpu) {
    random((1usize..90, 1usize..70, 1usize..12), |(rows, m, n)| {
        let (a, b) = (uniform(1, rows * m, 1.0), uniform(2, rows * n, 1.0));
        let [from_a, from_b] = [&a, &b].map(|values| Array::of(gpu, values));
        let both = Array::output(gpu, rows * (m + n));
        for (from, first, columns) in [(&from_a, 0, m), (&from_b, m, n)] {
            let buffers = Buffers {
                from: from.slice(),
                to: both.slice(),
            };
            let shape = Shape {
                rows,
                columns,
                from: [0, columns],
                to: [first, m + n],
            };
            run(gpu, launch(buffers, shape), &[from, &both]);
        }
        let expected = twin::concat(&[(a.as_slice(), m), (b.as_slice(), n)], rows);
        assert_eq!(both.read::<f32>(), expected);

        let part = Array::output(gpu, rows * n);
        let whole = Array::of(gpu, &expected);
        let buffers = Buffers {
            from: whole.slice(),
            to: part.slice(),
        };
        let shape = Shape {
            rows,
            columns: n,
            from: [m, m + n],
            to: [0, n],
        };
        run(gpu, launch(buffers, shape), &[&whole, &part]);
        assert_eq!(part.read::<f32>(), b);
        assert_eq!(twin::slice(&expected, [rows, m + n], m, n), b);
    });
}
