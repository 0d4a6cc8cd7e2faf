//! What the twin makes of a case's stages, with what each result may be off by.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use vae_wgpu::doctor::bounds;
use vae_wgpu::gpu::Gpu;
use vae_wgpu::kernels::rows::{Outcome, Product, Program, Stage, Tensor};
use vae_wgpu::reference::rows::{self as twin, Inputs, Results};
use vae_wgpu::rng::Draw;

use super::case::Case;
use super::compare::draw;
use crate::arrays::wide;

/// The twin's results of a stage, and bounds on the kernel's errors.
pub(super) struct Expected {
    pub(super) results: Results<f64>,
    pub(super) allowed: Results<f64>,
}

/// A stage in a run of several steps: the step, the first row of the part, the index of the stage.
type Place = (usize, usize, usize);

/// The twin on a case. Results that do not depend on another stage are the same for every variant of
/// the kernels and are computed once; the noise of a step is drawn once.
pub(super) struct Twin<'a> {
    gpu: &'a Gpu,
    case: &'a Case,
    pixels: Vec<u8>,
    labels: Vec<u8>,
    order: Vec<u32>,
    parameters: Vec<f64>,
    noise: RefCell<HashMap<(Draw, u32, usize), Vec<f64>>>,
    known: HashMap<Place, Rc<Expected>>,
}

impl<'a> Twin<'a> {
    pub(super) fn of(gpu: &'a Gpu, case: &'a Case, steps: usize) -> Self {
        Self {
            gpu,
            case,
            pixels: case.pixels(steps),
            labels: case.labels(steps),
            order: case.order(steps),
            parameters: wide(&case.parameters),
            noise: RefCell::default(),
            known: HashMap::new(),
        }
    }

    /// What stage `index` of a part of a step writes, given the tape that a kernel has left.
    pub(super) fn stage(
        &mut self,
        step: usize,
        program: &Program,
        index: usize,
        tape: &[f64],
    ) -> Rc<Expected> {
        let place = (step, program.first_row, index);
        if let Some(known) = self.known.get(&place) {
            return Rc::clone(known);
        }
        let stage = &program.stages[index];
        let seed = program.seed;
        // As the kernel `normal` draws it, which has tests of its own.
        let noise = |of: Draw, step, len| {
            let mut drawn = self.noise.borrow_mut();
            let noise = drawn.entry((of, step, len));
            noise
                .or_insert_with(|| wide(&draw(self.gpu, seed, of, step, len)))
                .clone()
        };
        let inputs = Inputs {
            pixels: &self.pixels,
            labels: &self.labels,
            order: &self.order,
            parameters: &self.parameters,
            state: self.case.after(step),
            noise: &noise,
        };
        let results = twin::stage(program, stage, inputs, tape);
        let allowed = bounds::stage(program, stage, inputs, tape, &results, 0.0);
        let expected = Rc::new(Expected { results, allowed });
        let written = |tensor: &Tensor| {
            let stages = program.stages.iter();
            stages.flat_map(Stage::writes).any(|y| y.at == tensor.at)
        };
        if !reads(stage).iter().any(written) {
            self.known.insert(place, Rc::clone(&expected));
        }
        expected
    }
}

/// The tensors that a stage reads.
fn reads(stage: &Stage) -> Vec<Tensor> {
    match *stage {
        Stage::Gather { .. } => Vec::new(),
        Stage::Labels { y, .. } => vec![y],
        Stage::Product(Product {
            input,
            addend,
            derivative,
            result,
            ..
        }) => {
            let output = derivative.map(|(_, output)| output);
            let observed = match result {
                Outcome::Stored(_) => None,
                Outcome::Scored { observed, .. } => Some(observed),
            };
            let others = [addend, output, observed].into_iter().flatten();
            [input].into_iter().chain(others).collect()
        }
        Stage::Latent { heads, .. } => vec![heads],
        Stage::LatentGrad { heads, d_z, .. } => vec![heads, d_z],
    }
}
