//! A graph of so many rows, run over any number of them.

use crate::executor::{Executor, ExecutorError, Session};
use crate::graph::{Graph, TensorId};

/// Rows of values of an input: its tensor, the values, and how many a row has.
pub(super) type Given<'a> = (TensorId, &'a [f32], usize);

/// A session of a graph of a chunk's rows, which is kept for all rows that are run through it.
pub(super) struct Runs {
    session: Box<dyn Session>,
    /// Rows of the graph.
    chunk: usize,
    /// Values that each output has for a row.
    columns: Vec<usize>,
    /// What each input is given at a run.
    padded: Vec<Vec<f32>>,
}

impl Runs {
    /// Prepares a graph of so many rows.
    pub(super) fn new(
        executor: &mut dyn Executor,
        graph: Graph,
        chunk: usize,
    ) -> Result<Self, ExecutorError> {
        let outputs = graph.outputs().iter();
        let columns = outputs.map(|&o| graph.shape(o).columns()).collect();
        Ok(Self {
            session: executor.session(graph)?,
            chunk,
            columns,
            padded: Vec::new(),
        })
    }

    /// Rows of a run.
    pub(super) fn chunk(&self) -> usize {
        self.chunk
    }

    /// Runs the graph over all rows that its inputs are given; what the last chunk lacks is computed from other rows and
    /// dropped. Noise is that of a step of its own for each chunk, from `first_step` on.
    ///
    /// # Panics
    /// Where inputs have different numbers of rows.
    pub(super) fn run(
        &mut self,
        given: &[Given<'_>],
        first_step: u32,
    ) -> Result<Vec<Vec<f32>>, ExecutorError> {
        let count = given[0].1.len() / given[0].2;
        for (_, rows, dim) in given {
            assert_eq!(
                rows.len(),
                count * dim,
                "values are no {count} rows of {dim}"
            );
        }
        let chunk = self.chunk;
        let columns = self.columns.iter();
        let mut outputs: Vec<_> = columns
            .map(|columns| Vec::with_capacity(count * columns))
            .collect();
        for (step, first) in (first_step..).zip((0..count).step_by(chunk)) {
            let here = chunk.min(count - first);
            let of_chunk = |dim: usize| first * dim..(first + here) * dim;
            let result = if here == chunk {
                let inputs = given.iter();
                let inputs = inputs.map(|&(id, rows, dim)| (id, &rows[of_chunk(dim)]));
                self.session.run(step, &inputs.collect::<Vec<_>>())?
            } else {
                self.padded.resize_with(given.len(), Vec::new);
                for (padded, &(_, rows, dim)) in self.padded.iter_mut().zip(given) {
                    padded.resize(chunk * dim, 0.0);
                    padded[..here * dim].copy_from_slice(&rows[of_chunk(dim)]);
                }
                let ids = given.iter().map(|(id, ..)| *id);
                let inputs = ids.zip(self.padded.iter().map(Vec::as_slice));
                self.session.run(step, &inputs.collect::<Vec<_>>())?
            };
            let tensors = result.tensors.iter().zip(&self.columns);
            for (all, (new, columns)) in outputs.iter_mut().zip(tensors) {
                all.extend_from_slice(&new[..here * columns]);
            }
        }
        Ok(outputs)
    }
}
