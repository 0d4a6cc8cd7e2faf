//! The executor that runs graphs on the processor's threads.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::memory::Memory;
use super::moment::{Batches, Moment};
use super::parameters::Parameters;
use super::scratch::Scratch;
use super::step::Step;
use super::team::Team;
use crate::executor::{
    Executor, ExecutorError, Outputs, ParameterSpec, Pass, Profile, Room, Rows, Session, Snapshot,
    Start, Values,
};
use crate::graph::{Graph, TensorId};

/// Runs graphs in f32 on the processor's threads; needs no GPU and no driver.
#[derive(Debug)]
pub struct CpuExecutor {
    specs: Vec<ParameterSpec>,
    seed: u64,
    shared: Arc<Mutex<Shared>>,
}

/// What all graphs of an executor share. Whoever runs one of them holds the lock.
#[derive(Debug)]
struct Shared {
    team: Team,
    parameters: Parameters,
}

/// The lock, which a panic in a graph's run does not spoil: the next run writes all that it reads.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl CpuExecutor {
    /// An executor for these parameters, all zero until [`Executor::restore`], with so many threads, the
    /// calling one included. `seed` is the key of all noise. The number of threads changes no bit of any
    /// result.
    pub fn new(specs: Vec<ParameterSpec>, seed: u64, threads: NonZeroUsize) -> Self {
        let shared = Shared {
            team: Team::new(threads),
            parameters: Parameters::new(&specs),
        };
        Self {
            specs,
            seed,
            shared: Arc::new(Mutex::new(shared)),
        }
    }

    /// As many threads as the system has processors for this process.
    pub fn all_threads() -> NonZeroUsize {
        std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
    }
}

impl Executor for CpuExecutor {
    fn name(&self) -> String {
        let threads = lock(&self.shared).team.size();
        let s = if threads == 1 { "" } else { "s" };
        format!("the processor ({threads} thread{s})")
    }

    fn specs(&self) -> &[ParameterSpec] {
        &self.specs
    }

    fn snapshot(&mut self) -> Result<Snapshot, ExecutorError> {
        Ok(lock(&self.shared).parameters.snapshot())
    }

    fn restore(&mut self, snapshot: &Snapshot) -> Result<(), ExecutorError> {
        snapshot.check(&self.specs)?;
        lock(&self.shared).parameters.restore(snapshot);
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
        let shared = lock(&self.shared);
        let prepare = |rows: usize| Step::new(&graph(rows), &shared.parameters);
        let whole = prepare(batch);
        let rest = count % batch;
        let rest = (rest > 0).then(|| prepare(rest));
        let log = Memory::zeros(count.div_ceil(batch) * whole.line);
        Ok(Box::new(CpuPass {
            shared: Arc::clone(&self.shared),
            seed: self.seed,
            room: Room::of(&rows, batch),
            pixels: rows.pixels.into_owned(),
            labels: rows.labels.map(|labels| labels.into_owned()),
            count,
            whole,
            rest,
            batch,
            order: Vec::new(),
            step: 0,
            position: 0,
            log,
            entries: 0,
            reported: 0,
        }))
    }

    fn session(&mut self, graph: Graph) -> Result<Box<dyn Session>, ExecutorError> {
        let step = Step::new(&graph, &lock(&self.shared).parameters);
        Ok(Box::new(CpuSession {
            shared: Arc::clone(&self.shared),
            seed: self.seed,
            losses: Memory::zeros(step.line),
            has_terms: !graph.terms().is_empty(),
            step,
        }))
    }
}

struct CpuSession {
    /// Its arrays are in part those of the parameters in `shared`.
    step: Step,
    losses: Memory,
    has_terms: bool,
    seed: u64,
    shared: Arc<Mutex<Shared>>,
}

