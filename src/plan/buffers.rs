//! Which buffer holds each tensor.
//!
//! Parameters and their gradients lie in the shared buffers, a weight larger than a binding in
//! several parts; the rows of the objective's terms in one buffer that the kernel `objective` reads;
//! inputs, constants and outputs in buffers of their own; everything else shares a pool: a buffer is free again after the last launch that reads it.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::parameters::{Parameters, Part};
use crate::fuse::task::Task;
use crate::gpu::{Gpu, GpuError, Slice};
use crate::graph::{Graph, Kind, TensorId, Transposed};
use crate::kernels::gemm::Family;

/// Buffers that tensors of different graphs and moments share. All graphs of an executor run one
/// after the other, so one pool serves them all.
#[derive(Debug, Default)]
pub(super) struct Pool {
    buffers: Vec<Slice>,
}

impl Pool {
    /// The smallest free buffer with room for `len` words, or a new one.
    fn take(
        &mut self,
        gpu: &Gpu,
        free: &mut Vec<usize>,
        what: &str,
        len: usize,
    ) -> Result<usize, GpuError> {
        let fits = |&&index: &&usize| self.buffers[index].len() >= len;
        let best = free
            .iter()
            .filter(fits)
            .min_by_key(|&&index| self.buffers[index].len())
            .copied();
        if let Some(index) = best {
            free.retain(|&other| other != index);
            return Ok(index);
        }
        self.buffers.push(gpu.allocate(what, len)?);
        Ok(self.buffers.len() - 1)
    }

    /// `len` words for a plan that needs no other buffer.
    pub(super) fn one(&mut self, gpu: &Gpu, what: &str, len: usize) -> Result<Slice, GpuError> {
        let mut free = (0..self.buffers.len()).collect();
        let index = self.take(gpu, &mut free, what, len)?;
        Ok(self.buffers[index].part(0, len))
    }
}

/// The buffer of each tensor of one graph.
#[derive(Debug)]
pub(super) struct Buffers {
    /// Of each tensor the one that holds its values, which has the buffer.
    storage: Vec<TensorId>,
    of: HashMap<TensorId, Vec<Part>>,
    scratch: HashMap<TensorId, Vec<Slice>>,
    /// The terms' rows, `[terms, stride]`.
    pub(super) rows: Slice,
    /// Words from one term's rows to the next's.
    pub(super) stride: usize,
    /// Terms whose rows lie in a buffer of their own, with their places in `rows`: a launch reads them and
    /// writes another's, and a launch never reads the buffer where it writes.
    pub(super) apart: Vec<(TensorId, Slice)>,
}

impl Buffers {
    /// Assigns a buffer to every tensor that a task reads or writes.
    pub(super) fn assign(
        gpu: &Gpu,
        graph: &Graph,
        tasks: &[Task],
        parameters: &mut Parameters,
        pool: &mut Pool,
    ) -> Result<Self, GpuError> {
        let batch = graph
            .terms()
            .iter()
            .map(|term| graph.shape(term.rows).rows())
            .max();
        let stride = batch.unwrap_or(0).next_multiple_of(Slice::ALIGNMENT);
        let rows = gpu.allocate("the losses of a batch", stride * graph.terms().len())?;
        let mut buffers = Self {
            storage: graph.storage(),
            of: HashMap::new(),
            scratch: HashMap::new(),
            rows,
            stride,
            apart: Vec::new(),
        };
        let apart = buffers.terms_apart(graph, tasks);
        buffers.fixed(gpu, graph, parameters, &apart)?;
        buffers.check_blocks(gpu, graph, tasks)?;
        buffers.pooled(gpu, graph, tasks, pool)?;
        Ok(buffers)
    }

    /// The buffer of a tensor that lies in one: all but weights larger than a binding, and their
    /// gradients.
    ///
    /// # Panics
    /// Where no task touches the tensor; the planner asks for no other.
    pub(super) fn of(&self, id: TensorId) -> &Slice {
        &self.parts(id)[0].slice
    }

