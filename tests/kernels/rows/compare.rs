//! Running a case, and comparing every stage with the twin's.

use vae_wgpu::gpu::{Gpu, Launch};
use vae_wgpu::kernels::gather::pack;
use vae_wgpu::kernels::rows::workgroup::{self, Tile};
use vae_wgpu::kernels::rows::{self, Buffers, Log, Program, Section, Stage};
use vae_wgpu::kernels::{State, normal};
use vae_wgpu::reference::rows as twin;
use vae_wgpu::rng::Stream;

use super::bounds;
use super::case::Case;
use crate::arrays::{Array, run, run_all, state, wide};
use crate::support::tolerance::Tolerance;

/// A way to cut a program into launches.
type Cut = fn(&[Stage]) -> Vec<Section>;

/// One of the kernels, and a way to cut a program into launches.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Variant {
    Subgroups(Cut),
    /// All stages in one launch.
    Workgroup(Tile),
    /// Each in one of its own.
    Alone(Tile),
}

/// The variants that an adapter can run a program with.
pub(crate) fn variants(gpu: &Gpu, program: &Program) -> Vec<Variant> {
    let eight = gpu.subgroup_size() == Some(8) && gpu.has_wide_integers();
    let ways: [Cut; 2] = [rows::together, rows::each_alone];
    let subgroups = ways.into_iter().filter(|_| eight).map(Variant::Subgroups);
    let memory = gpu.limits().max_compute_workgroup_storage_size as usize;
    let stages = &program.stages;
    let tile = |rows, invocations, staged| Tile {
        rows,
        invocations,
        staged,
    };
    let workgroups = [
        Variant::Workgroup(tile(1, 256, true)),
        Variant::Workgroup(tile(2, 64, true)),
        Variant::Workgroup(tile(4, 128, true)),
        Variant::Workgroup(tile(8, 64, true)),
        Variant::Alone(tile(1, 64, true)),
        Variant::Alone(tile(4, 256, true)),
        Variant::Alone(tile(8, 128, false)),
    ];
    let fits = |variant: &Variant| match variant {
        Variant::Subgroups(_) => true,
        Variant::Workgroup(tile) => tile.bytes(stages) <= memory,
        Variant::Alone(tile) => stages.chunks(1).all(|stage| tile.bytes(stage) <= memory),
    };
    let workgroups = workgroups.into_iter().filter(fits);
    subgroups.chain(workgroups).collect()
}

impl Variant {
    fn sections(self, stages: &[Stage]) -> Vec<Section> {
        match self {
            Self::Subgroups(sections) => sections(stages),
            Self::Workgroup(tile) => vec![workgroup::together(stages, tile)],
            Self::Alone(tile) => {
                let stages = stages.iter().enumerate();
                let alone = |(index, stage)| workgroup::alone(index, stage, tile);
                stages.map(alone).collect()
            }
        }
    }

    /// The launches of a program.
    pub(crate) fn launches(self, buffers: Buffers<'_>, program: &Program, log: Log) -> Vec<Launch> {
        let sections = self.sections(&program.stages);
        let launch = |section: &Section| rows::launch(buffers, program, log, section);
        sections.iter().map(launch).collect()
    }

    /// As many sums of a row's loss as a stage writes.
    fn shares(self, case: &Case, stage: usize) -> usize {
        let sections = self.sections(&case.program.stages);
        let of = sections.iter().find(|s| s.stages.contains(&stage));
        of.map_or(0, |section| section.shares)
    }
}

/// What is left of some steps.
pub(crate) struct Left {
    /// A tape for each part of each step.
    tapes: Vec<Vec<Vec<f32>>>,
    losses: Vec<f32>,
    variant: Variant,
    steps: usize,
}

impl Case {
    /// One entry before the steps' and one after, a share that nothing writes, and more rows than
    /// the batch has.
    pub(crate) fn log(&self, variant: Variant, steps: usize) -> Log {
        let stages = 0..self.program.stages.len();
        let shares = stages.map(|stage| variant.shares(self, stage)).max();
        Log {
            entries: self.state.entry as usize + steps + 1,
            shares: shares.unwrap_or(0) + 1,
            batch: self.batch + 2,
        }
    }

    /// One step in all variants.
    pub(crate) fn compare(&self, gpu: &Gpu) {
        self.compare_steps(gpu, 1);
    }

    /// Steps in one pass, each part of each with a tape of its own, so that all can be seen.
    pub(crate) fn compare_steps(&self, gpu: &Gpu, steps: usize) {
        for variant in variants(gpu, &self.program) {
            let left = self.run(gpu, variant, steps);
            let mut logged = vec![false; left.losses.len()];
            for step in 0..steps {
                for (part, program) in self.parts().iter().enumerate() {
                    self.check(
                        gpu,
                        &left,
                        step,
                        program,
                        &left.tapes[step][part],
                        &mut logged,
                    );
                }
            }
            for (index, (loss, logged)) in left.losses.iter().zip(logged).enumerate() {
                assert!(
                    logged || loss.is_nan(),
                    "word {index} of the log was written"
                );
            }
        }
    }

