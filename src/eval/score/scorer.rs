//! Scores of rows, chunk by chunk, with one session that is kept.

use super::super::Autoencoder;
use super::super::input::Taken;
use super::totals::Totals;
use super::{ScoreBy, ScoreError};
use crate::executor::Session;
use crate::graph::TensorId;
use crate::model::{Likelihood, Scale, ScoredAt, ScoredGraph, Vae};
use crate::rng::{self, Stream};

/// Draws of an example that one run computes at the most.
const SAMPLES: usize = 64;
/// Draws of all examples of a run at the most.
const ROWS: usize = 2048;
/// Examples of a run at the most.
const EXAMPLES: usize = 256;

/// How draws are spread over runs of one graph: a function of the model and of their number alone, so that an example
/// goes through the same kernels with any others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Runs {
    /// Examples of a run.
    examples: usize,
    /// Draws of each of them.
    samples: usize,
    /// Runs for the same examples.
    repeats: usize,
}

impl Runs {
    /// Of so many draws, where a run has room for so many rows.
    fn new(rows: usize, samples: usize) -> Self {
        let repeats = samples.div_ceil(SAMPLES.min(rows));
        let of_run = samples.div_ceil(repeats);
        Self {
            examples: (rows / of_run).clamp(1, EXAMPLES),
            samples: of_run,
            repeats,
        }
    }
}

/// What a graph is given and gives, and how often it runs.
struct Engine {
    by: ScoreBy,
    seed: u64,
    taken: Taken,
    /// Draws of each example.
    samples: usize,
    runs: Runs,
    session: Box<dyn Session>,
    x: TensorId,
    label: Option<TensorId>,
    /// ε and its dimensions, where z is drawn.
    eps: Option<(TensorId, usize)>,
    has_kl_each: bool,
    /// The nats of so many values are among the outputs; 0 where they are not asked for.
    cells: usize,
    /// Whether ε of the first repeat is in its place already.
    has_noise: bool,
}

impl Engine {
    fn new(
        model: &mut Autoencoder,
        by: ScoreBy,
        seed: u64,
        cells: bool,
    ) -> Result<Self, ScoreError> {
        check(model.vae(), by)?;
        let samples = by.samples().unwrap_or(1);
        let runs = Runs::new(model.rows_of_run(ROWS), samples);
        let at = match by {
            ScoreBy::Reconstruction => ScoredAt::Location,
            _ => ScoredAt::Draws(runs.samples),
        };
        let ScoredGraph {
            graph,
            inputs,
            eps,
            has_kl_each,
        } = model.vae().scored_graph(runs.examples, at, cells);
        let dims = model.vae().latent_dims().iter().sum();
        Ok(Self {
            by,
            seed,
            taken: Taken::of(model.vae()),
            samples,
            runs,
            session: model.executor_mut().session(graph)?,
            x: inputs.x,
            label: inputs.label,
            eps: eps.map(|id| (id, dims)),
            has_kl_each,
            cells: if cells {
                model.vae().config().cells()
            } else {
                0
            },
            has_noise: false,
        })
    }

    /// Hands the totals of each example to `take`, in their order.
    fn run(
        &mut self,
        rows: &[f32],
        labels: Option<&[u8]>,
        take: &mut dyn FnMut(Totals),
    ) -> Result<(), ScoreError> {
        let (count, labels) = self.taken.check(rows, labels)?;
        let (width, classes) = (self.taken.width, self.taken.classes);
        let mut x = vec![0.0; self.runs.examples * width];
        let mut hot = vec![0.0; self.label.map_or(0, |_| self.runs.examples * classes)];
        for first in (0..count).step_by(self.runs.examples) {
            let here = self.runs.examples.min(count - first);
            x[..here * width].copy_from_slice(&rows[first * width..][..here * width]);
            if let Some(labels) = labels {
                hot.fill(0.0);
                for (row, &label) in labels[first..][..here].iter().enumerate() {
                    hot[row * classes + usize::from(label)] = 1.0;
                }
            }
            let mut totals = vec![Totals::new(self.by, self.cells); here];
            for repeat in 0..self.runs.repeats {
                self.run_once([&x, &hot], repeat, &mut totals)?;
            }
            totals.into_iter().for_each(&mut *take);
        }
        Ok(())
    }

    /// One run: so many draws more of each example, of which the last repeat may need fewer.
    fn run_once(
        &mut self,
        [x, hot]: [&[f32]; 2],
        repeat: usize,
        totals: &mut [Totals],
    ) -> Result<(), ScoreError> {
        let samples = self.runs.samples;
        let noise = match self.eps {
            Some((id, dims)) if repeat > 0 || !self.has_noise || self.runs.repeats > 1 => {
                Some((id, self.noise(repeat, dims)))
            }
            _ => None,
        };
        let mut inputs: Vec<(TensorId, &[f32])> = Vec::new();
        if repeat == 0 {
            inputs.push((self.x, x));
            inputs.extend(self.label.map(|id| (id, hot)));
        }
        inputs.extend(noise.iter().map(|(id, eps)| (*id, eps.as_slice())));
        let found = self.session.run(0, &inputs)?.tensors;
        self.has_noise = true;
        let is_drawn = self.eps.is_some();
        let kl_each = found.get(2).filter(|_| self.has_kl_each && repeat == 0);
        let cells = found.last().filter(|_| self.cells > 0);
        let width = self.cells;
        let wanted = samples.min(self.samples - repeat * samples);
        for (example, totals) in totals.iter_mut().enumerate() {
            if let Some(kl_each) = kl_each {
                let dims = kl_each.len() / self.runs.examples;
                totals.set_kl(&kl_each[example * dims..][..dims]);
            }
            for row in (example * samples..).take(wanted) {
                let excess = if is_drawn { found[1][row] } else { 0.0 };
                let cells = cells.map_or(&[][..], |cells| &cells[row * width..][..width]);
                totals.add(found[0][row], excess, cells);
            }
        }
        Ok(())
    }