    /// The parts of a tensor, in the order of its rows.
    ///
    /// # Panics
    /// As [`Buffers::of`].
    pub(super) fn parts(&self, id: TensorId) -> &[Part] {
        &self.of[&self.storage(id)]
    }

    fn storage(&self, id: TensorId) -> TensorId {
        self.storage[id.index()]
    }

    /// Buffers like that of `result`, the gradient of a layer's inputs, for sums on the way there:
    /// none where the weight has one block; one, or two where a product takes no addend along.
    pub(super) fn scratch(&self, result: TensorId) -> &[Slice] {
        self.scratch.get(&result).map_or(&[], Vec::as_slice)
    }

    fn insert(&mut self, graph: &Graph, id: TensorId, slice: Slice) -> bool {
        let rows = 0..graph.shape(id).rows();
        self.of.insert(id, vec![Part { rows, slice }]).is_none()
    }

    /// The terms whose rows a task reads that writes another's.
    fn terms_apart(&self, graph: &Graph, tasks: &[Task]) -> HashSet<TensorId> {
        let terms = graph.terms().iter().map(|term| self.storage(term.rows));
        let terms: HashSet<_> = terms.collect();
        let of_terms = |ids: Vec<TensorId>| -> Vec<TensorId> {
            let ids = ids.into_iter().map(|id| self.storage(id));
            ids.filter(|id| terms.contains(id)).collect()
        };
        let writing = tasks
            .iter()
            .filter(|task| !of_terms(task.writes()).is_empty());
        writing.flat_map(|task| of_terms(task.reads())).collect()
    }

    fn fixed(
        &mut self,
        gpu: &Gpu,
        graph: &Graph,
        parameters: &mut Parameters,
        apart: &HashSet<TensorId>,
    ) -> Result<(), GpuError> {
        for (index, term) in graph.terms().iter().enumerate() {
            let len = graph.shape(term.rows).len();
            let mut part = self.rows.part(index * self.stride, len);
            let storage = self.storage(term.rows);
            if apart.contains(&storage) {
                self.apart.push((storage, part));
                part = gpu.allocate(&term.name, len)?;
            }
            let new = self.insert(graph, self.storage(term.rows), part);
            assert!(new, "two terms share the rows of {}", term.name);
        }
        if graph.optimizer().is_some() {
            let gradients = parameters.gradients(gpu)?;
            for &(parameter, gradient) in graph.gradients() {
                let name = &graph.tensor(parameter).name;
                if let Some(parts) = parameters.parts(&gradients, name) {
                    let computed = graph.tensor(gradient).kind == Kind::Computed;
                    let other = self.of.insert(gradient, parts);
                    assert!(
                        computed && other.is_none(),
                        "{name}: a gradient of its own is missing"
                    );
                }
            }
        }
        let visible = graph.outputs().iter().copied();
        let visible: Vec<_> = visible
            .chain(graph.gradients().iter().map(|&(_, gradient)| gradient))
            .chain(graph.assignments().iter().map(|&(_, assigned)| assigned))
            .map(|id| self.storage(id))
            .collect();
        for (index, tensor) in graph.tensors().iter().enumerate() {
            let id = TensorId(index);
            let (what, len) = (tensor.name.as_str(), tensor.shape.len());
            let slice = match tensor.kind {
                _ if self.of.contains_key(&id) => continue,
                Kind::Parameter | Kind::State => {
                    match parameters.parts(parameters.shards(), what) {
                        Some(parts) => {
                            self.of.insert(id, parts);
                            continue;
                        }
                        None => {
                            return Err(GpuError::Driver {
                                reason: format!(
                                    "the graph uses {what}, which the executor does not hold"
                                ),
                            });
                        }
                    }
                }
                Kind::Input => gpu.allocate(what, len)?,
                Kind::Constant(value) => gpu.upload(what, &vec![value as f32; len])?,
                Kind::Values(ref values) => gpu.upload(what, values)?,
                Kind::Computed if visible.contains(&id) => allocate_tensor(gpu, graph, id)?,
                Kind::Computed | Kind::View(_) => continue,
            };
            self.insert(graph, id, slice);
        }
        Ok(())
    }