    /// Runs steps in one pass.
    pub(crate) fn run(&self, gpu: &Gpu, variant: Variant, steps: usize) -> Left {
        let log = self.log(variant, steps);
        let images = Array::of(gpu, &pack(&self.pixels(steps), self.program.dim));
        let order = Array::of(gpu, &self.order(steps));
        let parameters = Array::of(gpu, &self.vectors());
        let State {
            step,
            position,
            entry,
            ..
        } = self.state;
        let state = state(gpu, step, position, entry);
        let losses = Array::output(gpu, self.terms * log.term());
        let parts = self.parts();
        let tapes: Vec<_> = (0..steps * parts.len())
            .map(|_| Array::updated(gpu, &self.tape))
            .collect();
        let launches = tapes
            .iter()
            .zip(parts.iter().cycle())
            .flat_map(|(tape, part)| {
                let buffers = Buffers {
                    images: images.slice(),
                    order: order.slice(),
                    parameters: parameters.slice(),
                    state: state.slice(),
                    tape: tape.slice(),
                    losses: losses.slice(),
                };
                variant.launches(buffers, part, log)
            });
        let shared = [&images, &order, &parameters, &state, &losses];
        let arrays: Vec<_> = shared.into_iter().chain(&tapes).collect();
        run_all(gpu, launches.collect(), &arrays);
        assert_eq!(state.read::<State>(), [self.after(steps)], "the counters");
        let tapes = tapes.chunks(parts.len());
        Left {
            tapes: tapes
                .map(|step| step.iter().map(Array::read).collect())
                .collect(),
            losses: losses.read(),
            variant,
            steps,
        }
    }

    /// Every stage of a part of a step, given what lay before it: no tensor is written twice. Marks
    /// what has its place in the log.
    fn check(
        &self,
        gpu: &Gpu,
        left: &Left,
        step: usize,
        program: &Program,
        tape: &[f32],
        logged: &mut [bool],
    ) {
        let (pixels, order) = (self.pixels(left.steps), self.order(left.steps));
        let seed = program.seed;
        // As the kernel `normal` draws it, which has tests of its own.
        let noise = |stream, step, len| wide(&draw(gpu, seed, stream, step, len));
        let inputs = twin::Inputs {
            pixels: &pixels,
            order: &order,
            parameters: &wide(&self.parameters),
            state: self.after(step),
            noise: &noise,
        };
        let values = wide(tape);
        let mut untouched: Vec<u32> = self.tape.iter().map(|v| v.to_bits()).collect();
        for (index, stage) in program.stages.iter().enumerate() {
            let rows = program.first_row..program.first_row + program.rows;
            let variant = left.variant;
            let what = format!("{variant:?}, step {step}, rows {rows:?}, stage {index}: {stage:?}");
            let expected = twin::stage(program, stage, inputs, &values);
            let allowed = bounds::of(program, stage, inputs, &values);
            let pairs = expected.tensors.iter().zip(&allowed.tensors);
            for ((tensor, expected), (_, allowed)) in pairs {
                let actual = tensor.read(tape, program.rows);
                within(&what, &actual, expected, allowed);
                // With zeros between the rows.
                let mut written = vec![f32::NAN; tape.len()];
                tensor.write(&mut written, &actual);
                for at in tensor.words(program.rows) {
                    untouched[at] = written[at].to_bits();
                }
            }
            if let (Some((term, expected)), Some((_, allowed))) = (expected.losses, allowed.losses)
            {
                let shares = left.variant.shares(self, index);
                let mut actual = vec![0.0; expected.len()];
                for word in left.words(self, step, program, term, shares) {
                    actual[word.row] += f64::from(left.losses[word.at]);
                    logged[word.at] = true;
                }
                let actual: Vec<f32> = actual.into_iter().map(|sum| sum as f32).collect();
                within(&format!("losses of {what}"), &actual, &expected, &allowed);
            }
        }
        let bits: Vec<u32> = tape.iter().map(|v| v.to_bits()).collect();
        assert!(
            bits == untouched,
            "step {step} wrote outside of its results"
        );
    }
}

/// A word of the log, by the row of a part that it is of.
struct Word {
    row: usize,
    at: usize,
}

impl Left {
    /// The words in which a part's rows of a term lie.
    fn words(
        &self,
        case: &Case,
        step: usize,
        program: &Program,
        term: usize,
        shares: usize,
    ) -> Vec<Word> {
        let log = case.log(self.variant, self.steps);
        let entry = case.state.entry as usize + step;
        let first = term * log.term() + entry * log.entry() + program.first_row;
        let at = |share: usize| {
            (0..program.rows).map(move |row| Word {
                row,
                at: first + share * log.batch + row,
            })
        };
        (0..shares).flat_map(at).collect()
    }

    /// The first step's tape and the losses of a term's rows, where there is one part.
    pub(crate) fn first(&self, case: &Case, stage: usize, term: usize) -> (&[f32], Vec<f32>) {
        let mut rows = vec![0.0; case.program.rows];
        let shares = self.variant.shares(case, stage);
        for word in self.words(case, 0, &case.program, term, shares) {
            rows[word.row] += self.losses[word.at];
        }
        (&self.tapes[0][0], rows)
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
