//! Layers with what their update reads, and its comparison with the twin.

use vae_wgpu::doctor::bounds;
use vae_wgpu::gpu::{Gpu, Launch};
use vae_wgpu::graph::{Adam, Optimizer};
use vae_wgpu::kernels::Address;
use vae_wgpu::kernels::rows::{TAPE_ALIGN, Tensor, stride};
use vae_wgpu::kernels::update::{self, Buffers, Layer, Part, Variant};
use vae_wgpu::reference::update::{self as twin, Trained};

use crate::arrays::{Array, run_all, state, uniform, wide};
use crate::support::tolerance::{EPS, Tolerance};

/// The variants that an adapter can run.
pub(crate) fn variants(gpu: &Gpu) -> impl Iterator<Item = Variant> {
    let eight = gpu.subgroup_size() == Some(8) && gpu.has_wide_integers();
    let subgroups = eight.then_some(Variant::Subgroups);
    subgroups.into_iter().chain(Variant::TILED)
}

/// Words between tensors: not a number.
const BETWEEN: usize = TAPE_ALIGN;

/// Words between weights: not a number, and of no even length.
const GAP: usize = 3;

/// The same where weights start at whole vectors.
const ALIGNED_GAP: usize = 4;

pub(crate) struct Case {
    pub(crate) rows: usize,
    pub(crate) layers: Vec<Layer>,
    pub(crate) optimizer: Optimizer,
    /// Steps that have begun.
    pub(crate) step: u32,
    pub(crate) tape: Vec<f32>,
    pub(crate) parameters: Vec<f32>,
    pub(crate) m: Vec<f32>,
    pub(crate) v: Vec<f32>,
    pub(crate) gap: usize,
}

impl Case {
    pub(crate) fn new(rows: usize, step: u32) -> Self {
        Self::with_gap(rows, step, GAP)
    }

    fn with_gap(rows: usize, step: u32, len: usize) -> Self {
        let gap = || vec![f32::NAN; len];
        Self {
            rows,
            layers: Vec::new(),
            optimizer: Adam::default().into(),
            step,
            tape: vec![f32::NAN; BETWEEN],
            parameters: gap(),
            m: gap(),
            v: gap(),
            gap: len,
        }
    }

    /// Layers of these sizes `[fan_out, fan_in]`, every second one with a bias.
    pub(crate) fn uniform(rows: usize, step: u32, sizes: &[[usize; 2]]) -> Self {
        Self::new(rows, step).with_layers(sizes)
    }

    /// Likewise; weights start at multiples of four words, as far as the lengths are such.
    pub(crate) fn aligned(rows: usize, step: u32, sizes: &[[usize; 2]]) -> Self {
        Self::with_gap(rows, step, ALIGNED_GAP).with_layers(sizes)
    }

    fn with_layers(mut self, sizes: &[[usize; 2]]) -> Self {
        let rows = self.rows;
        let case = &mut self;
        for (index, &[fan_out, fan_in]) in sizes.iter().enumerate() {
            let seed = 10 * index as u64;
            let d_y = uniform(seed, rows * fan_out, 1.0);
            let x = uniform(seed + 1, rows * fan_in, 2.0);
            case.layer(&d_y, &x, index % 2 == 0);
        }
        self
    }

    /// Adds a layer with moments of some steps.
    pub(crate) fn layer(&mut self, d_y: &[f32], x: &[f32], bias: bool) {
        let [fan_out, fan_in] = [d_y, x].map(|values| values.len() / self.rows);
        let [d_y, x] = [(d_y, fan_out), (x, fan_in)].map(|(values, width)| {
            let at = self.tape.len();
            let tensor = Tensor::whole(at, width);
            self.tape.resize(tensor.words(self.rows).end, f32::NAN);
            tensor.write(&mut self.tape, values);
            self.tape.extend([f32::NAN; BETWEEN]);
            at
        });
        // The bias lies before the weight, where other programs have it behind.
        let bias = bias.then(|| self.parameters(fan_out));
        let weight = self.parameters(fan_out * fan_in);
        self.layers.push(Layer {
            d_y,
            x,
            fan_out,
            fan_in,
            weight: weight.into(),
            bias: bias.map(Address::from),
        });
    }

