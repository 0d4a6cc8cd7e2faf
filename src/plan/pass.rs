//! A graph that runs over a data set on the GPU.

use std::sync::Arc;

use super::executor::GpuExecutor;
use super::log::Log;
use super::staging::Staging;
use super::supervised::Supervisor;
use super::uncompiled::UncompiledPlan;
use super::{Dataset, Plan, PlanChoice, SharedBuffers};
use crate::executor::{ExecutorError, Pass, Profile, Room, Rows, Start};
use crate::gpu::{Gpu, GpuError};
use crate::graph::Graph;
use crate::kernels::{SOFTWARE_ITERATIONS, State, reduction_lanes, rows, step_losses};

/// Plans for whole batches and for the rest of an epoch, and where they stand.
pub(super) struct GpuPass {
    gpu: Arc<Gpu>,
    shared: SharedBuffers,
    whole: Option<Plan>,
    rest: Option<Plan>,
    room: Room,
    batch: usize,
    count: usize,
    /// The host's copy of the counter, ahead of the GPU's by what is under way.
    position: usize,
    latest: Option<wgpu::SubmissionIndex>,
    log: Log,
    /// Whether somebody follows the log.
    watched: bool,
    supervisor: Option<Arc<dyn Supervisor>>,
}

/// The most steps of a submission: each is a workgroup of the launch that makes lines of the log.
const MOST_STEPS: usize = 65_535;

/// What a pass runs, before its kernels are compiled.
pub(super) struct UncompiledPlans {
    pub(super) shared: SharedBuffers,
    /// Of whole batches, and of the rest of an epoch.
    pub(super) uncompiled: Vec<UncompiledPlan>,
    /// How whole batches run; not `auto`.
    pub(super) taken: PlanChoice,
    /// Why `auto` left the program, if it did.
    pub(super) left: Option<String>,
    batch: usize,
    /// Values of a line of the log.
    line: usize,
}

impl UncompiledPlans {
    pub(super) fn new(
        executor: &mut GpuExecutor,
        data: Rows<'_>,
        batch: usize,
        graph: &dyn Fn(usize) -> Graph,
    ) -> Result<Self, ExecutorError> {
        let gpu = Arc::clone(&executor.gpu);
        let count = data.count();
        let batch = batch.clamp(1, count.max(1));
        let line = 1 + graph(1).terms().len();
        let entries = count.div_ceil(batch);
        let mut shared = SharedBuffers {
            state: gpu.upload("the state of the loop", &[State::default()])?,
            losses: gpu.allocate("the log of losses", entries * line)?,
            dataset: Some(Dataset::new(&gpu, data)?),
            rows: None,
        };
        let mut uncompiled = Vec::new();
        let mut first = None;
        for size in [batch, count % batch].into_iter().filter(|&size| size > 0) {
            let graph = graph(size);
            let parameters = &mut executor.parameters;
            let choice = executor.choice;
            let pool = &mut executor.pool.borrow_mut();
            let (mut step_plan, mut left) =
                choice.program(&gpu, &graph, parameters, &shared, executor.seed)?;
            if let Some(program) = step_plan.take_if(|_| shared.rows.is_none()) {
                let log = rows::Log {
                    entries,
                    column_groups: program.column_groups(),
                    batch,
                };
                let terms = graph.terms().len();
                let words = terms * log.term();
                let lanes = reduction_lanes(gpu.is_software(), terms * log.entry());
                let ends = !gpu.is_software()
                    || step_losses::iterations(log, terms, lanes) <= SOFTWARE_ITERATIONS;
                let fits = 4 * words as u64 <= gpu.largest_binding();
                let too_many = "its batch has too many row losses for the kernel's loops";
                if !ends && choice != PlanChoice::Auto {
                    return Err(GpuError::Plan {
                        plan: choice.to_string(),
                        reason: too_many.to_owned(),
                    }
                    .into());
                }
                if ends && (fits || choice != PlanChoice::Auto) {
                    let losses = gpu.allocate("the losses of an epoch's rows", words)?;
                    shared.rows = Some((losses, log));
                    step_plan = Some(program);
                } else {
                    let too_large = "the row losses of an epoch do not fit into one buffer";
                    left = Some(if ends { too_large } else { too_many }.to_owned());
                }
            }
            first.get_or_insert((choice.taken(step_plan.is_some()), left));
            if let (Some(_), Some(dataset)) = (&step_plan, &mut shared.dataset) {
                dataset.prepare(&gpu, &shared.state, size)?;
            }
            uncompiled.push(match step_plan {
                Some(step_plan) => {
                    UncompiledPlan::program(&gpu, &graph, &step_plan, parameters, pool, &shared)?
                }
                None => {
                    UncompiledPlan::general(&gpu, &graph, executor.seed, parameters, pool, &shared)?
                        .0
                }
            });
        }
        let (taken, left) = first.unwrap_or_default();
        Ok(Self {
            shared,
            uncompiled,
            taken,
            left,
            batch,
            line,
        })
    }
}

impl GpuPass {
    pub(super) fn new(
        executor: &mut GpuExecutor,
        data: Rows<'_>,
        batch: usize,
        graph: &dyn Fn(usize) -> Graph,
    ) -> Result<Self, ExecutorError> {
        let gpu = Arc::clone(&executor.gpu);
        let count = data.count();
        let room = Room::of(&data, batch.clamp(1, count.max(1)));
        let supervisor = executor.supervisor.clone();
        let UncompiledPlans {
            shared,
            uncompiled,
            batch,
            line,
            ..
        } = UncompiledPlans::new(executor, data, batch, graph)?;
        let mut plans =
            UncompiledPlan::prepare(&gpu, uncompiled, supervisor.is_some())?.into_iter();
        let (whole, rest) = (plans.next(), plans.next());
        let log = Log::new(&gpu, shared.losses.clone(), line)?;
        Ok(Self {
            gpu,
            shared,
            whole,
            rest,
            room,
            batch,
            count,
            position: 0,
            latest: None,
            log,
            watched: false,
            supervisor,
        })
    }

