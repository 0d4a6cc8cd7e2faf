//! A program with what it runs on.

use vae_wgpu::kernels::rows::{Outcome, Product, Program, Stage, TAPE_ALIGN, Tensor, Weight};
use vae_wgpu::kernels::{Address, State};
use vae_wgpu::rng;

use crate::arrays::uniform;

/// Words between two tensors, NaN.
const BETWEEN: usize = TAPE_ALIGN;

/// Words between two weights, NaN: an odd number, so that few weights start at whole vectors.
const GAP: usize = 3;

/// Words between two weights where these start at halves of vectors.
const HALVED_GAP: usize = 2;

/// Words between two weights where these start at whole vectors.
const ALIGNED_GAP: usize = 4;

pub(crate) struct Case {
    /// For all rows of a batch, or for as many as a launch is to have.
    pub(crate) program: Program,
    /// Rows of a batch.
    pub(crate) batch: usize,
    /// The tape before a step: inputs, and NaN where something is to be written.
    pub(crate) tape: Vec<f32>,
    pub(crate) parameters: Vec<f32>,
    pub(crate) state: State,
    /// Terms of the log.
    pub(crate) terms: usize,
    arrays: u64,
    gap: usize,
}

impl Case {
    /// No stages yet.
    pub(crate) fn new(rows: usize, dim: usize) -> Self {
        Self::with_gap(rows, dim, GAP)
    }

    /// No stages yet; weights will start at multiples of four words, if their lengths are such.
    pub(crate) fn aligned(rows: usize, dim: usize) -> Self {
        Self::with_gap(rows, dim, ALIGNED_GAP)
    }

    /// No stages yet; weights will start at multiples of two words, if their lengths are such.
    pub(crate) fn halved(rows: usize, dim: usize) -> Self {
        Self::with_gap(rows, dim, HALVED_GAP)
    }

    fn with_gap(rows: usize, dim: usize, gap: usize) -> Self {
        let program = Program {
            rows,
            first_row: 0,
            last: true,
            dim,
            seed: 0x1234_5678_9abc_def0,
            stages: Vec::new(),
        };
        Self {
            program,
            batch: rows,
            tape: vec![f32::NAN; BETWEEN],
            parameters: vec![f32::NAN; gap],
            state: State {
                step: 41,
                position: 3,
                entry: 1,
                padding: 0,
            },
            terms: 0,
            arrays: 0,
            gap,
        }
    }

    fn next(&mut self) -> u64 {
        self.arrays += 1;
        self.arrays
    }

    /// A tensor with these values.
    pub(crate) fn input(&mut self, values: &[f32]) -> Tensor {
        let tensor = Tensor::whole(self.tape.len(), values.len() / self.program.rows);
        let end = tensor.words(self.program.rows).end;
        self.tape.resize(end, f32::NAN);
        tensor.write(&mut self.tape, values);
        self.tape.extend([f32::NAN; BETWEEN]);
        tensor
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

    /// A tensor of `width` columns that a stage is to write, and one of `classes` more, of which it is
    /// the first columns.
    pub(crate) fn left_of_labels(&mut self, width: usize, classes: usize) -> [Tensor; 2] {
        let both = self.output(width + classes);
        [Tensor { width, ..both }, both]
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
        self.parameters.extend(vec![f32::NAN; self.gap]);
        let (inner, column) = if transposed { (1, inner) } else { (columns, 1) };
        Weight {
            at: at.into(),
            inner,
            column,
        }
    }

    /// The parameters, and words behind them up to whole vectors.
    pub(crate) fn vectors(&self) -> Vec<f32> {
        let mut vectors = self.parameters.clone();
        vectors.resize(vectors.len().next_multiple_of(4), f32::NAN);
        vectors
    }

    /// A bias of U(−bound, bound).
    pub(crate) fn bias(&mut self, width: usize, bound: f64) -> Address {
        let values = uniform(self.next(), width, bound);
        self.weight(&values, [1, width], false).at
    }

    /// Cuts the latest weight or bias in two, its second piece further than the gaps are long.
    pub(crate) fn split(&mut self, latest: Address, split: usize) -> Address {
        let gap = 4 * self.gap;
        let at = latest.first + split;
        self.parameters.splice(at..at, vec![f32::NAN; gap]);
        Address {
            split,
            gap,
            ..latest
        }
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
            derivative: None,
            result: Outcome::Stored(Tensor::whole(0, width)),
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

    /// A class for each of its images, in turn those that all stages and a byte have.
    pub(crate) fn labels(&self, steps: usize) -> Vec<u8> {
        let classes = self.program.stages.iter().filter_map(|stage| match stage {
            Stage::Labels { y, first } => Some(y.width - first),
            _ => None,
        });
        let classes = classes.min().unwrap_or(1).min(256);
        (0..self.images(steps))
            .map(|i| (i * 7 % classes) as u8)
            .collect()
    }

    /// These, four in a word.
    pub(crate) fn packed_labels(&self, steps: usize) -> Vec<u8> {
        let mut labels = self.labels(steps);
        labels.resize(labels.len().next_multiple_of(4), 0);
        labels
    }

    fn images(&self, steps: usize) -> usize {
        self.state.position as usize + steps * self.batch
    }

    pub(crate) fn order(&self, steps: usize) -> Vec<u32> {
        rng::permutation(1, 2, self.images(steps))
    }

    /// The programs of a batch, one for each part of it.
    pub(crate) fn parts(&self) -> Vec<Program> {
        let starts = (0..self.batch).step_by(self.program.rows);
        let part = |first_row: usize| Program {
            rows: self.program.rows.min(self.batch - first_row),
            first_row,
            last: first_row + self.program.rows >= self.batch,
            ..self.program.clone()
        };
        starts.map(part).collect()
    }

    /// The counters after some steps.
    pub(crate) fn after(&self, steps: usize) -> State {
        State {
            step: self.state.step + steps as u32,
            position: self.state.position + (steps * self.batch) as u32,
            entry: self.state.entry + steps as u32,
            padding: 0,
        }
    }
}
