//! `gather` against its twin.

use vae_wgpu::gpu::{Gpu, Launch};
use vae_wgpu::kernels::gather::{Buffers, Form, launch, pack};
use vae_wgpu::reference::gather as twin;
use vae_wgpu::rng;

use crate::arrays::{Array, extreme, random, run, state, wrapped};
use crate::support::harness::{Test, tests};
use crate::support::tolerance::{EPS, Tolerance};

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks:
        shapes,
        every_byte,
        the_end_of_an_epoch,
        a_wrapped_grid,
        random_shapes,
        images_in_several_buffers,
    ]
}

const FORMS: [Form; 2] = [Form::Bytes, Form::Floats];

/// Images whose values differ from pixel to pixel and from image to image.
struct Images {
    form: Form,
    bytes: Vec<u8>,
    floats: Vec<f32>,
    dim: usize,
}

impl Images {
    fn new(form: Form, count: usize, dim: usize) -> Self {
        let bytes = (0..count * dim).map(|i| (i * 31 + i / dim.max(1) * 7) as u8);
        Self {
            form,
            bytes: bytes.collect(),
            floats: extreme(3, count * dim, 1e30),
            dim,
        }
    }

    /// The images of these numbers, on the GPU.
    fn upload<'a>(&self, gpu: &'a Gpu, numbers: std::ops::Range<usize>) -> Array<'a> {
        let values = numbers.start * self.dim..numbers.end * self.dim;
        match self.form {
            Form::Bytes => Array::of(gpu, &pack(&self.bytes[values], self.dim)),
            Form::Floats => Array::of(gpu, &self.floats[values]),
        }
    }

    /// What the twin makes of them.
    fn expected(&self, order: &[u32], position: usize, rows: usize) -> Vec<f64> {
        let shape = [rows, self.dim];
        match self.form {
            Form::Bytes => twin::bytes(&self.bytes, order, position, shape),
            Form::Floats => twin::floats(&self.floats, order, position, shape),
        }
    }

    fn check(&self, what: &str, x: &[f32], expected: &[f64]) {
        match self.form {
            // `unpack4x8unorm` carries 3 ULP.
            Form::Bytes => Tolerance::relative(3.0 * EPS).check(what, x, expected),
            // Nothing is computed.
            Form::Floats => assert!(
                x.iter()
                    .map(|&x| f64::from(x).to_bits())
                    .eq(expected.iter().map(|x| x.to_bits())),
                "{what}: other numbers than those of the images"
            ),
        }
    }
}

fn compare(
    gpu: &Gpu,
    count: usize,
    position: usize,
    [rows, dim]: [usize; 2],
    grid: fn(Launch) -> Launch,
) {
    for form in FORMS {
        let all = Images::new(form, count, dim);
        let order = rng::permutation(1, 2, count);
        let images = all.upload(gpu, 0..count);
        let [order_gpu, state] = [Array::of(gpu, &order), state(gpu, 9, position as u32, 5)];
        let x = Array::output(gpu, rows * dim);
        let buffers = Buffers {
            images: images.slice(),
            order: order_gpu.slice(),
            state: state.slice(),
            x: x.slice(),
        };
        run(
            gpu,
            grid(launch(buffers, form, [rows, dim], 0)),
            &[&images, &order_gpu, &state, &x],
        );
        let what = format!("{form:?}: {rows} of {count} images of {dim} from {position}");
        all.check(&what, &x.read(), &all.expected(&order, position, rows));
    }
}

fn shapes(gpu: &Gpu) {
    for (rows, dim) in [
        (1, 1),
        (0, 4),
        (3, 2),
        (2, 3),
        (5, 4),
        (7, 5),
        (13, 63),
        (9, 784),
    ] {
        for position in [0, 6] {
            compare(gpu, 29, position, [rows, dim], |launch| launch);
        }
    }
}

fn every_byte(gpu: &Gpu) {
    compare(gpu, 1, 0, [1, 256], |launch| launch);
}

fn the_end_of_an_epoch(gpu: &Gpu) {
    compare(gpu, 101, 96, [5, 10], |launch| launch);
}

fn a_wrapped_grid(gpu: &Gpu) {
    compare(gpu, 67, 3, [61, 65], wrapped);
}

/// Each launch writes the rows whose images it has, and no others.
fn images_in_several_buffers(gpu: &Gpu) {
    let (count, [rows, dim]) = (23, [19, 70]);
    let order = rng::permutation(1, 2, count);
    for form in FORMS {
        let all = Images::new(form, count, dim);
        let expected = all.expected(&order, 3, rows);
        let [order_gpu, state] = [Array::of(gpu, &order), state(gpu, 9, 3, 5)];
        let x = Array::output(gpu, rows * dim);
        let mut written = vec![false; rows];
        for numbers in [0..9, 9..10, 10..23] {
            let images = all.upload(gpu, numbers.clone());
            let buffers = Buffers {
                images: images.slice(),
                order: order_gpu.slice(),
                state: state.slice(),
                x: x.slice(),
            };
            run(
                gpu,
                launch(buffers, form, [rows, dim], numbers.start),
                &[&images, &order_gpu, &state, &x],
            );
            for (row, written) in written.iter_mut().enumerate() {
                *written |= numbers.contains(&(order[3 + row] as usize));
            }
            let x = x.read::<f32>();
            for (row, written) in written.iter().enumerate() {
                let x = &x[row * dim..][..dim];
                let expected = &expected[row * dim..][..dim];
                match written {
                    true => all.check(&format!("{form:?}: row {row}"), x, expected),
                    false => assert!(x.iter().all(|x| x.is_nan()), "row {row} of other images"),
                }
            }
        }
        assert!(written.iter().all(|&written| written));
    }
}

fn random_shapes(gpu: &Gpu) {
    random(
        (1usize..50, 1usize..100, 0usize..50),
        |(rows, dim, position)| {
            compare(gpu, 100, position, [rows, dim], |launch| launch);
        },
    );
}