    /// Cuts the latest layer in two, after so many of its outputs: its weight, which lies last, and
    /// its bias, if it has one.
    pub(crate) fn split(&mut self, outputs: usize) {
        // As little a multiple of a vector as the gaps are.
        let gap = 5 * self.gap;
        let mut arrays = [&mut self.parameters, &mut self.m, &mut self.v];
        let Some(layer) = self.layers.last_mut() else {
            return;
        };
        let mut cut = |address: &mut Address, split| {
            let at = address.first + split;
            *address = Address {
                split,
                gap,
                ..*address
            };
            for array in &mut arrays {
                array.splice(at..at, vec![f32::NAN; gap]);
            }
        };
        cut(&mut layer.weight, outputs * layer.fan_in);
        if let Some(bias) = &mut layer.bias {
            cut(bias, outputs);
            layer.weight.first += gap;
        }
    }

    fn parameters(&mut self, len: usize) -> usize {
        let seed = 1000 + self.parameters.len() as u64;
        let gap = self.gap;
        append(&mut self.parameters, &uniform(seed, len, 1.0), gap);
        append(&mut self.m, &uniform(seed + 1, len, 0.3), gap);
        let v = uniform(seed + 2, len, 0.1);
        append(
            &mut self.v,
            &v.iter().map(|v| 0.01 + v.abs()).collect::<Vec<_>>(),
            gap,
        )
    }

    pub(crate) fn compare(&self, gpu: &Gpu) {
        for variant in variants(gpu) {
            self.check(&self.run(gpu, variant, |launch| launch));
        }
    }

    /// Parameters and moments after the launch.
    pub(crate) fn run(
        &self,
        gpu: &Gpu,
        variant: Variant,
        grid: fn(Launch) -> Launch,
    ) -> [Vec<f32>; 3] {
        self.run_parts(gpu, variant, &[self.rows], grid)
    }

    /// Parameters and moments after launches of so many rows each.
    pub(crate) fn run_parts(
        &self,
        gpu: &Gpu,
        variant: Variant,
        parts: &[usize],
        grid: fn(Launch) -> Launch,
    ) -> [Vec<f32>; 3] {
        let [parameters, m, v, _] = self.launch(gpu, variant, parts, true, grid);
        [parameters, m, v]
    }

    /// The gradients that launches of so many rows each leave without an update, which must change
    /// nothing else.
    pub(crate) fn kept(&self, gpu: &Gpu, variant: Variant, parts: &[usize]) -> Vec<f32> {
        let [parameters, m, v, kept] = self.launch(gpu, variant, parts, false, |launch| launch);
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        let before = [&self.parameters, &self.m, &self.v];
        for (after, before) in [parameters, m, v].iter().zip(before) {
            assert!(bits(after) == bits(before), "an update without leave");
        }
        kept
    }

    /// Parameters, moments and gradients in memory after launches of so many rows each, the last of
    /// which updates or not.
    fn launch(
        &self,
        gpu: &Gpu,
        variant: Variant,
        parts: &[usize],
        updates: bool,
        grid: fn(Launch) -> Launch,
    ) -> [Vec<f32>; 4] {
        let in_memory = parts.len() > 1 || !updates;
        let tape = Array::of(gpu, &self.tape);
        let state = state(gpu, self.step, 3, 4);
        let [parameters, m, v] =
            [&self.parameters, &self.m, &self.v].map(|v| Array::updated(gpu, v));
        let gradients = Array::output(gpu, self.parameters.len());
        let unused = gpu.unused();
        let buffers = Buffers {
            tape: tape.slice(),
            state: state.slice(),
            parameters: parameters.slice(),
            m: m.slice(),
            v: v.slice(),
            gradients: if in_memory {
                gradients.slice()
            } else {
                &unused
            },
        };
        let mut launches = Vec::new();
        let mut done = 0;
        for &rows in parts {
            let part = Part {
                rows,
                first: done == 0,
                update: done + rows == self.rows && updates,
            };
            let layers: Vec<_> = self.layers.iter().map(|layer| from(layer, done)).collect();
            let launch = update::launch(buffers, part, &layers, &self.optimizer, variant);
            launches.push(grid(launch));
            done += rows;
        }
        let arrays = [&tape, &state, &parameters, &m, &v, &gradients];
        run_all(gpu, launches, &arrays);
        let kept = gradients.read::<f32>();
        let belongs = self.updated();
        for (at, kept) in kept.iter().enumerate() {
            let written = in_memory && belongs[at];
            assert_eq!(kept.is_nan(), !written, "gradient {at}");
        }
        let [parameters, m, v] = [parameters, m, v].map(|array| array.read());
        [parameters, m, v, kept]
    }

