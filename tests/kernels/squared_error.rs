//! `squared_error` against its twin.

use vae_wgpu::gpu::{Gpu, Launch};
use vae_wgpu::kernels::squared_error::{Buffers, Gradient, launch};
use vae_wgpu::reference::squared_error as twin;

use crate::arrays::{
    Array, LANES, ROW_SHAPES, additions, extreme, random, row_sums, run, uniform, wide, wrapped,
};
use crate::support::harness::{Test, tests};
use crate::support::tolerance::{EPS, Tolerance};

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks: shapes, halves, extreme_values, a_wrapped_grid, past_65535_rows, random_shapes]
}

/// Scale and offset of a Gaussian of unit variance.
const GAUSSIAN: [f32; 2] = [0.5, 0.918_938_5];

struct Case {
    shape: [usize; 2],
    factors: [f32; 2],
    y: Vec<f32>,
    x: Vec<f32>,
    d_rows: Vec<f32>,
}

impl Case {
    fn of(shape: [usize; 2], y: Vec<f32>, x: Vec<f32>) -> Self {
        Self {
            shape,
            factors: GAUSSIAN,
            y,
            x,
            d_rows: uniform(12, shape[0], 2.0),
        }
    }

    fn uniform(shape @ [rows, columns]: [usize; 2]) -> Self {
        let len = rows * columns;
        Self::of(shape, uniform(10, len, 1.0), uniform(11, len, 2.0))
    }

    /// Value and gradient in one launch, or one of them alone.
    fn compare(
        &self,
        gpu: &Gpu,
        lanes: u32,
        [value, gradient]: [bool; 2],
        grid: fn(Launch) -> Launch,
    ) {
        let [y, x, d_rows] = [&self.y, &self.x, &self.d_rows].map(|values| Array::of(gpu, values));
        let [rows, d_y] = [self.shape[0], self.y.len()].map(|len| Array::output(gpu, len));
        let backward = Gradient {
            d_rows: d_rows.slice(),
            d_y: d_y.slice(),
        };
        let buffers = Buffers {
            y: y.slice(),
            x: x.slice(),
            value: value.then_some(rows.slice()),
            gradient: gradient.then_some(backward),
            unused: &gpu.unused(),
        };
        let arrays = [&y, &x, &d_rows, &rows, &d_y];
        run(
            gpu,
            grid(launch(buffers, self.shape, self.factors, lanes)),
            &arrays,
        );
        let what = format!("{:?} with {lanes} lanes", self.shape);
        if value {
            self.check_value(&format!("rows {what}"), &rows.read(), lanes);
        }
        if gradient {
            self.check_gradient(&format!("d_y {what}"), &d_y.read());
        }
    }

    /// A term is a difference, two products and a sum; the difference counts twice.
    fn check_value(&self, what: &str, actual: &[f32], lanes: u32) {
        let expected = twin::value(&wide(&self.y), &wide(&self.x), self.shape, self.factors);
        // All terms are positive: the sum is its own magnitude, but for a negative offset.
        let [scale, offset] = self.factors.map(f64::from);
        let magnitude = row_sums(self.shape, |i| {
            scale * (f64::from(self.y[i]) - f64::from(self.x[i])).powi(2) + offset.abs()
        });
        Tolerance::relative((additions(self.shape[1], lanes) + 5.0) * EPS)
            .check_against(what, actual, &expected, &magnitude);
    }

    /// A difference and three products.
    fn check_gradient(&self, what: &str, actual: &[f32]) {
        let [y, x, d_rows] = [&self.y, &self.x, &self.d_rows].map(|v| wide(v));
        let expected = twin::gradient(&y, &x, &d_rows, self.shape, self.factors[0]);
        Tolerance::relative(4.0 * EPS).check(what, actual, &expected);
    }
}

const BOTH: [bool; 2] = [true, true];

fn shapes(gpu: &Gpu) {
    for lanes in LANES {
        for shape in ROW_SHAPES {
            Case::uniform(shape).compare(gpu, lanes, BOTH, |launch| launch);
        }
    }
    let plain = Case {
        factors: [1.0, 0.0],
        ..Case::uniform([7, 31])
    };
    plain.compare(gpu, 8, BOTH, |launch| launch);
}

fn halves(gpu: &Gpu) {
    for halves in [[true, false], [false, true]] {
        Case::uniform([7, 131]).compare(gpu, 8, halves, |launch| launch);
    }
}

fn extreme_values(gpu: &Gpu) {
    let case = Case::of([5, 101], extreme(13, 505, 1e4), extreme(14, 505, 1e15));
    case.compare(gpu, 64, BOTH, |launch| launch);
}

fn a_wrapped_grid(gpu: &Gpu) {
    Case::uniform([31, 17]).compare(gpu, 8, BOTH, wrapped);
}

fn past_65535_rows(gpu: &Gpu) {
    Case::uniform([65_537, 2]).compare(gpu, 8, BOTH, |launch| launch);
}

fn random_shapes(gpu: &Gpu) {
    random((1usize..60, 1usize..300), |(rows, columns)| {
        Case::uniform([rows, columns]).compare(gpu, 8, BOTH, |launch| launch);
    });
}
