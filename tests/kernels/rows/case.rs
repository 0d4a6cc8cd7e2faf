//! A program with what it runs on, and its comparison with the twin.

use vae_wgpu::gpu::{Gpu, Launch};
use vae_wgpu::kernels::gather::pack;
use vae_wgpu::kernels::rows::{
    self, Buffers, Log, Outcome, Product, Program, Stage, Tensor, Weight,
};
use vae_wgpu::kernels::{State, normal};
use vae_wgpu::reference::rows as twin;
use vae_wgpu::rng::{self, Stream};

use super::bounds;
use crate::arrays::{Array, run, run_all, state, uniform, wide};
use crate::support::tolerance::Tolerance;

/// One of the kernel's variants.
pub(crate) type Variant = fn(Buffers<'_>, &Program, Log) -> Launch;

/// The variants that an adapter can run.
pub(crate) fn variants(gpu: &Gpu) -> Vec<Variant> {
    let eight = gpu.subgroup_size() == Some(8);
    let all: [(bool, Variant); 1] = [(eight, rows::launch)];
    let runs = all.into_iter().filter(|(runs, _)| *runs);
    runs.map(|(_, variant)| variant).collect()
}

/// Words between two tensors, and between two weights: not a number, and of no even length.
const GAP: usize = 3;

pub(crate) struct Case {
    pub(crate) program: Program,
    /// As it is before: inputs, and NaN where something is to be written.
    pub(crate) tape: Vec<f32>,
    pub(crate) parameters: Vec<f32>,
    pub(crate) state: State,
    /// Terms of the log.
    pub(crate) terms: usize,
    arrays: u64,
}

impl Case {
    /// No stages yet.
    pub(crate) fn new(rows: usize, dim: usize) -> Self {
        let program = Program {
            rows,
            dim,
            seed: 0x1234_5678_9abc_def0,
            stages: Vec::new(),
        };
        Self {
            program,
            tape: vec![f32::NAN; GAP],
            parameters: vec![f32::NAN; GAP],
            state: State {
                step: 41,
                position: 3,
                entry: 1,
                padding: 0,
            },
            terms: 0,
            arrays: 0,
        }
    }

    fn next(&mut self) -> u64 {
        self.arrays += 1;
        self.arrays
    }

    /// A tensor with these values.
    pub(crate) fn input(&mut self, values: &[f32]) -> Tensor {
        let at = self.tape.len();
        self.tape.extend_from_slice(values);
        self.tape.extend([f32::NAN; GAP]);
        Tensor {
            at,
            width: values.len() / self.program.rows,
        }
    }

    /// A tensor of U(−bound, bound).
    pub(crate) fn uniform(&mut self, width: usize, bound: f64) -> Tensor {
        let seed = self.next();
        self.input(&uniform(seed, self.program.rows * width, bound))
    }

    /// A tensor of U(0, 1).
    pub(crate) fn fractions(&mut self, width: usize) -> Tensor {
        let seed = self.next();
        let values = uniform(seed, self.program.rows * width, 1.0);
        self.input(&values.into_iter().map(f32::abs).collect::<Vec<_>>())
    }

    /// A tensor that a stage is to write.
    pub(crate) fn output(&mut self, width: usize) -> Tensor {
        self.input(&vec![f32::NAN; self.program.rows * width])
    }

    /// A matrix of these values, `[inner, columns]`, or `[columns, inner]` where it lies transposed.
    pub(crate) fn weight(
        &mut self,
        values: &[f32],
        [inner, columns]: [usize; 2],
        transposed: bool,
    ) -> Weight {
        let at = self.parameters.len();
        self.parameters.extend_from_slice(values);
        self.parameters.extend([f32::NAN; GAP]);
        let (inner, column) = if transposed { (1, inner) } else { (columns, 1) };
        Weight { at, inner, column }
    }

    /// A bias of U(−bound, bound).
    pub(crate) fn bias(&mut self, width: usize, bound: f64) -> usize {
        let values = uniform(self.next(), width, bound);
        self.weight(&values, [1, width], false).at
    }

    /// input·W with a weight of its own, which keeps the results of the inputs' size; unstored.
    pub(crate) fn product(&mut self, input: Tensor, width: usize, transposed: bool) -> Product {
        let bound = 2.0 / (input.width.max(1) as f64).sqrt();
        let values = uniform(self.next(), input.width * width, bound);
        Product {
            input,
            weight: self.weight(&values, [input.width, width], transposed),
            width,
            bias: None,
            addend: None,
            activation: None,
            gradient_of: None,
            result: Outcome::Stored(Tensor { at: 0, width }),
        }
    }

    /// A term of the log for a stage.
    pub(crate) fn term(&mut self) -> usize {
        self.terms += 1;
        self.terms - 1
    }

    pub(crate) fn push(&mut self, stage: Stage) {
        self.program.stages.push(stage);
    }

    /// Stores a product's result.
    pub(crate) fn store(&mut self, product: Product) -> Tensor {
        let y = self.output(product.width);
        self.push(Stage::Product(Product {
            result: Outcome::Stored(y),
            ..product
        }));
        y
    }

    /// The data set that `steps` steps reach: bytes that differ between pixels and images.
    pub(crate) fn pixels(&self, steps: usize) -> Vec<u8> {
        let dim = self.program.dim;
        (0..self.images(steps) * dim)
            .map(|i| (i * 31 + i / dim.max(1) * 7) as u8)
            .collect()
    }

    fn images(&self, steps: usize) -> usize {
        self.state.position as usize + steps * self.program.rows
    }

    pub(crate) fn order(&self, steps: usize) -> Vec<u32> {
        rng::permutation(1, 2, self.images(steps))
    }

    /// One entry before the steps' and one after, and a stride beyond the batch.
    pub(crate) fn log(&self, steps: usize) -> Log {
        Log {
            stride: self.program.rows + 2,
            entries: self.state.entry as usize + steps + 1,
        }
    }

    /// The counters after some steps.
    pub(crate) fn after(&self, steps: usize) -> State {
        State {
            step: self.state.step + steps as u32,
            position: self.state.position + (steps * self.program.rows) as u32,
            entry: self.state.entry + steps as u32,
            padding: 0,
        }
    }

    /// One step in all variants.
    pub(crate) fn compare(&self, gpu: &Gpu) {
        self.compare_steps(gpu, 1);
    }

    /// Steps in one pass, each with a tape of its own, so that all of them can be seen.
    pub(crate) fn compare_steps(&self, gpu: &Gpu, steps: usize) {
        for variant in variants(gpu) {
            let (tapes, losses) = self.run(gpu, variant, steps);
            for (step, tape) in tapes.iter().enumerate() {
                self.check(gpu, steps, step, tape, &losses);
            }
            self.check_rest_of_log(steps, &losses);
        }
    }

    /// Every step's tape, and the log.
    pub(crate) fn run(
        &self,
        gpu: &Gpu,
        variant: Variant,
        steps: usize,
    ) -> (Vec<Vec<f32>>, Vec<f32>) {
        let Self { program, .. } = self;
        let log = self.log(steps);
        let images = Array::of(gpu, &pack(&self.pixels(steps), program.dim));
        let order = Array::of(gpu, &self.order(steps));
        let parameters = Array::of(gpu, &self.parameters);
        let state = state(gpu, self.state.step, self.state.position, self.state.entry);
        let losses = Array::output(gpu, self.terms * log.entries * log.stride);
        let tapes: Vec<_> = (0..steps)
            .map(|_| Array::updated(gpu, &self.tape))
            .collect();
        let launches = tapes.iter().map(|tape| {
            let buffers = Buffers {
                images: images.slice(),
                order: order.slice(),
                parameters: parameters.slice(),
                state: state.slice(),
                tape: tape.slice(),
                losses: losses.slice(),
            };
            variant(buffers, program, log)
        });
        let shared = [&images, &order, &parameters, &state, &losses];
        let arrays: Vec<_> = shared.into_iter().chain(&tapes).collect();
        run_all(gpu, launches.collect(), &arrays);
        assert_eq!(state.read::<State>(), [self.after(steps)], "the counters");
        let tapes = tapes.iter().map(Array::read).collect();
        (tapes, losses.read())
    }

    /// Every stage of a step, given what lay before it: no tensor is written twice.
    fn check(&self, gpu: &Gpu, steps: usize, step: usize, tape: &[f32], losses: &[f32]) {
        let (pixels, order) = (self.pixels(steps), self.order(steps));
        let (log, state) = (self.log(steps), self.after(step));
        let seed = self.program.seed;
        // As the kernel `normal` draws it, which has tests of its own.
        let noise = |stream, step, len| wide(&draw(gpu, seed, stream, step, len));
        let inputs = twin::Inputs {
            pixels: &pixels,
            order: &order,
            parameters: &wide(&self.parameters),
            state,
            noise: &noise,
        };
        let values = wide(tape);
        let mut untouched: Vec<u32> = self.tape.iter().map(|v| v.to_bits()).collect();
        for (index, stage) in self.program.stages.iter().enumerate() {
            let what = format!(
                "step {step}, {} rows, stage {index}: {stage:?}",
                self.program.rows
            );
            let expected = twin::stage(&self.program, stage, inputs, &values);
            let allowed = bounds::of(&self.program, stage, inputs, &values);
            let pairs = expected.tensors.iter().zip(&allowed.tensors);
            for ((tensor, expected), (_, allowed)) in pairs {
                let of = tensor.at..tensor.at + expected.len();
                within(&what, &tape[of.clone()], expected, allowed);
                for at in of {
                    untouched[at] = tape[at].to_bits();
                }
            }
            if let (Some((term, expected)), Some((_, allowed))) = (expected.losses, allowed.losses)
            {
                let first = (term * log.entries + state.entry as usize) * log.stride;
                let actual = &losses[first..first + expected.len()];
                within(&format!("losses of {what}"), actual, &expected, &allowed);
            }
        }
        let bits: Vec<u32> = tape.iter().map(|v| v.to_bits()).collect();
        assert!(
            bits == untouched,
            "step {step} wrote outside of its results"
        );
    }

    /// Other entries, and what lies past a batch, stay as they were.
    fn check_rest_of_log(&self, steps: usize, losses: &[f32]) {
        let log = self.log(steps);
        let written = self.state.entry as usize..self.state.entry as usize + steps;
        for (index, value) in losses.iter().enumerate() {
            let (entry, row) = (index / log.stride % log.entries, index % log.stride);
            let rows = row < self.program.rows && written.contains(&entry);
            assert!(rows || value.is_nan(), "row {row} of entry {entry}");
        }
    }
}

/// `|actual − expected| ≤ allowed`, element by element.
fn within(what: &str, actual: &[f32], expected: &[f64], allowed: &[f64]) {
    Tolerance::relative(1.0).check_against(what, actual, expected, allowed);
}

/// The noise of a step as the kernel `normal` draws it.
pub(crate) fn draw(gpu: &Gpu, seed: u64, stream: Stream, step: u32, len: usize) -> Vec<f32> {
    let [state, eps] = [state(gpu, step, 0, 0), Array::output(gpu, len)];
    let buffers = normal::Buffers {
        state: state.slice(),
        eps: eps.slice(),
    };
    let launch = normal::launch(buffers, seed, stream, normal::Draw::Normals);
    run(gpu, launch, &[&state, &eps]);
    eps.read()
}