    /// Only linear layers take weights that lie in several blocks.
    fn check_blocks(&self, gpu: &Gpu, graph: &Graph, tasks: &[Task]) -> Result<(), GpuError> {
        for task in tasks {
            let allowed = match task {
                // Rows of a view are others.
                Task::Product(product) => {
                    Some(product.weight()).filter(|&weight| self.storage(weight) == weight)
                }
                _ => None,
            };
            for id in task.reads().into_iter().chain(task.writes()) {
                let blocks = self.of.get(&self.storage(id)).map_or(1, Vec::len);
                if blocks > 1 && allowed != Some(id) {
                    let shape = graph.shape(id);
                    return Err(GpuError::TooLarge {
                        what: format!("{} of shape {shape}", graph.tensor(id).name),
                        bytes: 4 * shape.len() as u64,
                        limit: gpu.largest_binding(),
                        adapter: gpu.adapter().name.clone(),
                        remedy: "only a linear layer takes a weight of that size".to_owned(),
                    });
                }
            }
        }
        Ok(())
    }

    fn pooled(
        &mut self,
        gpu: &Gpu,
        graph: &Graph,
        tasks: &[Task],
        pool: &mut Pool,
    ) -> Result<(), GpuError> {
        let mut last_read: HashMap<TensorId, usize> = HashMap::new();
        for (index, task) in tasks.iter().enumerate() {
            let reads = task.reads().into_iter();
            last_read.extend(reads.map(|id| (self.storage(id), index)));
        }
        let mut free: Vec<usize> = (0..pool.buffers.len()).collect();
        let mut held: HashMap<TensorId, usize> = HashMap::new();
        let takes_addend = Family::of(gpu).epilogue().takes_operands();
        for (index, task) in tasks.iter().enumerate() {
            // Results first: a launch never writes where it reads.
            for id in task.writes() {
                if let Entry::Vacant(entry) = self.of.entry(id) {
                    let len = graph.shape(id).len();
                    check_size(gpu, graph, id)?;
                    let buffer = pool.take(gpu, &mut free, &graph.tensor(id).name, len)?;
                    held.insert(id, buffer);
                    let rows = 0..graph.shape(id).rows();
                    let slice = pool.buffers[buffer].part(0, len);
                    entry.insert(vec![Part { rows, slice }]);
                }
            }
            if let Task::Product(product) = task
                && product.transposed == Transposed::Neither
                && self.parts(product.right).len() > 1
            {
                let len = graph.shape(product.result()).len();
                let mut taken = Vec::new();
                for _ in 0..if takes_addend { 1 } else { 2 } {
                    taken.push(pool.take(gpu, &mut free, "a sum over blocks", len)?);
                }
                let slices = taken.iter().map(|&index| pool.buffers[index].part(0, len));
                self.scratch.insert(product.result(), slices.collect());
                free.append(&mut taken);
            }
            let touched = task.reads().into_iter().chain(task.writes());
            for id in touched.map(|id| self.storage(id)) {
                let done = last_read.get(&id).is_none_or(|&last| last <= index);
                if done && let Some(buffer) = held.remove(&id) {
                    free.push(buffer);
                }
            }
        }
        Ok(())
    }
}

fn allocate_tensor(gpu: &Gpu, graph: &Graph, id: TensorId) -> Result<Slice, GpuError> {
    check_size(gpu, graph, id)?;
    gpu.allocate(&graph.tensor(id).name, graph.shape(id).len())
}

/// Says what would fit where a tensor does not.
fn check_size(gpu: &Gpu, graph: &Graph, id: TensorId) -> Result<(), GpuError> {
    let shape = graph.shape(id);
    let (bytes, limit) = (4 * shape.len() as u64, gpu.largest_binding());
    if bytes <= limit {
        return Ok(());
    }
    Err(GpuError::TooLarge {
        what: format!("the tensor {} of shape {shape}", graph.tensor(id).name),
        bytes,
        limit,
        adapter: gpu.adapter().name.clone(),
        remedy: format!(
            "a batch of {} would fit",
            limit / 4 / shape.columns() as u64
        ),
    })
}