impl Session for CpuSession {
    fn run(&mut self, step: u32, inputs: &[(TensorId, &[f32])]) -> Result<Outputs, ExecutorError> {
        let mut shared = lock(&self.shared);
        for &(id, given) in inputs {
            if let Some(input) = self.step.input(id) {
                // SAFETY: nobody reads or writes between runs.
                unsafe { input.write() }.copy_from_slice(given);
            }
        }
        let moment = Moment {
            seed: self.seed,
            step,
            batches: None,
            losses: self.losses.span(0..self.losses.len()),
        };
        let graph = &self.step;
        shared
            .team
            .run(&|crew, scratch| graph.run(&moment, crew, scratch));
        let losses = match self.has_terms {
            true => self.losses.as_mut_slice().to_vec(),
            false => Vec::new(),
        };
        Ok(Outputs {
            tensors: self.step.outputs(),
            losses,
        })
    }
}

struct CpuPass {
    /// Its arrays are in part those of the parameters in `shared`.
    whole: Step,
    rest: Option<Step>,
    seed: u64,
    room: Room,
    pixels: Values<'static>,
    labels: Option<Vec<u8>>,
    count: usize,
    batch: usize,
    order: Vec<u32>,
    step: u32,
    position: usize,
    log: Memory,
    /// Lines of the log that are written.
    entries: usize,
    /// Lines that were given out.
    reported: usize,
    shared: Arc<Mutex<Shared>>,
}

impl CpuPass {
    /// The next step but `ahead`, if the epoch has one: its graph and what it reads.
    fn next(&self, ahead: usize) -> Option<(&Step, Moment<'_>)> {
        let position = self.position + ahead * self.batch;
        let rows = self.batch.min(self.count.saturating_sub(position));
        let graph = match (rows, &self.rest) {
            (0, _) => return None,
            (rows, Some(rest)) if rows < self.batch => rest,
            _ => &self.whole,
        };
        let line = graph.line;
        let entry = self.entries + ahead;
        let moment = Moment {
            seed: self.seed,
            step: self.step + ahead as u32,
            batches: Some(Batches {
                pixels: &self.pixels,
                labels: self.labels.as_deref().unwrap_or_default(),
                order: &self.order,
                position,
            }),
            losses: self.log.span(entry * line..(entry + 1) * line),
        };
        Some((graph, moment))
    }

    fn log(&mut self) -> Vec<f32> {
        let written = self.entries * self.whole.line;
        self.log.as_mut_slice()[..written].to_vec()
    }
}

impl Pass for CpuPass {
    fn load(&mut self, rows: Rows<'_>) -> Result<(), ExecutorError> {
        self.room.check(&rows);
        self.count = rows.count();
        self.labels = rows.labels.map(|labels| labels.into_owned());
        self.pixels = rows.pixels.into_owned();
        Ok(())
    }

    fn begin(&mut self, start: Start<'_>) -> Result<(), ExecutorError> {
        start.check(self.count, self.batch);
        self.step = start.step;
        self.position = start.position;
        self.order = start.order.to_vec();
        self.entries = 0;
        self.reported = 0;
        Ok(())
    }

    fn advance(&mut self, steps: usize) -> Result<usize, ExecutorError> {
        let left = (self.count - self.position).div_ceil(self.batch);
        let steps = steps.min(left);
        let pass = &*self;
        lock(&self.shared).team.run(&|crew, scratch| {
            for ahead in 0..steps {
                if let Some((graph, moment)) = pass.next(ahead) {
                    graph.run(&moment, crew, scratch);
                }
            }
        });
        self.step += steps as u32;
        self.entries += steps;
        self.position = self.count.min(self.position + steps * self.batch);
        Ok(steps)
    }

    fn losses(&mut self) -> Result<Vec<f32>, ExecutorError> {
        Ok(self.log())
    }

    /// The log is here at once, watched or not.
    fn watch(&mut self, _watched: bool) {}

    fn recent_losses(&mut self) -> Result<Option<Vec<f32>>, ExecutorError> {
        let new = self.entries > self.reported;
        self.reported = self.entries;
        Ok(new.then(|| self.log()))
    }

    fn find_non_finite(&mut self) -> Result<Option<String>, ExecutorError> {
        let _alone = lock(&self.shared);
        let found = self
            .next(0)
            .and_then(|(graph, moment)| graph.find_non_finite(&moment, &mut Scratch::default()));
        Ok(found)
    }

    fn profile(&mut self, _steps: usize) -> Result<Option<Profile>, ExecutorError> {
        Ok(None)
    }
}
