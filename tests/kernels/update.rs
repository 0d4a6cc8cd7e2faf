//! `update_subgroups` against its twin.

use vae_wgpu::gpu::{Gpu, Launch};
use vae_wgpu::graph::Adam;
use vae_wgpu::kernels::update::{self, Buffers, Layer};
use vae_wgpu::reference::update::{self as twin, Trained};

use crate::arrays::{Array, extreme, random, run, state, uniform, wide, wrapped};
use crate::support::harness::{Test, tests};
use crate::support::tolerance::{EPS, Tolerance};

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks:
        shapes,
        many_layers,
        steps,
        other_settings,
        extreme_values,
        no_moment_is_denormal,
        a_wrapped_grid,
        random_layers,
    ]
}

/// One of the kernel's variants.
type Variant = fn(Buffers<'_>, usize, &[Layer], Adam) -> Launch;

/// The variants that an adapter can run.
fn variants(gpu: &Gpu) -> Vec<Variant> {
    let eight = gpu.subgroup_size() == Some(8);
    let all: [(bool, Variant); 1] = [(eight, update::launch)];
    let runs = all.into_iter().filter(|(runs, _)| *runs);
    runs.map(|(_, variant)| variant).collect()
}

/// Words between tensors, and between weights: not a number, and of no even length.
const GAP: usize = 3;

struct Case {
    rows: usize,
    layers: Vec<Layer>,
    adam: Adam,
    /// Steps that have begun.
    step: u32,
    tape: Vec<f32>,
    parameters: Vec<f32>,
    m: Vec<f32>,
    v: Vec<f32>,
}

impl Case {
    fn new(rows: usize, step: u32) -> Self {
        let gap = || vec![f32::NAN; GAP];
        Self {
            rows,
            layers: Vec::new(),
            adam: Adam::default(),
            step,
            tape: gap(),
            parameters: gap(),
            m: gap(),
            v: gap(),
        }
    }

    /// Layers of these sizes `[fan_out, fan_in]`, every second one with a bias.
    fn uniform(rows: usize, step: u32, sizes: &[[usize; 2]]) -> Self {
        let mut case = Self::new(rows, step);
        for (index, &[fan_out, fan_in]) in sizes.iter().enumerate() {
            let seed = 10 * index as u64;
            let d_y = uniform(seed, rows * fan_out, 1.0);
            let x = uniform(seed + 1, rows * fan_in, 2.0);
            case.layer(&d_y, &x, index % 2 == 0);
        }
        case
    }

    /// Adds a layer with moments of some steps.
    fn layer(&mut self, d_y: &[f32], x: &[f32], bias: bool) {
        let [fan_out, fan_in] = [d_y, x].map(|values| values.len() / self.rows);
        let [d_y, x] = [d_y, x].map(|values| append(&mut self.tape, values));
        // The bias lies before the weight, where other programs have it behind.
        let bias = bias.then(|| self.parameters(fan_out));
        let weight = self.parameters(fan_out * fan_in);
        self.layers.push(Layer {
            d_y,
            x,
            fan_out,
            fan_in,
            weight,
            bias,
        });
    }

    fn parameters(&mut self, len: usize) -> usize {
        let seed = 1000 + self.parameters.len() as u64;
        append(&mut self.parameters, &uniform(seed, len, 1.0));
        append(&mut self.m, &uniform(seed + 1, len, 0.3));
        let v = uniform(seed + 2, len, 0.1);
        append(
            &mut self.v,
            &v.iter().map(|v| 0.01 + v.abs()).collect::<Vec<_>>(),
        )
    }

    fn compare(&self, gpu: &Gpu) {
        for variant in variants(gpu) {
            self.check(&self.run(gpu, variant, |launch| launch));
        }
    }

    /// Parameters and moments after the launch.
    fn run(&self, gpu: &Gpu, variant: Variant, grid: fn(Launch) -> Launch) -> [Vec<f32>; 3] {
        let tape = Array::of(gpu, &self.tape);
        let state = state(gpu, self.step, 3, 4);
        let [parameters, m, v] =
            [&self.parameters, &self.m, &self.v].map(|v| Array::updated(gpu, v));
        let buffers = Buffers {
            tape: tape.slice(),
            state: state.slice(),
            parameters: parameters.slice(),
            m: m.slice(),
            v: v.slice(),
        };
        let launch = grid(variant(buffers, self.rows, &self.layers, self.adam));
        run(gpu, launch, &[&tape, &state, &parameters, &m, &v]);
        [parameters, m, v].map(|array| array.read())
    }

    fn check(&self, [p_new, m_new, v_new]: &[Vec<f32>; 3]) {
        let tape = wide(&self.tape);
        let [mut p, mut m, mut v] = [&self.parameters, &self.m, &self.v].map(|v| wide(v));
        let mut trained = Trained {
            parameters: &mut p,
            m: &mut m,
            v: &mut v,
        };
        twin::update(
            &self.layers,
            self.rows,
            self.adam,
            self.step,
            &tape,
            &mut trained,
        );
        let sizes: Vec<f64> = tape.iter().map(|v| v.abs()).collect();
        let mut updated = vec![false; p.len()];
        for (index, layer) in self.layers.iter().enumerate() {
            let gradients = twin::gradients(layer, self.rows, &tape);
            let sizes = twin::gradients(layer, self.rows, &sizes);
            let weight = (layer.weight, gradients.0, sizes.0);
            let bias = layer.bias.map(|at| (at, gradients.1, sizes.1));
            for (at, gradients, sizes) in [Some(weight), bias].into_iter().flatten() {
                let of = at..at + gradients.len();
                updated[of.clone()].fill(true);
                let elements = || gradients.iter().zip(&sizes).enumerate();
                let bounds: Vec<_> = elements()
                    .map(|(i, (&g, &size))| self.bounds(at + i, g, size))
                    .collect();
                let parts = [(p_new, &p), (m_new, &m), (v_new, &v)];
                for (part, (actual, expected)) in parts.into_iter().enumerate() {
                    let what = format!(
                        "{} of parameters {at}.. of layer {index} ({layer:?}), {} rows, step {}",
                        ["new values", "m", "v"][part],
                        self.rows,
                        self.step
                    );
                    let allowed: Vec<f64> = bounds.iter().map(|bounds| bounds[part]).collect();
                    Tolerance::relative(1.0).check_against(
                        &what,
                        &actual[of.clone()],
                        &expected[of.clone()],
                        &allowed,
                    );
                }
            }
        }
        let before = [&self.parameters, &self.m, &self.v];
        for (after, before) in [p_new, m_new, v_new].into_iter().zip(before) {
            for at in (0..updated.len()).filter(|&at| !updated[at]) {
                let same = after[at].to_bits() == before[at].to_bits();
                assert!(same, "parameter {at} belongs to no layer");
            }
        }
    }

    /// What parameter, m and v at `at` may be off by, for a gradient that is a sum of parts of this
    /// size together.
    fn bounds(&self, at: usize, g: f64, size: f64) -> [f64; 3] {
        let Adam {
            lr,
            beta1,
            beta2,
            eps,
        } = self.adam;
        let [p, m, v] = [&self.parameters, &self.m, &self.v].map(|v| f64::from(v[at]));
        // The partial sums round once each, and the products in them.
        let g_off = (self.rows + 1) as f64 * EPS * size;
        // As for the kernel `adam`, to which the gradient's error comes.
        let m_size = beta1 * m.abs() + (1.0 - beta1) * (g.abs() + g_off);
        let v_size = beta2 * v + (1.0 - beta2) * (g.abs() + g_off).powi(2);
        let m_off = (1.0 - beta1) * g_off + 5.0 * EPS * m_size;
        let v_off = (1.0 - beta2) * g_off * (2.0 * g.abs() + g_off) + 6.0 * EPS * v_size;
        // |m′/d′ − m/d| ≤ (|m′ − m| + |m/d|·|d′ − d|) / d′, and |√v′ − √v| ≤ |v′ − v| / √v and
        // ≤ √|v′ − v|. The moments' own roundings are in both parts; the corrections', the roots'
        // and the divisions' are 25 of the 36 ULP that `adam` counts.
        let t = f64::from(self.step);
        let [c1, c2] = [beta1, beta2].map(|beta| 1.0 - beta.powf(t));
        let m_new = beta1 * m + (1.0 - beta1) * g;
        let root = ((beta2 * v + (1.0 - beta2) * g * g) / c2).sqrt();
        let root_off = (v_off / c2)
            .sqrt()
            .min(v_off / c2 / root.max(f64::MIN_POSITIVE));
        let divisor = root + eps;
        let ratio = (m_new / c1 / divisor).abs();
        let least = (divisor - root_off).max(eps);
        let ratio_off = (m_off / c1 + ratio * root_off) / least;
        let p_off =
            lr * ratio_off + 25.0 * EPS * lr * (ratio + ratio_off) + EPS * (p.abs() + lr * ratio);
        [p_off, m_off, v_off]
    }
}

/// Puts values behind those that are there, and a gap behind them; returns where they start.
fn append(to: &mut Vec<f32>, values: &[f32]) -> usize {
    let at = to.len();
    to.extend_from_slice(values);
    to.extend([f32::NAN; GAP]);
    at
}

const ROWS: [usize; 7] = [1, 7, 63, 64, 65, 128, 130];

/// About the edges of the tile, 64×32 or 32×64, and of its eight lanes.
const SIZES: [[usize; 2]; 16] = [
    [1, 1],
    [3, 1],
    [1, 33],
    [31, 33],
    [33, 31],
    [64, 32],
    [32, 64],
    [65, 33],
    [33, 65],
    [97, 3],
    [3, 97],
    [129, 7],
    [7, 129],
    [64, 97],
    [97, 64],
    [200, 1],
];

/// Each size alone with a bias, so that the first and the last tile of a launch are all of them.
fn shapes(gpu: &Gpu) {
    for rows in ROWS {
        for size in SIZES {
            Case::uniform(rows, 1, &[size]).compare(gpu);
        }
    }
}

/// All of them in one launch, with and without biases.
fn many_layers(gpu: &Gpu) {
    for rows in ROWS {
        Case::uniform(rows, 3, &SIZES).compare(gpu);
        Case::uniform(rows, 3, &SIZES[1..]).compare(gpu);
    }
    let most: Vec<_> = SIZES.into_iter().chain(SIZES).collect();
    Case::uniform(5, 3, &most).compare(gpu);
}

/// The bias corrections cancel at small steps and change from series to exp on the way.
fn steps(gpu: &Gpu) {
    for step in [1, 2, 3, 5, 6, 100, 499, 500, 501, 100_000, 100_000_000] {
        Case::uniform(9, step, &[[33, 5], [5, 33]]).compare(gpu);
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
        let case = Case {
            adam,
            ..Case::uniform(17, 3, &[[33, 5], [5, 33]])
        };
        case.compare(gpu);
    }
}

/// Gradients from almost nothing to almost overflow of their squares; then none at all.
fn extreme_values(gpu: &Gpu) {
    for bound in [1e2, 1e7] {
        let mut case = Case::new(9, 8);
        case.layer(&extreme(5, 9 * 33, bound), &extreme(6, 9 * 35, bound), true);
        case.compare(gpu);
    }
    for bound in [1e-12, 0.0] {
        let mut case = Case::new(9, 1);
        case.layer(&uniform(6, 9 * 33, bound), &uniform(7, 9 * 5, 1.0), true);
        for moment in [&mut case.m, &mut case.v] {
            moment.iter_mut().for_each(|value| *value *= 0.0);
        }
        case.compare(gpu);
    }
}

/// What decays below f32's normal numbers becomes zero, as computing with it is slow.
fn no_moment_is_denormal(gpu: &Gpu) {
    for variant in variants(gpu) {
        let mut case = Case::new(3, 1000);
        case.layer(&[0.0; 3 * 9], &uniform(1, 3 * 5, 1.0), true);
        let at = case.layers[0].weight;
        for i in 0..9 * 5 {
            let sign = if i % 2 == 0 { 1.0 } else { -1.0 };
            case.m[at + i] = sign * f32::MIN_POSITIVE * (1.0 + i as f32 / 64.0);
            case.v[at + i] = f32::MIN_POSITIVE;
        }
        let updated = case.run(gpu, variant, |launch| launch);
        case.check(&updated);
        let [_, m, v] = updated;
        assert!(!m.iter().chain(&v).any(|value| value.is_subnormal()));
    }
}

/// Past 65,535 tiles they lie in rows; what is left of the last row has nothing to do.
fn a_wrapped_grid(gpu: &Gpu) {
    let case = Case::uniform(3, 2, &[[70, 70], [33, 65], [9, 200]]);
    for variant in variants(gpu) {
        case.check(&case.run(gpu, variant, wrapped));
    }
}

fn random_layers(gpu: &Gpu) {
    let sizes = proptest::collection::vec((1usize..140, 1usize..140), 1..8);
    random(
        (1usize..140, 1u32..100_000, sizes),
        |(rows, step, sizes)| {
            let sizes: Vec<_> = sizes.into_iter().map(|(o, i)| [o, i]).collect();
            Case::uniform(rows, step, &sizes).compare(gpu);
        },
    );
}