    /// ε of the draws of a repeat, the same for each example: `[examples · samples, dims]`. That of a draw follows from
    /// the seed and its number alone.
    fn noise(&self, repeat: usize, dims: usize) -> Vec<f32> {
        let of_run = self.runs.samples * dims;
        let elements = repeat * of_run..(repeat + 1) * of_run;
        let normal = |element| rng::normal(self.seed, Stream::Scoring, 0, element) as f32;
        let of_example: Vec<f32> = elements.map(normal).collect();
        of_example.repeat(self.runs.examples)
    }
}

/// Whether a model has such a score.
fn check(vae: &Vae, by: ScoreBy) -> Result<(), ScoreError> {
    let (config, name) = (vae.config(), by.name());
    if by.samples() == Some(0) {
        return Err(ScoreError::NoDraws { by: name });
    }
    if config.labels_in_part {
        return Err(ScoreError::LabelsInPart);
    }
    if config.scale == Scale::Optimal {
        return Err(ScoreError::ScaleOfBatch);
    }
    if config.likelihood == Likelihood::SquaredError && by != ScoreBy::Reconstruction {
        let likelihood = config.likelihood;
        return Err(ScoreError::NoDensity {
            likelihood,
            by: name,
        });
    }
    Ok(())
}

/// Scores examples; the same ones always have the same scores. Made by [`Autoencoder::scorer`].
pub struct Scorer(Engine);

impl Scorer {
    /// The score in nats of each example of rows `[count, input_dim]`, with values as the model sees them and a label each
    /// where it reads them. A score may be infinite where the model's own formulas are.
    ///
    /// # Errors
    /// Where the rows or labels are none that the model takes, or the device fails.
    pub fn score(&mut self, rows: &[f32], labels: Option<&[u8]>) -> Result<Vec<f64>, ScoreError> {
        let mut scores = Vec::new();
        self.0
            .run(rows, labels, &mut |totals| scores.push(totals.score()))?;
        Ok(scores)
    }
}

/// What makes the scores of examples: for each its score, and what its values and its latent add to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contributions {
    /// Each score in nats: `[count]`.
    pub scores: Vec<f64>,
    /// −ln p(x_d | z) of each value in nats, `[count, input_dim]`; of the rows of a table, of each column in the row's
    /// order, `[count, columns]`, 0 of a cell that is missing. By log-likelihood it is the mean under the draws'
    /// importance weights, which stand for p(z | x), by the ELBO the mean over the draws, by reconstruction that at
    /// the z which stands for q(z | x).
    pub cells: Vec<f64>,
    /// What is left of each score, `[count]`: by log-likelihood an estimate of KL(p(z | x) ‖ p(z)), by the ELBO
    /// KL(q(z | x) ‖ p(z)), by reconstruction 0; each up to the rounding of f32. With it, a row of `cells` adds up to the
    /// score: −ln p(x) = E\[−ln p(x | z)\] + KL(p(z | x) ‖ p(z)), where the mean is under p(z | x).
    pub latent: Vec<f64>,
}

/// Says what makes the scores of examples. Made by [`Autoencoder::explainer`].
pub struct Explainer(Engine);

impl Explainer {
    /// What makes the score of each example of rows, with what [`Scorer::score`] takes.
    ///
    /// # Errors
    /// As [`Scorer::score`].
    pub fn explain(
        &mut self,
        rows: &[f32],
        labels: Option<&[u8]>,
    ) -> Result<Contributions, ScoreError> {
        let mut found = Contributions::default();
        self.0.run(rows, labels, &mut |totals| {
            let score = totals.score();
            let first = found.cells.len();
            found.cells.extend(totals.cells());
            let sum: f64 = found.cells[first..].iter().sum();
            found.scores.push(score);
            found.latent.push(score - sum);
        })?;
        Ok(found)
    }
}

impl Autoencoder {
    /// Scores examples by this; `seed` is the key of the draws of z, which are the same for each example.
    ///
    /// # Errors
    /// Where the model has no such score, or the device fails.
    pub fn scorer(&mut self, by: ScoreBy, seed: u64) -> Result<Scorer, ScoreError> {
        Engine::new(self, by, seed, false).map(Scorer)
    }

    /// The same with what each value adds to the score, which takes the memory of a value for each draw.
    ///
    /// # Errors
    /// As [`Autoencoder::scorer`].
    pub fn explainer(&mut self, by: ScoreBy, seed: u64) -> Result<Explainer, ScoreError> {
        Engine::new(self, by, seed, true).map(Explainer)
    }
}

#[cfg(test)]
mod tests {
    use super::Runs;

    #[test]
    fn every_draw_has_its_run() {
        for (rows, samples) in [(2048, 1), (2048, 5000), (1, 65), (100, 64), (85, 100)] {
            let runs = Runs::new(rows, samples);
            assert!(runs.examples * runs.samples <= rows, "{runs:?}");
            assert!(runs.samples * runs.repeats >= samples, "{runs:?}");
            assert!(runs.samples * (runs.repeats - 1) < samples, "{runs:?}");
        }
    }
}