    /// Records the losses of the steps that a submission ends with, after those of `recorded` ones.
    fn record_losses(&self, pass: &mut wgpu::ComputePass<'_>, recorded: usize) {
        let ended = self.position == self.count && !self.count.is_multiple_of(self.batch);
        match (&self.whole, &self.rest) {
            (_, Some(rest)) if ended => rest.record_losses(pass, recorded.min(1)),
            (Some(whole), _) => whole.record_losses(pass, recorded),
            _ => {}
        }
    }

    /// Steps under a supervisor, one after the other.
    fn advance_supervised(
        &mut self,
        steps: usize,
        supervisor: &dyn Supervisor,
    ) -> Result<usize, ExecutorError> {
        for done in 0..steps {
            let Some((plan, rows)) = self.next() else {
                return Ok(done);
            };
            self.stage(rows);
            if let Some(of) = &plan.supervised {
                plan.run_supervised(&self.gpu, of, supervisor)?;
            }
            self.position += rows;
            self.log.wrote(1);
        }
        Ok(steps)
    }

    /// Copies the images of a step that is about to run, if they must be.
    fn stage(&self, rows: usize) {
        if let Some(staging) = self.staging() {
            let mut encoder = self.gpu.encoder();
            staging.record(&mut encoder.begin_compute_pass(&Default::default()), rows);
            self.gpu.submit(encoder);
        }
    }

    /// What copies the images of a submission's steps, if anything must.
    fn staging(&self) -> Option<&Staging> {
        self.shared.dataset.as_ref().and_then(Dataset::staging)
    }

    /// The plan of the next step and its rows, if the epoch is not over.
    fn next(&self) -> Option<(&Plan, usize)> {
        let left = self.count - self.position;
        let plan = if left >= self.batch {
            &self.whole
        } else {
            &self.rest
        };
        plan.as_ref()
            .filter(|_| left > 0)
            .map(|plan| (plan, left.min(self.batch)))
    }
}

impl Pass for GpuPass {
    fn load(&mut self, rows: Rows<'_>) -> Result<(), ExecutorError> {
        self.room.check(&rows);
        self.count = rows.count();
        if let Some(dataset) = &self.shared.dataset {
            dataset.load(&self.gpu, rows)?;
        }
        Ok(())
    }

    fn begin(&mut self, start: Start<'_>) -> Result<(), ExecutorError> {
        start.check(self.count, self.batch);
        self.log.clear(&self.gpu)?;
        // What is written here comes after all that was submitted.
        let state = State {
            step: start.step,
            position: start.position as u32,
            ..State::default()
        };
        self.gpu.write(&self.shared.state, &[state]);
        if let Some(dataset) = &self.shared.dataset {
            self.gpu.write(&dataset.order, start.order);
        }
        self.position = start.position;
        Ok(())
    }

    fn advance(&mut self, steps: usize) -> Result<usize, ExecutorError> {
        if let Some(supervisor) = self.supervisor.clone() {
            return self.advance_supervised(steps, &*supervisor);
        }
        let mut encoder = self.gpu.encoder();
        let mut recorded = 0;
        let most = self.staging().map(|staging| staging.steps(self.batch));
        let steps = steps.min(MOST_STEPS).min(most.unwrap_or(MOST_STEPS));
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            if let Some(staging) = self.staging() {
                let left = self.count - self.position;
                staging.record(&mut pass, left.min(steps * self.batch));
            }
            while recorded < steps {
                let Some((plan, rows)) = self.next() else {
                    break;
                };
                if rows < self.batch
                    && let Some(whole) = &self.whole
                {
                    whole.record_losses(&mut pass, recorded);
                }
                plan.record(&mut pass);
                self.position += rows;
                recorded += 1;
            }
            self.record_losses(&mut pass, recorded);
        }
        if recorded == 0 {
            return Ok(0);
        }
        self.log.wrote(recorded);
        // The last steps of an epoch bring the rest of its log along.
        let wanted = self.watched || self.position == self.count;
        let copy = wanted.then(|| self.log.record(&mut encoder)).flatten();
        let submission = self.gpu.submit(encoder);
        if let Some(copy) = copy {
            self.log.left(copy, submission.clone());
        }
        // Waiting for the one before keeps one submission running and one queued.
        if let Some(previous) = self.latest.replace(submission) {
            self.gpu.wait(Some(previous))?;
        }
        Ok(recorded)
    }

    fn watch(&mut self, watched: bool) {
        self.watched = watched;
    }

    fn losses(&mut self) -> Result<Vec<f32>, ExecutorError> {
        Ok(self.log.all(&self.gpu)?)
    }

    fn recent_losses(&mut self) -> Result<Option<Vec<f32>>, ExecutorError> {
        Ok(self.log.recent(&self.gpu)?)
    }

    fn find_non_finite(&mut self) -> Result<Option<String>, ExecutorError> {
        let Some((plan, rows)) = self.next() else {
            return Ok(None);
        };
        self.stage(rows);
        Ok(plan.find_non_finite(&self.gpu)?)
    }

    fn profile(&mut self, steps: usize) -> Result<Option<Profile>, ExecutorError> {
        let Some(plan) = &self.whole else {
            return Ok(None);
        };
        let steps = steps.min((self.count - self.position) / self.batch);
        let profile = plan.profile(&self.gpu, steps, self.batch, self.staging())?;
        self.position += steps * self.batch;
        self.log.wrote(steps);
        Ok(Some(profile))
    }
}
