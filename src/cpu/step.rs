//! A graph that is ready to run: its works in levels, and the memory of its tensors.

use std::collections::HashMap;

use super::adam::{Adam, Clipping, SquareSums};
use super::lower::lower;
use super::memory::{Memory, Span};
use super::moment::Moment;
use super::order::{Access, Layout, layout, levels};
use super::parameters::Parameters;
use super::scratch::Scratch;
use super::team::Crew;
use super::work::{Item, Work};
use crate::fuse::{fuse, task::Task};
use crate::graph::{Graph, Kind, TensorId};

/// A graph with its memory. The parameters that it was made for must outlive it.
#[derive(Debug)]
pub(super) struct Step {
    works: Vec<Work>,
    /// Of each level, the items with the numbers of their works.
    levels: Vec<Vec<(usize, Item)>>,
    /// Of each work, by levels, what it writes, with names: for messages.
    results: Vec<(usize, Vec<(String, Span)>)>,
    inputs: HashMap<TensorId, Span>,
    outputs: Vec<Span>,
    /// Values of a line of the log.
    pub(super) line: usize,
    /// Owns what the spans are parts of.
    _memory: Vec<Memory>,
}

impl Step {
    pub(super) fn new(graph: &Graph, parameters: &Parameters) -> Self {
        let tasks = fuse(graph, |_| true);
        let access = |task: &Task| Access {
            reads: task.reads(),
            writes: task.writes(),
        };
        let accesses: Vec<_> = tasks.iter().map(access).collect();
        let levels = levels(&accesses);
        let after = levels.iter().max().map_or(0, |last| last + 1);
        let kept = |id| {
            graph.outputs().contains(&id)
                || graph.terms().iter().any(|term| term.rows == id)
                || graph
                    .gradients()
                    .iter()
                    .any(|&(_, gradient)| gradient == id)
        };
        let Layout { places, len } = layout(&accesses, &levels, kept, |id| graph.shape(id).len());
        let mut memory = vec![Memory::zeros(len)];
        let mut spans: HashMap<TensorId, Span> = places
            .into_iter()
            .map(|(id, place)| (id, memory[0].span(place)))
            .collect();
        let mut inputs = HashMap::new();
        for (index, tensor) in graph.tensors().iter().enumerate() {
            let id = TensorId(index);
            let mut own = |value: f32| {
                let len = tensor.shape.len();
                let mut values = Memory::zeros(len);
                values.as_mut_slice().fill(value);
                let span = values.span(0..len);
                memory.push(values);
                span
            };
            let span = match tensor.kind {
                Kind::Parameter => parameters.values(&tensor.name),
                Kind::Constant(value) => own(value as f32),
                Kind::Input => {
                    let span = own(0.0);
                    inputs.insert(id, span);
                    span
                }
                Kind::Computed => continue,
            };
            spans.insert(id, span);
        }
        let of = |id: TensorId| match spans.get(&id) {
            Some(span) => *span,
            None => unreachable!("nothing computes {}", graph.tensor(id).name),
        };
        let mut works: Vec<Work> = tasks.iter().map(|task| lower(graph, task, &of)).collect();
        let mut level_of = levels;
        let named = |id: TensorId| (graph.tensor(id).name.clone(), of(id));
        let mut results: Vec<_> = tasks
            .iter()
            .enumerate()
            .map(|(number, task)| (number, task.writes().into_iter().map(named).collect()))
            .collect();
        results.sort_by_key(|&(number, _)| level_of[number]);
        let mut add = |work: Work, level: usize| {
            works.push(work);
            level_of.push(level);
        };
        if !graph.terms().is_empty() {
            let terms = graph.terms().iter();
            let terms = terms.map(|term| (f64::from(term.weight), term.ramp, of(term.rows)));
            add(Work::Losses(terms.collect()), after);
        }
        let clip = graph.optimizer().filter(|of| of.clip_norm.is_some());
        let squares = clip.map(|optimizer| {
            let gradients: Vec<Span> = graph.gradients().iter().map(|&(_, id)| of(id)).collect();
            let counts: Vec<usize> = gradients
                .iter()
                .map(|g| SquareSums::count(g.len()))
                .collect();
            let sums = Memory::zeros(counts.iter().sum());
            let all = sums.span(0..sums.len());
            memory.push(sums);
            let mut first = 0;
            for (gradient, count) in gradients.into_iter().zip(counts) {
                let sums = all.part(first..first + count);
                add(Work::SquareSums(SquareSums { gradient, sums }), after);
                first += count;
            }
            Clipping {
                optimizer: optimizer.clone(),
                squares: all,
            }
        });
        for update in graph.updates() {
            let [m, v] = parameters.moments(&graph.tensor(update.parameter).name);
            let adam = Adam {
                optimizer: update.optimizer,
                gradient: of(update.gradient),
                parameter: of(update.parameter),
                m,
                v,
                clipping: squares.clone(),
            };
            add(Work::Adam(adam), after + 1);
        }
        let mut items: Vec<Vec<(usize, Item)>> = vec![Vec::new(); after + 2];
        for (number, (work, &level)) in works.iter().zip(&level_of).enumerate() {
            items[level].extend(work.items().into_iter().map(|item| (number, item)));
        }
        items.retain(|level| !level.is_empty());
        Self {
            works,
            levels: items,
            results,
            inputs,
            outputs: graph.outputs().iter().map(|&id| of(id)).collect(),
            line: 1 + graph.terms().len(),
            _memory: memory,
        }
    }

    /// This thread's share of one run.
    pub(super) fn run(&self, moment: &Moment<'_>, crew: &Crew<'_>, scratch: &mut Scratch) {
        for level in &self.levels {
            crew.share(level.len(), |number| {
                let (work, item) = &level[number];
                self.works[*work].run(item, moment, scratch);
            });
        }
    }

    /// Runs work by work, without an update, to the first whose results are not finite, and names it.
    pub(super) fn find_non_finite(
        &self,
        moment: &Moment<'_>,
        scratch: &mut Scratch,
    ) -> Option<String> {
        for (number, results) in &self.results {
            let work = &self.works[*number];
            for item in work.items() {
                work.run(&item, moment, scratch);
            }
            for (name, values) in results {
                // SAFETY: nobody writes while this thread reads.
                let values = unsafe { values.read() };
                if values.iter().any(|value| !value.is_finite()) {
                    return Some(name.clone());
                }
            }
        }
        None
    }

    /// Where the values of an input go.
    pub(super) fn input(&self, id: TensorId) -> Option<Span> {
        self.inputs.get(&id).copied()
    }

    /// The graph's outputs, in its order.
    pub(super) fn outputs(&self) -> Vec<Vec<f32>> {
        let outputs = self.outputs.iter();
        // SAFETY: nobody writes between runs.
        outputs
            .map(|output| unsafe { output.read() }.to_vec())
            .collect()
    }
}
