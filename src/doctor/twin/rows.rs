//! Stages of a program over the rows of a batch.

use std::collections::HashMap;

use super::rows_bounds as bounds;
use super::{Expected, Job, Results, losses};
use crate::kernels::State;
use crate::kernels::gather::row_bytes;
use crate::kernels::rows::{Log, Program, Section, Tensor};
use crate::plan::Origin;
use crate::reference::rows::{self as twin, Inputs, noise};

/// Bindings.
const STATE: usize = 3;
const TAPE: usize = 4;
const LOSSES: usize = 5;

/// The stages of a launch, one after the other. After a run each is computed from what the kernel has left
/// of the stages before it, so that an error is counted where it arises; no tensor is written twice.
pub(super) fn stages(job: Job<'_>) -> Result<Results, String> {
    let Origin::Rows {
        program,
        log,
        section,
    } = job.origin
    else {
        return Err("its stages are not known".to_owned());
    };
    let words = job.words(STATE);
    let state = State {
        step: words[0],
        position: words[1],
        entry: words[2],
        padding: words[3],
    };
    let pixels: Vec<u8> = job
        .before
        .bytes(0)
        .chunks_exact(row_bytes(program.dim).max(1))
        .flat_map(|row| row[..program.dim].to_vec())
        .collect();
    let parameters = job.floats(2);
    let noise = noise::<f64>(program.seed);
    let inputs = Inputs {
        pixels: &pixels,
        labels: job.before.bytes(6),
        order: job.words(1),
        parameters: &parameters,
        state,
        noise: &noise,
    };
    let mut tape = job.after.unwrap_or(job.before).wide(TAPE);
    let mut results = Results::new();
    for index in section.stages.clone() {
        let stage = &program.stages[index];
        let values = twin::stage(program, stage, inputs, &tape);
        let allowed = bounds::of(program, stage, inputs, &tape, &values, bounds::NOISE);
        for ((tensor, values), (_, allowed)) in values.tensors.iter().zip(&allowed.tensors) {
            results.extend(on_tape(*tensor, program.rows, values, allowed));
            if job.after.is_none() {
                tensor.write(&mut tape, values);
            }
        }
        if let Some((term, values)) = &values.losses {
            let allowed = allowed
                .losses
                .as_ref()
                .map(|(_, allowed)| allowed.as_slice());
            let place = (program, *log, section, state.entry as usize);
            results.extend(in_log(place, *term, values, allowed.unwrap_or_default()));
        }
    }
    if program.last && section.stages.end == program.stages.len() {
        results.extend(losses::moved(
            STATE,
            words,
            program.first_row + program.rows,
        ));
    }
    Ok(results)
}

/// A tensor's values, with the zeros behind each row.
fn on_tape(tensor: Tensor, rows: usize, values: &[f64], allowed: &[f64]) -> Results {
    // Where a value's bound is, the same layout has it.
    let lay = |values: &[f64]| {
        let mut laid = vec![0.0; tensor.words(rows).end];
        tensor.write(&mut laid, values);
        laid
    };
    // A word that `write` leaves alone stays marked.
    let mut marked = vec![1.0; tensor.words(rows).end];
    tensor.write(&mut marked, &vec![0.0; values.len()]);
    let (laid, bounds): (Vec<f64>, HashMap<usize, f64>) =
        (lay(values), lay(allowed).into_iter().enumerate().collect());
    let words = tensor.words(rows).filter(|&at| marked[at] == 0.0);
    words
        .map(|at| ((TAPE, at), Expected::float(laid[at], bounds[&at])))
        .collect()
}

/// Losses of rows: each the sum of a word for each of the launch's column groups.
fn in_log(
    (program, log, section, entry): (&Program, Log, &Section, usize),
    term: usize,
    values: &[f64],
    allowed: &[f64],
) -> Results {
    let first = term * log.term() + entry * log.entry() + program.first_row;
    let row = |(row, (&value, &allowed)): (usize, (&f64, &f64))| {
        let word = |group: usize| first + group * log.batch + row;
        let expected = Expected::Float {
            value,
            allowed,
            others: (1..section.column_groups).map(word).collect(),
        };
        ((LOSSES, word(0)), expected)
    };
    values.iter().zip(allowed).enumerate().map(row).collect()
}
