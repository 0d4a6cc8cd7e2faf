//! `bernoulli_nll` against its twin.

use vae_wgpu::gpu::{Gpu, Launch};
use vae_wgpu::kernels::bernoulli_nll::{Buffers, Gradient, launch};
use vae_wgpu::reference::bernoulli_nll as twin;

use crate::arrays::{
    Array, LANES, ROW_SHAPES, additions, extreme, random, row_sums, run, uniform, wide, wrapped,
};
use crate::support::harness::{Test, tests};
use crate::support::tolerance::{EPS, Tolerance};

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks: shapes, halves, extreme_values, a_wrapped_grid, past_65535_rows, random_shapes]
}

struct Case {
    shape: [usize; 2],
    logits: Vec<f32>,
    x: Vec<f32>,
    d_rows: Vec<f32>,
}

impl Case {
    fn of(shape: [usize; 2], logits: Vec<f32>) -> Self {
        let x = uniform(11, logits.len(), 1.0)
            .into_iter()
            .map(f32::abs)
            .collect();
        Self {
            shape,
            logits,
            x,
            d_rows: uniform(12, shape[0], 2.0),
        }
    }

    fn uniform(shape: [usize; 2]) -> Self {
        Self::of(shape, uniform(10, shape[0] * shape[1], 8.0))
    }

    /// Value and gradient in one launch, or one of them alone.
    fn compare(
        &self,
        gpu: &Gpu,
        lanes: u32,
        [value, gradient]: [bool; 2],
        grid: fn(Launch) -> Launch,
    ) {
        let [logits, x, d_rows] =
            [&self.logits, &self.x, &self.d_rows].map(|values| Array::of(gpu, values));
        let rows = Array::output(gpu, self.shape[0]);
        let d_logits = Array::output(gpu, self.logits.len());
        let backward = Gradient {
            d_rows: d_rows.slice(),
            d_logits: d_logits.slice(),
        };
        let buffers = Buffers {
            logits: logits.slice(),
            x: x.slice(),
            value: value.then_some(rows.slice()),
            gradient: gradient.then_some(backward),
            unused: &gpu.unused(),
        };
        let arrays = [&logits, &x, &d_rows, &rows, &d_logits];
        run(gpu, grid(launch(buffers, self.shape, lanes)), &arrays);
        let what = format!("{:?} with {lanes} lanes", self.shape);
        if value {
            self.check_value(&format!("rows {what}"), &rows.read(), lanes);
        }
        if gradient {
            self.check_gradient(&format!("d_logits {what}"), &d_logits.read());
        }
    }

    /// Each term is off by a few roundings of its parts, and by 2⁻²¹ in the logarithm of 1 + t,
    /// whose t adds 3 ULP of exp; then the sum rounds at each addition.
    fn check_value(&self, what: &str, actual: &[f32], lanes: u32) {
        let expected = twin::value(&wide(&self.logits), &wide(&self.x), self.shape);
        let magnitude = row_sums(self.shape, |i| {
            let l = f64::from(self.logits[i]);
            l.max(0.0) + (l * f64::from(self.x[i])).abs() + (-l.abs()).exp().ln_1p()
        });
        Tolerance::relative((additions(self.shape[1], lanes) + 4.0) * EPS)
            .plus(self.shape[1] as f64 * (2f64.powi(-21) + 3.0 * EPS))
            .check_against(what, actual, &expected, &magnitude);
    }

    /// The sigmoid is off by 7 ULP of 1 at most, difference and product by one.
    fn check_gradient(&self, what: &str, actual: &[f32]) {
        let [logits, x, d_rows] = [&self.logits, &self.x, &self.d_rows].map(|v| wide(v));
        let expected = twin::gradient(&logits, &x, &d_rows, self.shape);
        let columns = self.shape[1];
        let magnitude: Vec<f64> = (0..logits.len()).map(|i| d_rows[i / columns]).collect();
        Tolerance::relative(9.0 * EPS).check_against(what, actual, &expected, &magnitude);
    }
}

const BOTH: [bool; 2] = [true, true];

fn shapes(gpu: &Gpu) {
    for lanes in LANES {
        for shape in ROW_SHAPES {
            Case::uniform(shape).compare(gpu, lanes, BOTH, |launch| launch);
        }
    }
}

fn halves(gpu: &Gpu) {
    for halves in [[true, false], [false, true]] {
        Case::uniform([7, 131]).compare(gpu, 8, halves, |launch| launch);
    }
}

/// Through a sigmoid and a logarithm, the value would be infinite or NaN here.
fn extreme_values(gpu: &Gpu) {
    let shape = [5, 101];
    let mut case = Case::of(shape, extreme(13, 505, 1e4));
    case.compare(gpu, 64, BOTH, |launch| launch);
    for (i, x) in case.x.iter_mut().enumerate() {
        *x = (i % 3 % 2) as f32;
    }
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
