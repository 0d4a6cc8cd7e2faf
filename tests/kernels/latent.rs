//! `latent` and `latent_grad` against their twins.

use vae_wgpu::gpu::Gpu;
use vae_wgpu::kernels::{latent, latent_grad};
use vae_wgpu::reference::{latent as twin, latent_grad as twin_grad};

use crate::arrays::{
    Array, LANES, ROW_SHAPES, additions, extreme, random, row_sums, run, uniform, wide, wrapped,
};
use crate::support::harness::{Test, tests};
use crate::support::tolerance::{EPS, Tolerance};

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks: shapes, extreme_values, an_untrained_encoder, a_wrapped_grid, past_65535_rows, random_shapes]
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

struct Case {
    shape: [usize; 2],
    mu: Vec<f32>,
    logvar: Vec<f32>,
    eps: Vec<f32>,
    d_z: Vec<f32>,
    d_rows: Vec<f32>,
}

impl Case {
    fn of(shape @ [rows, columns]: [usize; 2], mu: Vec<f32>, logvar: Vec<f32>) -> Self {
        let len = rows * columns;
        Self {
            shape,
            mu,
            logvar,
            eps: uniform(22, len, 3.0),
            d_z: uniform(23, len, 1.0),
            d_rows: uniform(24, rows, 2.0),
        }
    }

    fn uniform(shape @ [rows, columns]: [usize; 2]) -> Self {
        let len = rows * columns;
        Self::of(shape, uniform(20, len, 1.0), uniform(21, len, 2.0))
    }

    fn compare(&self, gpu: &Gpu, lanes: u32, wrap: bool) {
        let inputs = [&self.mu, &self.logvar, &self.eps, &self.d_z, &self.d_rows];
        let [mu, logvar, eps, d_z, d_rows] = inputs.map(|values| Array::of(gpu, values));
        let len = self.mu.len();
        let [z, d_mu, d_logvar] = [len; 3].map(|len| Array::output(gpu, len));
        let rows = Array::output(gpu, self.shape[0]);
        let grid = |launch| if wrap { wrapped(launch) } else { launch };

        let buffers = latent::Buffers {
            mu: mu.slice(),
            logvar: logvar.slice(),
            eps: eps.slice(),
            z: z.slice(),
            rows: rows.slice(),
        };
        let launch = grid(latent::launch(buffers, self.shape, lanes));
        run(gpu, launch, &[&mu, &logvar, &eps, &z, &rows]);
        let what = format!("{:?} with {lanes} lanes", self.shape);
        self.check_value(&what, &z.read(), &rows.read(), lanes);

        let buffers = latent_grad::Buffers {
            mu: mu.slice(),
            logvar: logvar.slice(),
            eps: eps.slice(),
            d_z: d_z.slice(),
            d_rows: d_rows.slice(),
            d_mu: d_mu.slice(),
            d_logvar: d_logvar.slice(),
        };
        let launch = grid(latent_grad::launch(buffers, self.shape));
        let arrays = [&mu, &logvar, &eps, &d_z, &d_rows, &d_mu, &d_logvar];
        run(gpu, launch, &arrays);
        self.check_gradient(&what, &d_mu.read(), &d_logvar.read());
    }

    /// exp(½ logvar), and what it is off by in ULP: 3 + 2·|½ logvar|.
    fn sigma(&self, i: usize) -> (f64, f64) {
        let half = 0.5 * f64::from(self.logvar[i]).min(80.0);
        (half.exp(), 3.0 + 2.0 * half.abs())
    }

    /// z rounds in σ, the product and the sum; the divergence as [`off`] says.
    fn check_value(&self, what: &str, z: &[f32], rows: &[f32], lanes: u32) {
        let [mu, logvar, eps] = [&self.mu, &self.logvar, &self.eps].map(|v| wide(v));
        let expected = twin::value(&mu, &logvar, &eps, self.shape);
        let magnitude: Vec<f64> = (0..mu.len())
            .map(|i| {
                let (sigma, ulp) = self.sigma(i);
                (ulp + 2.0) * (sigma * eps[i]).abs() + 2.0 * mu[i].abs()
            })
            .collect();
        let tolerance = Tolerance::relative(EPS);
        tolerance.check_against(&format!("z {what}"), z, &expected.0, &magnitude);
        let roundings = additions(self.shape[1], lanes) + 5.0;
        let magnitude = row_sums(self.shape, |i| {
            let parts = mu[i].powi(2) + logvar[i].min(80.0).exp_m1() - logvar[i];
            0.5 * (roundings * parts.abs() + off(self.logvar[i])[1])
        });
        tolerance.check_against(&format!("rows {what}"), rows, &expected.1, &magnitude);
    }

    /// Each of the two parts rounds in its products, and their sum once.
    fn check_gradient(&self, what: &str, d_mu: &[f32], d_logvar: &[f32]) {
        let [mu, logvar, eps] = [&self.mu, &self.logvar, &self.eps].map(|v| wide(v));
        let [d_z, d_rows] = [&self.d_z, &self.d_rows].map(|v| wide(v));
        let expected = twin_grad::gradient([&mu, &logvar, &eps], &d_z, &d_rows, self.shape);
        let upstream = |i: usize| d_rows[i / self.shape[1]];
        let of_mu = |i: usize| d_z[i].abs() + 2.0 * (upstream(i) * mu[i]).abs();
        let magnitude: Vec<f64> = (0..mu.len()).map(of_mu).collect();
        let tolerance = Tolerance::relative(EPS);
        tolerance.check_against(&format!("d_mu {what}"), d_mu, &expected.0, &magnitude);
        let of_logvar = |i: usize| {
            let (sigma, ulp) = self.sigma(i);
            let through_z = 0.5 * (ulp + 4.0) * (d_z[i] * sigma * eps[i]).abs();
            let variance = logvar[i].min(80.0).exp_m1();
            let divergence = 0.5 * (off(self.logvar[i])[0] + 3.0 * variance.abs());
            through_z + (upstream(i) * divergence).abs()
        };
        let magnitude: Vec<f64> = (0..mu.len()).map(of_logvar).collect();
        tolerance.check_against(
            &format!("d_logvar {what}"),
            d_logvar,
            &expected.1,
            &magnitude,
        );
    }
}

fn shapes(gpu: &Gpu) {
    for lanes in LANES {
        for shape in ROW_SHAPES {
            Case::uniform(shape).compare(gpu, lanes, false);
        }
    }
}

/// exp(100) is beyond f32: the clamp keeps values and gradients finite.
fn extreme_values(gpu: &Gpu) {
    let shape = [5, 101];
    for bound in [1e2, 1e4] {
        let case = Case::of(shape, extreme(25, 505, 1e4), extreme(26, 505, bound));
        case.compare(gpu, 64, false);
    }
}

/// Next to zero the divergence is of second order, and all of its digits are there.
fn an_untrained_encoder(gpu: &Gpu) {
    for bound in [0.6, 1e-2, 1e-4, 1e-6] {
        let [mu, logvar] = [uniform(15, 505, 0.1 * bound), uniform(16, 505, bound)];
        Case::of([5, 101], mu, logvar).compare(gpu, 8, false);
    }
}

fn past_65535_rows(gpu: &Gpu) {
    Case::uniform([65_537, 2]).compare(gpu, 8, false);
}

fn a_wrapped_grid(gpu: &Gpu) {
    Case::uniform([200, 7]).compare(gpu, 8, true);
}

fn random_shapes(gpu: &Gpu) {
    random((1usize..70, 1usize..140), |(rows, columns)| {
        Case::uniform([rows, columns]).compare(gpu, 8, false);
    });
}
