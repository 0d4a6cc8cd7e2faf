//! `adam` against its twin.

use vae_wgpu::gpu::{Gpu, Launch};
use vae_wgpu::graph::{Adam, Curve, Optimizer, Schedule};
use vae_wgpu::kernels::adam::{Buffers, Counter, launch};
use vae_wgpu::reference::adam as twin;

use crate::arrays::{Array, LENGTHS, extreme, random, run, state, uniform, wide, wrapped};
use crate::support::harness::{Test, tests};
use crate::support::tolerance::{EPS, Tolerance};

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks: lengths, steps, other_settings, rates, decayed, clipped, a_moved_counter,
        extreme_values, a_wrapped_grid, random_lengths]
}

/// What the shader's rate may be off by, in ULP of it: its start and end rounded (1), p from two rounded
/// whole numbers (2 and 2.5), and half of a cosine twice in a sine of it: π/2 and a product (2), x² (1),
/// a series with a product, a division and a difference in its outer term and a last product (5.5), then
/// the square (1). So p is off by 2·(4.5 + 2 + 1 + 5.5) + 1 = 27 of it at most, and as p ≤ ½ no more than
/// that is 1 − p. Then a difference, a product and a sum: 3.
const RATE_ULP: f64 = 31.0;

struct Case {
    optimizer: Optimizer,
    step: u32,
    counter: Counter,
    /// Of all gradients, as another kernel left it.
    norm: f32,
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
            optimizer: Adam::default().into(),
            step,
            counter: Counter::AtStep,
            norm: f32::NAN,
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
        let state = match self.counter {
            Counter::AtStep => state(gpu, self.step, 3, 4),
            Counter::PastStep => state(gpu, self.step + 1, 3, 4),
        };
        let norm = Array::of(gpu, &[self.norm]);
        let gradients = Array::of(gpu, &self.gradients);
        let [parameters, m, v] =
            [&self.parameters, &self.m, &self.v].map(|v| Array::updated(gpu, v));
        let buffers = Buffers {
            state: state.slice(),
            gradients: gradients.slice(),
            norm: norm.slice(),
            parameters: parameters.slice(),
            m: m.slice(),
            v: v.slice(),
        };
        let arrays = [&state, &gradients, &norm, &parameters, &m, &v];
        run(
            gpu,
            grid(launch(buffers, &self.optimizer, self.counter)),
            &arrays,
        );
        let what = format!("step {}, {} elements", self.step, self.m.len());
        let [p_new, m_new, v_new] = self.updated();
        let [p_size, m_size, v_size] = self.magnitude();
        // Of a moment: the rounded 1 − β, a difference, a product (two, for a square), a sum. And of a
        // clipped gradient, twice in its square: the rounded norm, which comes from f32, a sum, the
        // division, a product.
        let clipped = if self.optimizer.clip_norm.is_some() {
            6.0
        } else {
            0.0
        };
        Tolerance::relative((5.0 + clipped) * EPS).check_against(
            &format!("m at {what}"),
            &m.read(),
            &m_new,
            &m_size,
        );
        Tolerance::relative((6.0 + 2.0 * clipped) * EPS).check_against(
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
            &self.optimizer,
            self.step,
            self.optimizer.clipping(self.norm.into()),
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
        let plain = Optimizer {
            weight_decay: 0.0,
            ..self.optimizer.clone()
        };
        let scale = plain.clipping(self.norm.into());
        let mut change = vec![0.0; m.len()];
        twin::update(
            &plain,
            self.step,
            scale,
            &gradients,
            &mut change,
            &mut m,
            &mut v,
        );
        // The change is off by 5 ULP of m, 8 of each bias correction (see the shader's series and
        // the accuracy of exp at −½), 6 of v, both halved by the root, 4.5 of the root itself, 2.5
        // of each of three divisions, and two more roundings: 35. The difference rounds once. Clipping
        // adds 6 of m and half of 12 of v; a rate that is not constant has an error too, which is also
        // that of the decay, with the rounded λ and a product. Their sum rounds once.
        let clipped = if plain.clip_norm.is_some() { 12.0 } else { 0.0 };
        let rate = if plain.schedule.is_constant() {
            1.0
        } else {
            RATE_ULP
        };
        let decay = plain.schedule.rate(self.step) * self.optimizer.weight_decay;
        let size = self.parameters.iter().zip(&change).map(|(p, change)| {
            let (p, change) = (f64::from(p.abs()), change.abs());
            let decayed = decay * p;
            p + (36.0 + clipped + rate) * change + (rate + 3.0) * decayed
        });
        [size.collect(), m, v]
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
            optimizer: adam.into(),
            ..Case::uniform(2, 129)
        }
        .compare(gpu, |launch| launch);
    }
}

