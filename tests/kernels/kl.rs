//! `kl` against its twin.

use vae_wgpu::gpu::{Gpu, Launch};
use vae_wgpu::kernels::kl::{Buffers, Gradient, launch};
use vae_wgpu::reference::kl as twin;

use crate::arrays::{
    Array, LANES, ROW_SHAPES, additions, extreme, random, row_sums, run, uniform, wide, wrapped,
};
use crate::support::harness::{Test, tests};
use crate::support::tolerance::{EPS, Tolerance};

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks: shapes, halves, extreme_values, an_untrained_encoder, a_wrapped_grid, past_65535_rows, random_shapes]
}

struct Case {
    shape: [usize; 2],
    mu: Vec<f32>,
    logvar: Vec<f32>,
    d_rows: Vec<f32>,
}

impl Case {
    fn of(shape: [usize; 2], mu: Vec<f32>, logvar: Vec<f32>) -> Self {
        Self {
            shape,
            mu,
            logvar,
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
        let [mu, logvar, d_rows] =
            [&self.mu, &self.logvar, &self.d_rows].map(|values| Array::of(gpu, values));
        let len = self.mu.len();
        let [rows, d_mu, d_logvar] = [self.shape[0], len, len].map(|len| Array::output(gpu, len));
        let backward = Gradient {
            d_rows: d_rows.slice(),
            d_mu: d_mu.slice(),
            d_logvar: d_logvar.slice(),
        };
        let buffers = Buffers {
            mu: mu.slice(),
            logvar: logvar.slice(),
            value: value.then_some(rows.slice()),
            gradient: gradient.then_some(backward),
            unused: &gpu.unused(),
        };
        let arrays = [&mu, &logvar, &d_rows, &rows, &d_mu, &d_logvar];
        run(gpu, grid(launch(buffers, self.shape, lanes)), &arrays);
        let what = format!("{:?} with {lanes} lanes", self.shape);
        if value {
            self.check_value(&format!("rows {what}"), &rows.read(), lanes);
        }
        if gradient {
            self.check_gradient(&what, &d_mu.read(), &d_logvar.read());
        }
    }

    /// Each term is off by that and by the rounding of its parts; the sum rounds at each addition.
    fn check_value(&self, what: &str, actual: &[f32], lanes: u32) {
        let expected = twin::value(&wide(&self.mu), &wide(&self.logvar), self.shape);
        let roundings = additions(self.shape[1], lanes) + 5.0;
        let magnitude = row_sums(self.shape, |i| {
            let logvar = f64::from(self.logvar[i]);
            let parts = f64::from(self.mu[i]).powi(2) + logvar.min(80.0).exp_m1() - logvar;
            0.5 * (roundings * parts.abs() + off(self.logvar[i])[1])
        });
        Tolerance::relative(EPS).check_against(what, actual, &expected, &magnitude);
    }

    /// One product for d_mu; exp(logvar) − 1 and two products for d_logvar.
    fn check_gradient(&self, what: &str, d_mu: &[f32], d_logvar: &[f32]) {
        let [mu, logvar, d_rows] = [&self.mu, &self.logvar, &self.d_rows].map(|v| wide(v));
        let expected = twin::gradient(&mu, &logvar, &d_rows, self.shape);
        Tolerance::relative(EPS).check(&format!("d_mu {what}"), d_mu, &expected.0);
        let magnitude: Vec<f64> = (0..mu.len())
            .map(|i| {
                let off = 0.5 * d_rows[i / self.shape[1]] * off(self.logvar[i])[0];
                off.abs() + 2.0 * expected.1[i].abs()
            })
            .collect();
        let what = format!("d_logvar {what}");
        Tolerance::relative(EPS).check_against(&what, d_logvar, &expected.1, &magnitude);
    }
}

/// What exp(logvar) − 1 and exp(logvar) − 1 − logvar are off by, in ULP of 1: near zero a series of
/// some twenty roundings; elsewhere 3 + 2|logvar| ULP of exp, and the differences.
pub(crate) fn off(logvar: f32) -> [f64; 2] {
    let logvar = f64::from(logvar);
    let clamped = logvar.min(80.0);
    if logvar.abs() < 0.5 {
        return [logvar.exp_m1().abs(), logvar.exp_m1() - logvar].map(|x| 20.0 * x);
    }
    let own = clamped.exp() * (3.0 + 2.0 * clamped.abs());
    let difference = own + 2.0 * (clamped.exp() + 1.0);
    [difference, difference + 2.0 * logvar.abs()]
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

/// exp(100) is beyond f32: the clamp keeps value and gradient finite.
fn extreme_values(gpu: &Gpu) {
    let shape = [5, 101];
    for bound in [1e2, 1e4] {
        let case = Case::of(shape, extreme(13, 505, 1e4), extreme(14, 505, bound));
        case.compare(gpu, 64, BOTH, |launch| launch);
    }
}

/// Next to zero the divergence is of second order, and all of its digits are there.
fn an_untrained_encoder(gpu: &Gpu) {
    for bound in [0.6, 1e-2, 1e-4, 1e-6] {
        let [mu, logvar] = [uniform(15, 505, 0.1 * bound), uniform(16, 505, bound)];
        Case::of([5, 101], mu, logvar).compare(gpu, 8, BOTH, |launch| launch);
    }
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
