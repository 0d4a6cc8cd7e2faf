//! A graph that is ready to run: its works in levels, and the memory of its tensors.

use std::collections::HashMap;

use super::adam::{Adam, Clipping, SquareSums};
use super::lower::lower;
use super::memory::{Memory, Span};
use super::moment::Moment;
use super::order::{Access, layout, levels};
use super::parameters::Parameters;
use super::scratch::Scratch;
use super::team::Crew;
use super::work::{Item, Part, Work};
use crate::fuse::{fuse, task::Task};
use crate::graph::{Graph, Kind, TensorId, Update};

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
        let mut order = Order::of(&tasks, &graph.storage());
        let mut tensors = Tensors::new(graph, parameters, &order);
        let mut works: Vec<Work> = tasks
            .iter()
            .map(|task| lower(graph, task, &|id| tensors.of(id)))
            .collect();
        let mut results: Vec<_> = (0..tasks.len()).collect();
        results.sort_by_key(|&number| order.levels[number]);
        let named = |id: TensorId| (graph.tensor(id).name.clone(), tensors.of(id));
        let results = results.into_iter().map(|number| {
            let writes = tasks[number].writes().into_iter();
            (number, writes.map(named).collect())
        });
        let results = results.collect();
        if !graph.terms().is_empty() {
            let terms = graph.terms().iter();
            let rows = terms.map(|term| (f64::from(term.weight), term.ramp, tensors.of(term.rows)));
            works.push(Work::Losses(rows.collect()));
            order.levels.push(order.after);
        }
        add_assignments(graph, &tensors, &mut order, &mut works);
        add_updates(graph, parameters, &mut tensors, &mut order, &mut works);
        let last = order.levels.iter().max().map_or(0, |last| last + 1);
        let mut items: Vec<Vec<(usize, Item)>> = vec![Vec::new(); last];
        for (number, (work, &level)) in works.iter().zip(&order.levels).enumerate() {
            items[level].extend(work.items().into_iter().map(|item| (number, item)));
        }
        items.retain(|level| !level.is_empty());
        Self {
            levels: items,
            results,
            inputs: std::mem::take(&mut tensors.inputs),
            outputs: graph.outputs().iter().map(|&id| tensors.of(id)).collect(),
            line: 1 + graph.terms().len(),
            works,
            _memory: tensors.memory,
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

/// When each work runs.
struct Order {
    accesses: Vec<Access>,
    /// Of each work; of the tasks first.
    levels: Vec<usize>,
    /// After all tasks.
    after: usize,
}

impl Order {
    /// `storage` says of each tensor which one holds its values.
    fn of(tasks: &[Task], storage: &[TensorId]) -> Self {
        let access = |task: &Task| Access {
            reads: task.reads().iter().map(|id| storage[id.index()]).collect(),
            writes: task.writes(),
        };
        let accesses: Vec<_> = tasks.iter().map(access).collect();
        let levels = levels(&accesses);
        Self {
            after: levels.iter().max().map_or(0, |last| last + 1),
            accesses,
            levels,
        }
    }
}

/// Where a graph's tensors lie.
struct Tensors {
    /// Of what holds its own values.
    spans: HashMap<TensorId, Span>,
    inputs: HashMap<TensorId, Span>,
    memory: Vec<Memory>,
    /// Of each tensor the one that holds its values.
    storage: Vec<TensorId>,
}

impl Tensors {
    fn new(graph: &Graph, parameters: &Parameters, order: &Order) -> Self {
        let storage = graph.storage();
        let holds = |id, of: TensorId| storage[of.index()] == id;
        let is_output = |id| graph.outputs().iter().any(|&output| holds(id, output));
        let is_term = |id| graph.terms().iter().any(|term| holds(id, term.rows));
        let is_gradient = |id| {
            graph
                .gradients()
                .iter()
                .any(|&(_, gradient)| holds(id, gradient))
        };
        let is_assigned = |id| {
            let mut assigned = graph.assignments().iter();
            assigned.any(|&(_, assigned)| holds(id, assigned))
        };
        let kept = |id| is_output(id) || is_term(id) || is_gradient(id) || is_assigned(id);
        let len = |id| graph.shape(id).len();
        let layout = layout(&order.accesses, &order.levels, kept, len);
        let shared = Memory::zeros(layout.len);
        let places = layout.places.into_iter();
        let mut tensors = Self {
            spans: places.map(|(id, place)| (id, shared.span(place))).collect(),
            inputs: HashMap::new(),
            memory: vec![shared],
            storage,
        };
        for (index, tensor) in graph.tensors().iter().enumerate() {
            let (id, len) = (TensorId(index), tensor.shape.len());
            let span = match &tensor.kind {
                Kind::Parameter | Kind::State => parameters.values(&tensor.name),
                Kind::Constant(value) => tensors.own(len, |own| own.fill(*value as f32)),
                Kind::Values(values) => tensors.own(len, |own| own.copy_from_slice(values)),
                Kind::Input => {
                    let input = tensors.own(len, |_| {});
                    tensors.inputs.insert(id, input);
                    input
                }
                Kind::Computed | Kind::View(_) => continue,
            };
            tensors.spans.insert(id, span);
        }
        tensors
    }

    /// Memory that nothing else has a part of, zeros until `write` has been given it.
    fn own(&mut self, len: usize, write: impl FnOnce(&mut [f32])) -> Span {
        let mut memory = Memory::zeros(len);
        write(memory.as_mut_slice());
        let span = memory.span(0..len);
        self.memory.push(memory);
        span
    }

    fn of(&self, id: TensorId) -> Span {
        match self.spans.get(&self.storage[id.index()]) {
            Some(span) => *span,
            None => unreachable!("nothing computes tensor {}", id.index()),
        }
    }
}

/// Adds what leaves new values in states, after all that reads the old ones.
fn add_assignments(graph: &Graph, tensors: &Tensors, order: &mut Order, works: &mut Vec<Work>) {
    for &(state, assigned) in graph.assignments() {
        let len = graph.shape(state).len();
        works.push(Work::Copy {
            rows: 1,
            parts: vec![Part {
                from: tensors.of(assigned),
                from_width: len,
                from_first: 0,
                to: tensors.of(state),
                to_width: len,
                to_first: 0,
                columns: len,
            }],
        });
        order.levels.push(order.after);
    }
}

/// Adds what updates the parameters, after all that reads them.
fn add_updates(
    graph: &Graph,
    parameters: &Parameters,
    tensors: &mut Tensors,
    order: &mut Order,
    works: &mut Vec<Work>,
) {
    let clip = graph.optimizer().filter(|of| of.clip_norm.is_some());
    let clipping = clip.map(|optimizer| {
        let gradients = graph.gradients().iter().map(|&(_, id)| tensors.of(id));
        let gradients: Vec<_> = gradients.collect();
        let counts = gradients.iter().map(|of| SquareSums::count(of.len()));
        let counts: Vec<_> = counts.collect();
        let squares = tensors.own(counts.iter().sum(), |_| {});
        let mut first = 0;
        for (gradient, count) in gradients.into_iter().zip(counts) {
            let sums = squares.part(first..first + count);
            works.push(Work::SquareSums(SquareSums { gradient, sums }));
            order.levels.push(order.after);
            first += count;
        }
        Clipping {
            optimizer: optimizer.clone(),
            squares,
        }
    });
    for update in graph.updates() {
        let Update {
            parameter,
            gradient,
            optimizer,
        } = update;
        let [m, v] = parameters.moments(&graph.tensor(parameter).name);
        let adam = Adam {
            optimizer,
            gradient: tensors.of(gradient),
            parameter: tensors.of(parameter),
            m,
            v,
            clipping: clipping.clone(),
        };
        works.push(Work::Adam(adam));
        order.levels.push(order.after + 1);
    }
}