/// Every kind of schedule, at its edges and within; the change alone shows the rate, as there are no
/// parameters to hide its last digits.
fn rates(gpu: &Gpu) {
    for schedule in schedules() {
        for step in steps_of(&schedule) {
            let case = Case {
                optimizer: Optimizer {
                    schedule: schedule.clone(),
                    ..Adam::default().into()
                },
                parameters: vec![0.0; 65],
                ..Case::uniform(step, 65)
            };
            case.compare(gpu, |launch| launch);
        }
    }
}

/// Decays of both kinds and to both sides, alone and after a warm-up; tables up to the longest.
pub(crate) fn schedules() -> Vec<Schedule> {
    let decays = [Curve::Linear, Curve::Cosine]
        .into_iter()
        .flat_map(|curve| {
            [
                ([1e-3, 0.0], 0, 1),
                ([1e-3, 1e-5], 0, 999),
                ([1e-5, 1.0], 7, 50_000_007),
            ]
            .map(|(rates, first, last)| Schedule::decay(curve, rates, first, last).unwrap())
        });
    let table = |count: u32| {
        let rates: Vec<_> = (0..count)
            .map(|i| (3 * i * i, 0.9f64.powf(f64::from(i))))
            .collect();
        Schedule::table(&rates).unwrap()
    };
    let mut schedules: Vec<_> = decays.collect();
    schedules.push(schedules[5].clone().with_warmup(7).unwrap());
    schedules.extend([1, 2, 16].map(table));
    schedules.push(table(15).with_warmup(100).unwrap());
    schedules
}

/// Steps about the ends of its segments, and within.
pub(crate) fn steps_of(schedule: &Schedule) -> Vec<u32> {
    let of = |segment: &vae_wgpu::graph::Segment| {
        let (first, length) = (segment.first, segment.length);
        let after = first + length;
        [
            first.saturating_sub(1),
            first,
            first + 1,
            first + length / 3,
            first + length / 2,
            first + length / 2 + 1,
            after.saturating_sub(1),
            after,
            after + 1,
        ]
    };
    let mut steps: Vec<_> = schedule.segments().iter().flat_map(of).collect();
    steps.sort_unstable();
    steps.dedup();
    steps
}

/// Weights that only decay, and such that train too.
fn decayed(gpu: &Gpu) {
    for (weight_decay, bound) in [(0.01, 1.0), (100.0, 1.0), (0.5, 0.0)] {
        let case = Case {
            optimizer: Optimizer {
                weight_decay,
                schedule: schedules()[4].clone(),
                ..Adam::default().into()
            },
            ..Case::of(400, uniform(1, 129, bound))
        };
        case.compare(gpu, |launch| launch);
    }
}

/// Norms below what is allowed, about it, and far above.
fn clipped(gpu: &Gpu) {
    for norm in [0.0, 0.5, 0.999_998, 0.999_999_5, 1.0, 1.5, 3e4] {
        let case = Case {
            optimizer: Optimizer {
                clip_norm: Some(1.0),
                ..Adam::default().into()
            },
            norm,
            ..Case::uniform(3, 129)
        };
        case.compare(gpu, |launch| launch);
    }
}

/// The plans whose programs move it on before their updates.
fn a_moved_counter(gpu: &Gpu) {
    for step in [0, 9, 10] {
        let case = Case {
            counter: Counter::PastStep,
            optimizer: Optimizer {
                schedule: Schedule::table(&[(0, 1e-3), (10, 1e-2)]).unwrap(),
                ..Adam::default().into()
            },
            ..Case::uniform(step, 65)
        };
        case.compare(gpu, |launch| launch);
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
