//! The executor that runs graphs on the CPU twins.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::interpreter::{Batches, Context, Values, evaluate};
use super::{adam, gradient_norm};
use crate::executor::{
    self, Executor, ExecutorError, Outputs, ParameterSpec, Pass, Profile, Room, Rows, Session,
    Snapshot, Start,
};
use crate::graph::{Graph, Kind, TensorId};

/// Runs graphs in plain CPU code, in `f32` with `f64` sums: needs no GPU, and is slow.
#[derive(Debug)]
pub struct ReferenceExecutor {
    specs: Vec<ParameterSpec>,
    shared: Arc<Mutex<Shared>>,
}

/// What all graphs of an executor see.
#[derive(Debug)]
struct Shared {
    seed: u64,
    index: HashMap<String, usize>,
    state: Snapshot,
}

/// The lock, which a panic in a graph's run does not spoil: the state is replaced whole.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ReferenceExecutor {
    /// An executor for these parameters, all zero until [`Executor::restore`]. `seed` is the key
    /// of all noise.
    pub fn new(specs: Vec<ParameterSpec>, seed: u64) -> Self {
        let zeros: Vec<_> = specs
            .iter()
            .map(|spec| vec![0.0; spec.shape.len()])
            .collect();
        let index = specs
            .iter()
            .enumerate()
            .map(|(i, s)| (s.name.clone(), i))
            .collect();
        let state = Snapshot {
            parameters: zeros.clone(),
            m: zeros.clone(),
            v: zeros,
        };
        Self {
            specs,
            shared: Arc::new(Mutex::new(Shared { seed, index, state })),
        }
    }
}

impl Shared {
    /// The values of a graph's parameters, states and constants.
    fn values(&self, graph: &Graph) -> Values<f32> {
        let mut values = Values::new(graph);
        for (index, tensor) in graph.tensors().iter().enumerate() {
            if matches!(tensor.kind, Kind::Parameter | Kind::State) {
                let parameter = &self.state.parameters[self.index[&tensor.name]];
                values.set(TensorId(index), parameter.clone());
            }
        }
        values
    }

    /// What the graph assigns to states, and the optimiser's step, where it has one.
    fn update(&mut self, graph: &Graph, values: &Values<f32>, step: u32) {
        for &(state, assigned) in graph.assignments() {
            let index = self.index[&graph.tensor(state).name];
            self.state.parameters[index] = values.get(assigned).to_vec();
        }
        let Some(optimizer) = graph.optimizer() else {
            return;
        };
        let gradients = graph.gradients().iter().map(|&(_, id)| values.get(id));
        let scale = optimizer.clipping(gradient_norm::value(gradients));
        for update in graph.updates() {
            let index = self.index[&graph.tensor(update.parameter).name];
            let Snapshot { parameters, m, v } = &mut self.state;
            adam::update(
                &update.optimizer,
                step,
                scale,
                values.get(update.gradient),
                &mut parameters[index],
                &mut m[index],
                &mut v[index],
            );
        }
    }
}

impl Executor for ReferenceExecutor {
    fn name(&self) -> String {
        "the reference executor (CPU, slow)".to_owned()
    }

    fn specs(&self) -> &[ParameterSpec] {
        &self.specs
    }

    fn snapshot(&mut self) -> Result<Snapshot, ExecutorError> {
        Ok(lock(&self.shared).state.clone())
    }

    fn restore(&mut self, snapshot: &Snapshot) -> Result<(), ExecutorError> {
        snapshot.check(&self.specs)?;
        lock(&self.shared).state = snapshot.clone();
        Ok(())
    }

    fn pass(
        &mut self,
        rows: Rows<'_>,
        batch: usize,
        graph: &dyn Fn(usize) -> Graph,
    ) -> Result<Box<dyn Pass>, ExecutorError> {
        let count = rows.count();
        let batch = batch.clamp(1, count.max(1));
        Ok(Box::new(ReferencePass {
            shared: Arc::clone(&self.shared),
            room: Room::of(&rows, batch),
            pixels: rows.pixels.into_owned(),
            labels: rows.labels.map(Cow::into_owned),
            dim: rows.dim,
            whole: graph(batch),
            rest: graph((count % batch).max(1)),
            batch,
            order: (0..count as u32).collect(),
            step: 0,
            position: 0,
            log: Vec::new(),
            reported: 0,
        }))
    }

    fn session(&mut self, graph: Graph) -> Result<Box<dyn Session>, ExecutorError> {
        let shared = Arc::clone(&self.shared);
        let inputs = HashMap::new();
        Ok(Box::new(ReferenceSession {
            shared,
            graph,
            inputs,
        }))
    }
}

