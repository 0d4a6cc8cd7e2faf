//! Running a case, and comparing every stage with the twin's.

use vae_wgpu::gpu::{Checks, Gpu, Launch};
use vae_wgpu::kernels::gather::pack;
use vae_wgpu::kernels::rows::workgroup::{self, Tile};
use vae_wgpu::kernels::rows::{self, Buffers, Log, Program, Section, Stage};
use vae_wgpu::kernels::{State, draw};
use vae_wgpu::rng::Draw;

use super::case::Case;
use super::expected::Twin;
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

/// Tiles of `rows_workgroup` for all stages in one launch: rows, invocations.
///
/// Production takes 512 invocations, and 256 where workgroup memory has no room for those.
const TOGETHER: [(usize, usize); 5] = [(1, 256), (2, 64), (2, 512), (4, 128), (8, 64)];

/// Tiles for a launch of one stage: rows, invocations, whether inputs are in workgroup memory.
const ALONE: [(usize, usize, bool); 3] = [(1, 64, true), (4, 256, true), (8, 128, false)];

/// Those of [`TOGETHER`] that are compiled with bounds checks too, which takes drivers several times as
/// long. With all of [`ALONE`] these are every number of rows and of invocations.
const CHECKED: [(usize, usize); 2] = [(2, 512), (8, 64)];

/// The variants that an adapter can run a program with.
pub(crate) fn variants(gpu: &Gpu, program: &Program) -> Vec<Variant> {
    let eight = gpu.subgroup_size() == Some(8) && gpu.has_wide_integers();
    let ways: [Cut; 2] = [rows::together, rows::each_alone];
    let subgroups = ways.into_iter().filter(|_| eight).map(Variant::Subgroups);
    let limits = gpu.limits();
    let memory = memory(gpu);
    let most = limits
        .max_compute_invocations_per_workgroup
        .min(limits.max_compute_workgroup_size_x) as usize;
    let stages = &program.stages;
    let tile = |rows, invocations, staged| Tile {
        rows,
        invocations,
        staged,
    };
    let checked = gpu.checks() == Checks::Checked;
    let together = TOGETHER
        .into_iter()
        .filter(|size| !checked || CHECKED.contains(size))
        .filter(|&(_, invocations)| invocations <= most)
        .map(|(rows, invocations)| Variant::Workgroup(tile(rows, invocations, true)));
    let alone =
        ALONE.map(|(rows, invocations, staged)| Variant::Alone(tile(rows, invocations, staged)));
    let fits = |variant: &Variant| match variant {
        Variant::Subgroups(_) => true,
        Variant::Workgroup(tile) => tile.bytes(stages) <= memory,
        Variant::Alone(tile) => stages.chunks(1).all(|stage| tile.bytes(stage) <= memory),
    };
    let workgroups = together.chain(alone).filter(fits);
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
    pub(crate) fn launches(
        self,
        gpu: &Gpu,
        buffers: Buffers<'_>,
        program: &Program,
        log: Log,
    ) -> Vec<Launch> {
        let sections = self.sections(&program.stages);
        let launch = |section: &Section| {
            let mut launch = rows::launch(buffers, program, log, section);
            match section.tile {
                Some(tile) => take_all_memory(gpu, tile, &mut launch),
                None if gpu.checks() == Checks::Checked => take_general_code(&mut launch),
                None => {}
            }
            launch
        };
        sections.iter().map(launch).collect()
    }

    /// As many sums of a row's loss as a stage writes.
    fn column_groups(self, case: &Case, stage: usize) -> usize {
        let sections = self.sections(&case.program.stages);
        let of = sections.iter().find(|s| s.stages.contains(&stage));
        of.map_or(0, |section| section.column_groups)
    }
}

/// Gives the tensors of `rows_workgroup` all workgroup memory that there is, up to 32 KiB, where they
/// need less: drivers compile a pipeline for each length, and programs of many sizes have many.
fn take_all_memory(gpu: &Gpu, tile: Tile, launch: &mut Launch) {
    const VECTOR_BYTES: usize = 16;
    // A tile without stages still has the least memory for tensors, 64 vectors.
    let partial_sums = tile.bytes(&[]) - 64 * VECTOR_BYTES;
    let all = memory(gpu).min(32 << 10).saturating_sub(partial_sums) / VECTOR_BYTES;
    for (name, value) in &mut launch.constants {
        if *name == "TENSORS" {
            *value = value.max(all as f64);
        }
    }
}

/// Bytes of workgroup memory.
fn memory(gpu: &Gpu) -> usize {
    gpu.limits().max_compute_workgroup_storage_size as usize
}

/// Leaves three of the twelve pipelines of `rows_subgroups`, each of which takes llvmpipe nine seconds with
/// bounds checks: with the code for tanh and the sigmoid, which others lack, and either with vectors of
/// weights and of latents or with words of the latter and halves of vectors or words of the former.
fn take_general_code(launch: &mut Launch) {
    let is = |name, value| launch.constants.contains(&(name, value));
    let (alignment, quads) = match (is("ALIGNMENT", 4.0), is("ALIGNMENT", 2.0)) {
        (true, _) if is("QUADS", 1.0) => (4.0, 1.0),
        (_, true) => (2.0, 0.0),
        _ => (1.0, 0.0),
    };
    launch.constants = vec![("SMOOTH", 1.0), ("ALIGNMENT", alignment), ("QUADS", quads)];
}

