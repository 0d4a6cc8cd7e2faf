//! `step_losses` against its twin.

use vae_wgpu::gpu::Gpu;
use vae_wgpu::graph::Ramp;
use vae_wgpu::kernels::rows::Log;
use vae_wgpu::kernels::step_losses::{Buffers, launch};
use vae_wgpu::kernels::{State, Term};
use vae_wgpu::reference::step_losses as twin;

use crate::arrays::{Array, LANES, additions, extreme, random, run, state, uniform, wide};
use crate::support::harness::{Test, tests};
use crate::support::tolerance::{EPS, Tolerance};

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks: shapes, the_last_entries, extreme_values, random_shapes]
}

struct Case {
    batch: usize,
    log: Log,
    terms: usize,
    /// Entries that are written, and how many of the last of them are asked for.
    written: usize,
    steps: usize,
}

impl Case {
    /// Compares for rows of these values; what lies past a batch or was not yet written is NaN.
    fn compare(&self, gpu: &Gpu, lanes: u32, values: &[f32]) {
        let Self {
            batch,
            log,
            terms,
            written,
            steps,
        } = *self;
        let known = |(index, &value): (usize, &f32)| {
            let entry = index / log.entry() % log.entries;
            let row = index % log.batch;
            if row < batch && entry < written {
                value
            } else {
                f32::NAN
            }
        };
        let rows: Vec<f32> = values.iter().enumerate().map(known).collect();
        let weights = uniform(3, terms, 2.0);
        let ramp = |term: usize| match term % 2 {
            1 => Ramp {
                steps: 9,
                period: 6,
            },
            _ => Ramp::NONE,
        };
        let table = |weights: &[f32]| -> Vec<Term> {
            let terms = weights.iter().enumerate();
            terms
                .map(|(t, &weight)| Term::new(weight, batch, ramp(t)))
                .collect()
        };
        let (rows_gpu, terms_gpu) = (Array::of(gpu, &rows), Array::of(gpu, &table(&weights)));
        let counters = State {
            step: 5 + written as u32,
            position: 70,
            entry: written as u32,
            padding: 0,
        };
        let state = state(gpu, counters.step, counters.position, counters.entry);
        let losses = Array::output(gpu, log.entries * (1 + terms));
        let buffers = Buffers {
            rows: rows_gpu.slice(),
            terms: terms_gpu.slice(),
            state: state.slice(),
            losses: losses.slice(),
        };
        let mut launch = launch(buffers, batch, log, lanes);
        // As `Dispatch::record_groups` does.
        launch.grid = [steps as u32, 1, 1];
        run(gpu, launch, &[&rows_gpu, &terms_gpu, &state, &losses]);
        assert_eq!(state.read::<State>(), [counters], "the counters");

        let lines = losses.read::<f32>();
        let width = 1 + terms;
        let asked = written - steps..written;
        let (before, rest) = lines.split_at(asked.start * width);
        let (lines, after) = rest.split_at(steps * width);
        assert!(
            before.iter().chain(after).all(|v| v.is_nan()),
            "a line of another step was written"
        );
        let expected = twin::value(
            &wide(&rows),
            &table(&weights),
            batch,
            log,
            asked.clone(),
            counters,
        );
        let sizes: Vec<f64> = rows.iter().map(|v| v.abs().into()).collect();
        let weights: Vec<f32> = weights.iter().map(|w| w.abs()).collect();
        let magnitude = twin::value(&sizes, &table(&weights), batch, log, asked, counters);
        // The additions of a mean and its division; of the objective, a ramp with its division,
        // two products and a sum each term.
        let roundings =
            additions(log.column_groups * batch, lanes) + (log.column_groups + 8 + terms) as f64;
        let what = format!("{batch} rows of {log:?}, {terms} terms, {lanes} lanes");
        Tolerance::relative(roundings * EPS).check_against(&what, lines, &expected, &magnitude);
    }

    fn words(&self) -> usize {
        self.terms * self.log.term()
    }
}

fn shapes(gpu: &Gpu) {
    for lanes in LANES {
        for [batch, stride, terms, column_groups] in [
            [1, 1, 1, 1],
            [1, 3, 2, 1],
            [7, 7, 2, 2],
            [8, 8, 1, 1],
            [9, 10, 3, 3],
            [65, 128, 2, 1],
            [128, 128, 2, 25],
        ] {
            let case = Case {
                batch,
                log: Log {
                    entries: 1,
                    column_groups,
                    batch: stride,
                },
                terms,
                written: 1,
                steps: 1,
            };
            case.compare(gpu, lanes, &uniform(1, case.words(), 100.0));
        }
    }
}

/// Those of a submission's steps, and of no others.
fn the_last_entries(gpu: &Gpu) {
    for (written, steps) in [(1, 1), (3, 1), (3, 3), (6, 2), (7, 7), (5, 0)] {
        let case = Case {
            batch: 29,
            log: Log {
                entries: 7,
                column_groups: 2,
                batch: 31,
            },
            terms: 3,
            written,
            steps,
        };
        case.compare(gpu, 8, &uniform(2, case.words(), 10.0));
    }
}

fn extreme_values(gpu: &Gpu) {
    let case = Case {
        batch: 101,
        log: Log {
            entries: 2,
            column_groups: 1,
            batch: 101,
        },
        terms: 2,
        written: 2,
        steps: 2,
    };
    case.compare(gpu, 64, &extreme(4, case.words(), 1e30));
}

fn random_shapes(gpu: &Gpu) {
    random(
        (1usize..300, 0usize..5, 1usize..5, 1usize..9, 0usize..9),
        |(batch, spare, terms, written, others)| {
            let case = Case {
                batch,
                log: Log {
                    entries: written + others / 3,
                    column_groups: 1 + spare * others / 2,
                    batch: batch + spare,
                },
                terms,
                written,
                steps: others.min(written),
            };
            case.compare(gpu, 8, &uniform(5, case.words(), 3.0));
        },
    );
}
