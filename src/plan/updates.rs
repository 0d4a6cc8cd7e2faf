//! Which words of the parameters' buffers are updated, and by what.

use std::ops::Range;

use super::parameters::Parameters;
use crate::gpu::Slice;
use crate::graph::{Graph, Optimizer};

/// Consecutive words of a shard whose parameters are updated alike, with the gaps between and behind
/// them, where gradients and moments are zero.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run<T> {
    pub(super) shard: usize,
    pub(super) words: Range<usize>,
    /// What all of its parameters have.
    pub(super) of: T,
}

impl<T> Run<T> {
    /// Its words of buffers of the parameters' layout.
    pub(super) fn slice(&self, shards: &[Slice]) -> Slice {
        shards[self.shard].part(self.words.start, self.words.len())
    }
}

/// The runs of an optimiser's launches: one a shard, where all parameters are updated alike.
pub(super) fn optimizers(graph: &Graph, parameters: &Parameters) -> Vec<Run<Optimizer>> {
    let updates = graph.updates();
    runs(parameters, |name| {
        let mut updates = updates.iter();
        let update = updates.find(|update| graph.tensor(update.parameter).name == name);
        update.map(|update| update.optimizer.clone())
    })
}

/// The runs of all parameters that are updated at all.
pub(super) fn updated(graph: &Graph, parameters: &Parameters) -> Vec<Run<()>> {
    let of = |run: Run<Optimizer>| Run {
        shard: run.shard,
        words: run.words,
        of: (),
    };
    joined(optimizers(graph, parameters).into_iter().map(of))
}

/// Blocks of parameters that have the same, which `of` says by their names; those without are left out.
fn runs<T: PartialEq>(parameters: &Parameters, of: impl Fn(&str) -> Option<T>) -> Vec<Run<T>> {
    let specs = parameters.specs().iter();
    let blocks = specs.flat_map(|spec| {
        let blocks = parameters.blocks(&spec.name).unwrap_or_default().iter();
        blocks.filter_map(|block| {
            Some(Run {
                shard: block.shard,
                words: block.at..(block.at + block.len).next_multiple_of(Slice::ALIGNMENT),
                of: of(&spec.name)?,
            })
        })
    });
    let mut blocks: Vec<_> = blocks.collect();
    blocks.sort_by_key(|run| (run.shard, run.words.start));
    joined(blocks.into_iter())
}

/// Runs in order, neighbours that have the same as one.
fn joined<T: PartialEq>(runs: impl Iterator<Item = Run<T>>) -> Vec<Run<T>> {
    let mut joined: Vec<Run<T>> = Vec::new();
    for run in runs {
        match joined.last_mut() {
            Some(last)
                if last.shard == run.shard
                    && last.words.end == run.words.start
                    && last.of == run.of =>
            {
                last.words.end = run.words.end;
            }
            _ => joined.push(run),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(shard: usize, words: Range<usize>, of: u8) -> Run<u8> {
        Run { shard, words, of }
    }

    #[test]
    fn neighbours_that_have_the_same_are_one_run() {
        let blocks = [
            run(0, 0..64, 1),
            run(0, 64..192, 1),
            // A frozen one lies between.
            run(0, 256..320, 1),
            run(0, 320..384, 2),
            run(1, 384..448, 2),
            run(1, 448..512, 2),
        ];
        let expected = [
            run(0, 0..192, 1),
            run(0, 256..320, 1),
            run(0, 320..384, 2),
            run(1, 384..512, 2),
        ];
        assert_eq!(joined(blocks.into_iter()), expected);
    }
}