/// What a variant has written in some steps.
pub(crate) struct Left {
    /// By step and part of the batch, each of which has a tape of its own.
    tapes: Vec<Vec<Vec<f32>>>,
    losses: Vec<f32>,
    variant: Variant,
    steps: usize,
}

impl Case {
    /// One entry before the steps' and one after, a column group that nothing writes, and more rows than
    /// the batch has.
    pub(crate) fn log(&self, variant: Variant, steps: usize) -> Log {
        let stages = 0..self.program.stages.len();
        let column_groups = stages.map(|stage| variant.column_groups(self, stage)).max();
        Log {
            entries: self.state.entry as usize + steps + 1,
            column_groups: column_groups.unwrap_or(0) + 1,
            batch: self.batch + 2,
        }
    }

    /// One step in all variants.
    pub(crate) fn compare(&self, gpu: &Gpu) {
        self.compare_steps(gpu, 1);
    }

    /// One step in one of the variants, which take turns.
    pub(crate) fn compare_turn(&self, gpu: &Gpu, turn: usize) {
        let variants = variants(gpu, &self.program);
        let mut twin = Twin::of(gpu, self, 1);
        self.compare_variant(gpu, variants[turn % variants.len()], 1, &mut twin);
    }

    /// Steps in one pass, each part of each with a tape of its own, so that all can be seen.
    pub(crate) fn compare_steps(&self, gpu: &Gpu, steps: usize) {
        let mut twin = Twin::of(gpu, self, steps);
        for variant in variants(gpu, &self.program) {
            self.compare_variant(gpu, variant, steps, &mut twin);
        }
    }

    fn compare_variant(&self, gpu: &Gpu, variant: Variant, steps: usize, twin: &mut Twin<'_>) {
        let left = self.run(gpu, variant, steps);
        let mut logged = vec![false; left.losses.len()];
        for step in 0..steps {
            for (part, program) in self.parts().iter().enumerate() {
                let tape = &left.tapes[step][part];
                self.check(twin, &left, step, program, tape, &mut logged);
            }
        }
        for (index, (loss, logged)) in left.losses.iter().zip(logged).enumerate() {
            assert!(
                logged || loss.is_nan(),
                "word {index} of the log was written"
            );
        }
    }

    /// Runs steps in one pass.
    pub(crate) fn run(&self, gpu: &Gpu, variant: Variant, steps: usize) -> Left {
        let log = self.log(variant, steps);
        let images = Array::of(gpu, &pack(&self.pixels(steps), self.program.dim));
        let order = Array::of(gpu, &self.order(steps));
        let labels = Array::of(gpu, &self.packed_labels(steps));
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
                    labels: labels.slice(),
                };
                variant.launches(gpu, buffers, part, log)
            });
        let shared = [&images, &order, &parameters, &state, &losses, &labels];
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
        twin: &mut Twin<'_>,
        left: &Left,
        step: usize,
        program: &Program,
        tape: &[f32],
        logged: &mut [bool],
    ) {
        let values = wide(tape);
        let mut untouched: Vec<u32> = self.tape.iter().map(|v| v.to_bits()).collect();
        for (index, stage) in program.stages.iter().enumerate() {
            let rows = program.first_row..program.first_row + program.rows;
            let variant = left.variant;
            let what = format!("{variant:?}, step {step}, rows {rows:?}, stage {index}: {stage:?}");
            let expected = twin.stage(step, program, index, &values);
            let (expected, allowed) = (&expected.results, &expected.allowed);
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
            if let (Some((term, expected)), Some((_, allowed))) =
                (&expected.losses, &allowed.losses)
            {
                let column_groups = left.variant.column_groups(self, index);
                let mut actual = vec![0.0; expected.len()];
                for word in left.words(self, step, program, *term, column_groups) {
                    actual[word.row] += f64::from(left.losses[word.at]);
                    logged[word.at] = true;
                }
                let actual: Vec<f32> = actual.into_iter().map(|sum| sum as f32).collect();
                within(&format!("losses of {what}"), &actual, expected, allowed);
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
        column_groups: usize,
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
        (0..column_groups).flat_map(at).collect()
    }

    /// The first step's tape and the losses of a term's rows, where there is one part.
    pub(crate) fn first(&self, case: &Case, stage: usize, term: usize) -> (&[f32], Vec<f32>) {
        let mut rows = vec![0.0; case.program.rows];
        let column_groups = self.variant.column_groups(case, stage);
        for word in self.words(case, 0, &case.program, term, column_groups) {
            rows[word.row] += self.losses[word.at];
        }
        (&self.tapes[0][0], rows)
    }
}

/// `|actual − expected| ≤ allowed`, element by element.
fn within(what: &str, actual: &[f32], expected: &[f64], allowed: &[f64]) {
    Tolerance::relative(1.0).check_against(what, actual, expected, allowed);
}

/// The noise of a step as the kernel `draw` makes it.
pub(crate) fn draw(gpu: &Gpu, seed: u64, of: Draw, step: u32, len: usize) -> Vec<f32> {
    let [state, eps] = [state(gpu, step, 0, 0), Array::output(gpu, len)];
    let buffers = draw::Buffers {
        state: state.slice(),
        values: eps.slice(),
    };
    let launch = draw::launch(buffers, seed, of, draw::Output::Normals);
    run(gpu, launch, &[&state, &eps]);
    eps.read()
}