    /// Compares gradients that were kept with the twin's.
    pub(crate) fn check_kept(&self, kept: &[f32]) {
        let tape = wide(&self.tape);
        let sizes: Vec<f64> = tape.iter().map(|v| v.abs()).collect();
        for layer in &self.layers {
            let of = |tape: &[f64]| twin::gradients(layer, self.rows, tape);
            let ((weight, bias), (weight_size, bias_size)) = (of(&tape), of(&sizes));
            let weight = Some((layer.weight, weight, weight_size));
            let bias = layer.bias.map(|at| (at, bias, bias_size));
            for (at, expected, sizes) in weight.into_iter().chain(bias) {
                let actual: Vec<_> = (0..expected.len()).map(|i| kept[at.word(i)]).collect();
                // As in `bounds`.
                Tolerance::relative((self.rows + 3) as f64 * EPS).check_against(
                    &format!("gradients of {layer:?}"),
                    &actual,
                    &expected,
                    &sizes,
                );
            }
        }
    }

    /// Which parameters belong to a layer.
    fn updated(&self) -> Vec<bool> {
        let mut updated = vec![false; self.parameters.len()];
        for layer in &self.layers {
            let weight = layer.weight.pieces(layer.fan_out * layer.fan_in);
            let bias = layer.bias.map(|bias| bias.pieces(layer.fan_out));
            for piece in weight.into_iter().chain(bias.into_iter().flatten()) {
                updated[piece].fill(true);
            }
        }
        updated
    }

    pub(crate) fn check(&self, [p_new, m_new, v_new]: &[Vec<f32>; 3]) {
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
            &self.optimizer,
            self.step,
            &tape,
            &mut trained,
        );
        let sizes: Vec<f64> = tape.iter().map(|v| v.abs()).collect();
        for (index, layer) in self.layers.iter().enumerate() {
            let gradients = twin::gradients(layer, self.rows, &tape);
            let sizes = twin::gradients(layer, self.rows, &sizes);
            let weight = (layer.weight, gradients.0, sizes.0);
            let bias = layer.bias.map(|at| (at, gradients.1, sizes.1));
            for (at, gradients, sizes) in [Some(weight), bias].into_iter().flatten() {
                let words: Vec<_> = (0..gradients.len()).map(|i| at.word(i)).collect();
                let elements = || gradients.iter().zip(&sizes).enumerate();
                let bounds: Vec<_> = elements()
                    .map(|(i, (&g, &size))| self.bounds(words[i], g, size))
                    .collect();
                let parts = [(p_new, &p), (m_new, &m), (v_new, &v)];
                for (part, (actual, expected)) in parts.into_iter().enumerate() {
                    let what = format!(
                        "{} of {at:?} of layer {index} ({layer:?}), {} rows, step {}",
                        ["new values", "m", "v"][part],
                        self.rows,
                        self.step
                    );
                    let allowed: Vec<f64> = bounds.iter().map(|bounds| bounds[part]).collect();
                    Tolerance::relative(1.0).check_against(
                        &what,
                        &words.iter().map(|&at| actual[at]).collect::<Vec<_>>(),
                        &words.iter().map(|&at| expected[at]).collect::<Vec<_>>(),
                        &allowed,
                    );
                }
            }
        }
        let updated = self.updated();
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
        let before = [&self.parameters, &self.m, &self.v].map(|v| f64::from(v[at]));
        // The partial sums round once each, the products in them, and the sums of three parts.
        let g_off = (self.rows + 3) as f64 * EPS * size;
        bounds::updated(&self.optimizer, self.step, before, [g, g_off])
    }
}

/// A layer from a row of the batch on.
fn from(layer: &Layer, row: usize) -> Layer {
    Layer {
        d_y: layer.d_y + row * stride(layer.fan_out),
        x: layer.x + row * stride(layer.fan_in),
        ..*layer
    }
}

/// Puts values behind those that are there, and a gap behind them; returns where they start.
fn append(to: &mut Vec<f32>, values: &[f32], gap: usize) -> usize {
    let at = to.len();
    to.extend_from_slice(values);
    to.extend(vec![f32::NAN; gap]);
    at
}
