//! A classifier of what an encoder says of images: the model M1 of Kingma, Rezende, Mohamed and Welling,
//! *Semi-supervised Learning with Deep Generative Models* (2014), with a network in the place of their support
//! vector machine.

use super::autoencoder::run_rows;
use crate::executor::{Executor, ExecutorError, Rows, Snapshot, Start};
use crate::graph::{Adam, Curve, Optimizer, Schedule};
use crate::model::Classifier;
use crate::rng;

/// Steps of a fit, at least; whole passes over the rows.
const STEPS: usize = 2000;
/// Rows of a step.
const BATCH: usize = 128;
/// Adam's rate at the first step, from which it falls in a straight line to 0.
const RATE: f64 = 1e-2;
/// AdamW's λ.
const DECAY: f64 = 1e-2;
/// Rows that are classified at a time.
const CHUNK: usize = 256;

/// A classifier that has been fitted to rows with labels.
pub struct Fitted {
    classifier: Classifier,
    executor: Box<dyn Executor>,
}

impl Fitted {
    /// Minimises the cross entropy of these rows `[count, inputs]` with a label each; `executor` has the
    /// classifier's parameters, whose first values are drawn under the seed. The same seed and executor give
    /// the same bits.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// Where there are no rows, or not as many labels.
    pub fn fit(
        classifier: Classifier,
        mut executor: Box<dyn Executor>,
        rows: &[f32],
        labels: &[u8],
        seed: u64,
    ) -> Result<Self, ExecutorError> {
        let count = labels.len();
        assert!(count > 0 && rows.len().is_multiple_of(count), "rows");
        let batch = BATCH.min(count);
        let passes = STEPS.div_ceil(count.div_ceil(batch));
        let steps = passes * count.div_ceil(batch);
        let schedule = Schedule::decay(Curve::Linear, [RATE, 0.0], 0, steps as u32);
        let schedule = schedule.unwrap_or_else(|_| Schedule::constant(RATE));
        let optimizer = Optimizer {
            schedule,
            weight_decay: DECAY,
            ..Adam::default().into()
        };
        executor.restore(&Snapshot::initial(&classifier.parameters(), seed))?;
        let rows = Rows::new(rows, rows.len() / count).with_labels(labels);
        let graph = |rows| classifier.training_graph(rows, optimizer.clone());
        let mut pass = executor.pass(rows, batch, &graph)?;
        let mut step = 0;
        for epoch in 0..passes {
            let order = rng::permutation(seed, epoch as u32, count);
            pass.begin(Start {
                step,
                position: 0,
                order: &order,
            })?;
            loop {
                let done = pass.advance(count.div_ceil(batch))?;
                if done == 0 {
                    break;
                }
                step += done as u32;
            }
            // What an epoch has left to do is done before the next one begins.
            pass.losses()?;
        }
        drop(pass);
        Ok(Self {
            classifier,
            executor,
        })
    }

    /// ln q(y | x) of every class of rows `[count, inputs]`: `[count, classes]`.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// Where the rows are no whole number of them.
    pub fn log_q(&mut self, rows: &[f32]) -> Result<Vec<f32>, ExecutorError> {
        let (graph, x) = self.classifier.graph(CHUNK);
        let inputs = graph.shape(x).columns();
        let mut outputs = run_rows(&mut *self.executor, graph, CHUNK, &[(x, rows, inputs)], 0)?;
        Ok(outputs.swap_remove(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Activation;
    use crate::model::InitialWeights;
    use crate::reference::ReferenceExecutor;

    /// Points about the corners of a square, of which opposite ones are of one class: a regression errs for
    /// half of them at best three quarters, and a hidden layer for none.
    #[test]
    fn a_hidden_layer_learns_what_a_regression_cannot() {
        let corner = |index: usize| [(index % 2) as f32, (index / 2 % 2) as f32];
        let point = |index: usize| {
            let off = |salt: usize| ((index * 37 + salt) % 11) as f32 / 55.0 - 0.1;
            let [a, b] = corner(index);
            [a + off(1), b + off(5)]
        };
        let rows: Vec<f32> = (0..64).flat_map(point).collect();
        let labels: Vec<u8> = (0..64).map(|i| ((i % 2) ^ (i / 2 % 2)) as u8).collect();
        let errors = |hidden: &[usize], seed| {
            let classifier =
                Classifier::new([2, 2], hidden, Activation::Tanh, InitialWeights::Pytorch);
            let executor = Box::new(ReferenceExecutor::new(classifier.parameters(), seed));
            let mut fitted = Fitted::fit(classifier, executor, &rows, &labels, seed).unwrap();
            let log_q = fitted.log_q(&rows).unwrap();
            let found = log_q.chunks(2).map(|row| u8::from(row[1] > row[0]));
            let wrong = found.zip(&labels).filter(|(found, label)| found != *label);
            (wrong.count(), log_q)
        };
        let regression = errors(&[], 0);
        assert!(regression.0 >= 16, "{}", regression.0);
        let (wrong, log_q) = errors(&[16], 0);
        assert_eq!(wrong, 0);
        assert!(errors(&[16], 0).1 == log_q && errors(&[16], 1).1 != log_q);
    }
}
