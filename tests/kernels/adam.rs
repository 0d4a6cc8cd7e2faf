//! `adam` against its twin.

use vae_wgpu::gpu::{Gpu, Launch};
use vae_wgpu::graph::Adam;
use vae_wgpu::kernels::adam::{Buffers, launch};
use vae_wgpu::reference::adam as twin;

use crate::arrays::{Array, LENGTHS, extreme, random, run, state, uniform, wide, wrapped};
use crate::support::harness::{Test, tests};
use crate::support::tolerance::{EPS, Tolerance};

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks: lengths, steps, other_settings, extreme_values, a_wrapped_grid, random_lengths]
}

struct Case {
    adam: Adam,
    step: u32,
    gradients: Vec<f32>,
    parameters: Vec<f32>,
    m: Vec<f32>,
    v: Vec<f32>,
}

impl Case {
    fn of(step: u32, gradients: Vec<f32>) -> Self {
        let len = gradients.len();
        let v = uniform(4, len, 0.1).into_iter().map(f32::abs).collect();
        Self {
            adam: Adam::default(),
            step,
            gradients,
            parameters: uniform(2, len, 1.0),
            m: uniform(3, len, 0.3),
            v,
        }
    }

    fn uniform(step: u32, len: usize) -> Self {
        Self::of(step, uniform(1, len, 1.0))
    }

    fn compare(&self, gpu: &Gpu, grid: fn(Launch) -> Launch) {
        let state = state(gpu, self.step, 3, 4);
        let gradients = Array::of(gpu, &self.gradients);
        let [parameters, m, v] =
            [&self.parameters, &self.m, &self.v].map(|v| Array::updated(gpu, v));
        let buffers = Buffers {
            state: state.slice(),
            gradients: gradients.slice(),
            parameters: parameters.slice(),
            m: m.slice(),
            v: v.slice(),
        };
        let arrays = [&state, &gradients, &parameters, &m, &v];
        run(gpu, grid(launch(buffers, self.adam)), &arrays);
        let what = format!("step {}, {} elements", self.step, self.m.len());
        let [p_new, m_new, v_new] = self.updated();
        let [p_size, m_size, v_size] = self.magnitude();
        // Of a moment: the rounded 1 − β, a difference, a product (two, for a square), a sum.
        Tolerance::relative(5.0 * EPS).check_against(
            &format!("m at {what}"),
            &m.read(),
            &m_new,
            &m_size,
        );
        Tolerance::relative(6.0 * EPS).check_against(
            &format!("v at {what}"),
            &v.read(),
            &v_new,
            &v_size,
        );
        Tolerance::relative(EPS).check_against(
            &format!("parameters at {what}"),
            &parameters.read(),
            &p_new,
            &p_size,
        );
    }

    fn updated(&self) -> [Vec<f64>; 3] {
        let [mut p, mut m, mut v] = [&self.parameters, &self.m, &self.v].map(|v| wide(v));
        twin::update(
            self.adam,
            self.step,
            &wide(&self.gradients),
            &mut p,
            &mut m,
            &mut v,
        );
        [p, m, v]
    }

    /// The moments without cancellation, and what the parameters may be off by in ULP of 1.
    fn magnitude(&self) -> [Vec<f64>; 3] {
        let sizes = |values: &[f32]| values.iter().map(|v| v.abs().into()).collect::<Vec<f64>>();
        let [gradients, mut m, mut v] = [&self.gradients, &self.m, &self.v].map(|v| sizes(v));
        let mut change = vec![0.0; m.len()];
        twin::update(
            self.adam,
            self.step,
            &gradients,
            &mut change,
            &mut m,
            &mut v,
        );
        // The change is off by 5 ULP of m, 8 of each bias correction (see the shader's series and
        // the accuracy of exp at −½), 6 of v, both halved by the root, 4.5 of the root itself, 2.5
        // of each of three divisions, and two more roundings: 35. The difference rounds once.
        let size = self.parameters.iter().zip(&change);
        [
            size.map(|(p, change)| f64::from(p.abs()) + 36.0 * change.abs())
                .collect(),
            m,
            v,
        ]
    }
}

fn lengths(gpu: &Gpu) {
    for len in LENGTHS {
        Case::uniform(0, len).compare(gpu, |launch| launch);
    }
}

/// The bias corrections cancel at small steps and change from series to exp on the way.
fn steps(gpu: &Gpu) {
    for step in [
        0,
        1,
        2,
        3,
        4,
        5,
        9,
        99,
        498,
        499,
        500,
        501,
        9_999,
        100_000_000,
    ] {
        Case::uniform(step, 65).compare(gpu, |launch| launch);
    }
}

fn other_settings(gpu: &Gpu) {
    for (beta1, beta2, eps) in [(0.0, 0.99, 1e-3), (0.5, 0.9, 1e-8), (0.99, 0.9999, 1e-7)] {
        let adam = Adam {
            lr: 0.03,
            beta1,
            beta2,
            eps,
        };
        Case {
            adam,
            ..Case::uniform(2, 129)
        }
        .compare(gpu, |launch| launch);
    }
}

/// Gradients from almost nothing to almost overflow of their squares; then none at all.
fn extreme_values(gpu: &Gpu) {
    for bound in [1e4, 1e15] {
        Case::of(7, extreme(5, 257, bound)).compare(gpu, |launch| launch);
    }
    let still = vec![0.0; 65];
    let first = Case {
        m: still.clone(),
        v: still.clone(),
        ..Case::of(0, extreme(6, 65, 1e-12))
    };
    first.compare(gpu, |launch| launch);
    let none = Case {
        m: still.clone(),
        v: still.clone(),
        ..Case::of(0, still)
    };
    none.compare(gpu, |launch| launch);
}

fn a_wrapped_grid(gpu: &Gpu) {
    Case::uniform(3, 1009).compare(gpu, wrapped);
}

fn random_lengths(gpu: &Gpu) {
    random((1usize..3000, 0u32..100_000), |(len, step)| {
        Case::uniform(step, len).compare(gpu, |launch| launch);
    });
}