struct ReferenceSession {
    shared: Arc<Mutex<Shared>>,
    graph: Graph,
    inputs: HashMap<TensorId, Vec<f32>>,
}

impl Session for ReferenceSession {
    fn run(&mut self, step: u32, inputs: &[(TensorId, &[f32])]) -> Result<Outputs, ExecutorError> {
        for &(id, given) in inputs {
            self.inputs.insert(id, given.to_vec());
        }
        let mut shared = lock(&self.shared);
        let mut values = shared.values(&self.graph);
        for (&id, given) in &self.inputs {
            values.set(id, given.clone());
        }
        let context = Context {
            seed: shared.seed,
            step,
            batches: None,
        };
        let losses = evaluate(&self.graph, &mut values, context, |_, _| true);
        shared.update(&self.graph, &values, step);
        let tensors = self
            .graph
            .outputs()
            .iter()
            .map(|&id| values.get(id).to_vec())
            .collect();
        let has_terms = !self.graph.terms().is_empty();
        let losses = losses
            .into_iter()
            .filter(|_| has_terms)
            .map(|loss| loss as f32)
            .collect();
        Ok(Outputs { tensors, losses })
    }
}

struct ReferencePass {
    shared: Arc<Mutex<Shared>>,
    room: Room,
    pixels: executor::Values<'static>,
    labels: Option<Vec<u8>>,
    dim: usize,
    whole: Graph,
    rest: Graph,
    batch: usize,
    order: Vec<u32>,
    step: u32,
    position: usize,
    log: Vec<f32>,
    reported: usize,
}

impl ReferencePass {
    /// Runs the next step; `None` at the end of the epoch.
    fn step(&self, watch: impl FnMut(TensorId, &[f32]) -> bool) -> Option<StepResult<'_>> {
        let rows = self.batch.min(self.order.len() - self.position);
        if rows == 0 {
            return None;
        }
        let graph = if rows == self.batch {
            &self.whole
        } else {
            &self.rest
        };
        let shared = lock(&self.shared);
        let mut values = shared.values(graph);
        let batches = Batches {
            pixels: &self.pixels,
            labels: self.labels.as_deref(),
            order: &self.order,
            position: self.position,
        };
        let context = Context {
            seed: shared.seed,
            step: self.step,
            batches: Some(batches),
        };
        let losses = evaluate(graph, &mut values, context, watch);
        Some(StepResult {
            graph,
            values,
            losses,
            rows,
        })
    }
}

struct StepResult<'a> {
    graph: &'a Graph,
    values: Values<f32>,
    losses: Vec<f64>,
    rows: usize,
}

impl Pass for ReferencePass {
    fn load(&mut self, rows: Rows<'_>) -> Result<(), ExecutorError> {
        self.room.check(&rows);
        self.labels = rows.labels.map(Cow::into_owned);
        self.pixels = rows.pixels.into_owned();
        Ok(())
    }

    fn begin(&mut self, start: Start<'_>) -> Result<(), ExecutorError> {
        start.check(self.pixels.len() / self.dim.max(1), self.batch);
        self.step = start.step;
        self.position = start.position;
        self.order = start.order.to_vec();
        self.log.clear();
        self.reported = 0;
        Ok(())
    }

    fn advance(&mut self, steps: usize) -> Result<usize, ExecutorError> {
        for done in 0..steps {
            let Some(result) = self.step(|_, _| true) else {
                return Ok(done);
            };
            lock(&self.shared).update(result.graph, &result.values, self.step);
            let (rows, losses) = (result.rows, result.losses);
            self.log.extend(losses.iter().map(|&loss| loss as f32));
            self.position += rows;
            self.step += 1;
        }
        Ok(steps)
    }

    fn losses(&mut self) -> Result<Vec<f32>, ExecutorError> {
        Ok(self.log.clone())
    }

    /// The log is here at once, watched or not.
    fn watch(&mut self, _watched: bool) {}

    fn recent_losses(&mut self) -> Result<Option<Vec<f32>>, ExecutorError> {
        let new = self.log.len() > self.reported;
        self.reported = self.log.len();
        Ok(new.then(|| self.log.clone()))
    }

    fn find_non_finite(&mut self) -> Result<Option<String>, ExecutorError> {
        let mut found = None;
        let result = self.step(|id, values| {
            if values.iter().any(|value| !value.is_finite()) {
                found = Some(id);
            }
            found.is_none()
        });
        let name = |id: TensorId| result.as_ref().map(|r| r.graph.tensor(id).name.clone());
        Ok(found.and_then(name))
    }

    fn profile(&mut self, _steps: usize) -> Result<Option<Profile>, ExecutorError> {
        Ok(None)
    }
}
