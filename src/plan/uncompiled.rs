//! A plan before its kernels are compiled, by the way that it takes.

use super::buffers::{Buffers, Pool};
use super::choice::StepPlan;
use super::parameters::Parameters;
use super::supervised::{Origin, Supervised};
use super::{Plan, SharedBuffers, lower, profile, recognise, terms, updates};
use crate::fuse;
use crate::gpu::{Gpu, GpuError, Launch, Slice};
use crate::graph::{Graph, Update};
use crate::kernels::{adam, gemm, gradient_norm, reduction_lanes, rows, step_losses, update};

/// Launches, and what they leave where.
#[derive(Default)]
pub(super) struct UncompiledPlan {
    pub(super) launches: Vec<Launch>,
    /// Of each launch.
    pub(super) origins: Vec<Origin>,
    pub(super) reduction: Option<Launch>,
    pub(super) results: Vec<Vec<(String, Slice)>>,
}

impl UncompiledPlan {
    /// A launch for each task of `fuse`, the optimiser's and that of the losses.
    pub(super) fn general(
        gpu: &Gpu,
        graph: &Graph,
        seed: u64,
        parameters: &mut Parameters,
        pool: &mut Pool,
        shared: &SharedBuffers,
    ) -> Result<(Self, Buffers), GpuError> {
        let takes = recognise::takes(gemm::Family::of(gpu).epilogue());
        let tasks = fuse::fuse(graph, takes);
        let buffers = Buffers::assign(gpu, graph, &tasks, parameters, pool)?;
        let lowering = lower::Lowering {
            gpu,
            graph,
            seed,
            buffers: &buffers,
            shared,
        };
        let mut uncompiled = Self::default();
        for task in &tasks {
            uncompiled.launches.extend(lowering.launches(task)?);
            uncompiled
                .origins
                .resize(uncompiled.launches.len(), lowering.origin(task));
            // The last of a task's launches completes what it writes.
            uncompiled
                .results
                .resize(uncompiled.launches.len() - 1, vec![]);
            let named = |id| {
                let name = &graph.tensor(id).name;
                let parts = buffers.parts(id).iter();
                parts.map(|part| (name.clone(), part.slice.clone()))
            };
            let writes = task.writes().into_iter();
            uncompiled.results.push(writes.flat_map(named).collect());
        }
        for (state, launch) in lowering.assignments() {
            let values = buffers.of(state).clone();
            let results = vec![(graph.tensor(state).name.clone(), values)];
            uncompiled.push(launch, Origin::Parameters, results);
        }
        uncompiled.apply(gpu, graph, parameters, &shared.state, adam::Counter::AtStep)?;
        if !graph.terms().is_empty() {
            for launch in lowering.objective()? {
                uncompiled.push(launch, Origin::Parameters, vec![]);
            }
        }
        Ok((uncompiled, buffers))
    }

    /// The launches of a step's program, and one for the weights.
    ///
    /// # Panics
    /// Without a data set and a log of rows, or where parameters lie in several buffers.
    pub(super) fn program(
        gpu: &Gpu,
        graph: &Graph,
        step_plan: &StepPlan,
        parameters: &mut Parameters,
        pool: &mut Pool,
        shared: &SharedBuffers,
    ) -> Result<Self, GpuError> {
        let step = &step_plan.step;
        let (Some(dataset), Some((log, layout))) = (&shared.dataset, &shared.rows) else {
            unreachable!("a pass has a data set and, for programs, a log of rows")
        };
        let batch = graph.batch();
        let tape = pool.one(gpu, "the tensors of a step", step.tape)?;
        let Some(values) = parameters.single().cloned() else {
            unreachable!("`PlanChoice` takes no program where there are several buffers")
        };
        let [images, order] = dataset.of_programs();
        let unused = gpu.unused();
        let buffers = rows::Buffers {
            images,
            order,
            parameters: &values,
            state: &shared.state,
            tape: &tape,
            losses: log,
            labels: dataset.labels.as_ref().unwrap_or(&unused),
        };
        let parts = step.parts(batch);
        let updates = graph.updates();
        let mut uncompiled = Self::default();
        for program in &parts {
            uncompiled.stages(step_plan, buffers, program, *layout);
            if let Some(Update { optimizer, .. }) = updates.first() {
                let moments = parameters.optimizer(gpu)?;
                // The kernel of the gradients applies one optimiser, and knows no norm of all of them.
                let alike = updates.iter().all(|update| update.optimizer == *optimizer);
                let applies = alike && optimizer.clip_norm.is_none();
                let gradients = match parts.len() {
                    1 if applies => gpu.unused(),
                    _ => parameters.gradients(gpu)?[0].clone(),
                };
                let buffers = update::Buffers {
                    tape: &tape,
                    state: &shared.state,
                    parameters: &values,
                    m: &moments.m[0],
                    v: &moments.v[0],
                    gradients: &gradients,
                };
                let part = update::Part {
                    rows: program.rows,
                    first: program.first_row == 0,
                    update: program.last && applies,
                };
                let variant = update::Variant::choose(gpu, &step.layers);
                let launch = update::launch(buffers, part, &step.layers, optimizer, variant);
                let left = match part.update {
                    true => updated(&values),
                    false => vec![("the gradients".to_owned(), gradients.clone())],
                };
                let origin = Origin::Update {
                    part,
                    layers: step.layers.clone(),
                    optimizer: optimizer.clone(),
                };
                uncompiled.push(launch, origin, left);
                if program.last && !applies {
                    let counter = adam::Counter::PastStep;
                    uncompiled.apply(gpu, graph, parameters, &shared.state, counter)?;
                }
            }
        }
        let terms = terms(graph);
        let buffers = step_losses::Buffers {
            rows: log,
            terms: &gpu.upload("the terms of the objective", &terms)?,
            state: &shared.state,
            losses: &shared.losses,
        };
        let lanes = reduction_lanes(gpu.is_software(), terms.len() * layout.entry());
        uncompiled.reduction = Some(step_losses::launch(buffers, batch, *layout, lanes));
        Ok(uncompiled)
    }

    /// The launches of a program.
    fn stages(
        &mut self,
        step_plan: &StepPlan,
        buffers: rows::Buffers<'_>,
        program: &rows::Program,
        log: rows::Log,
    ) {
        let part = |tensor: &rows::Tensor| {
            buffers
                .tape
                .part(tensor.at, tensor.words(program.rows).len())
        };
        let named = |(name, tensor): &(String, rows::Tensor)| (name.clone(), part(tensor));
        let tensors = &step_plan.step.tensors;
        for section in &step_plan.sections {
            let stages = &program.stages[section.stages.clone()];
            let written: Vec<_> = stages.iter().flat_map(rows::Stage::writes).collect();
            let written = tensors
                .iter()
                .filter(|(_, tensor)| written.contains(tensor));
            let launch = rows::launch(buffers, program, log, section);
            let origin = Origin::Rows {
                program: program.clone(),
                log,
                section: section.clone(),
            };
            self.push(launch, origin, written.map(named).collect());
        }
    }

    /// The launches that apply the gradients in memory, where there is an optimiser: their norm, where they
    /// are clipped, and Adam for each run of parameters that are updated alike.
    fn apply(
        &mut self,
        gpu: &Gpu,
        graph: &Graph,
        parameters: &mut Parameters,
        state: &Slice,
        counter: adam::Counter,
    ) -> Result<(), GpuError> {
        let Some(optimizer) = graph.optimizer() else {
            return Ok(());
        };
        let moments = parameters.optimizer(gpu)?;
        let gradients = parameters.gradients(gpu)?;
        let norm = match optimizer.clip_norm {
            Some(_) => {
                let updated = updates::updated(graph, parameters);
                let gradients = updated.iter().map(|run| run.slice(&gradients));
                self.norm(gpu, &gradients.collect::<Vec<_>>())?
            }
            None => gpu.unused(),
        };
        for run in updates::optimizers(graph, parameters) {
            let values = run.slice(parameters.shards());
            let buffers = adam::Buffers {
                state,
                gradients: &run.slice(&gradients),
                norm: &norm,
                parameters: &values,
                m: &run.slice(&moments.m),
                v: &run.slice(&moments.v),
            };
            let origin = Origin::Adam {
                optimizer: run.of.clone(),
                counter,
            };
            let launch = adam::launch(buffers, &run.of, counter);
            self.push(launch, origin, updated(&values));
        }
        Ok(())
    }

    /// The launches that leave the norm of gradients in these parts where it says.
    fn norm(&mut self, gpu: &Gpu, gradients: &[Slice]) -> Result<Slice, GpuError> {
        let counts: Vec<_> = gradients
            .iter()
            .map(|part| gradient_norm::partials(part.len()))
            .collect();
        let sums = gpu.allocate("partial sums of the gradients' norm", counts.iter().sum())?;
        let norm = gpu.allocate("the gradients' norm", 1)?;
        let lanes = reduction_lanes(gpu.is_software(), 1);
        let mut first = 0;
        for (part, count) in gradients.iter().zip(counts) {
            let launch = gradient_norm::squares(part, &sums, first, lanes);
            self.push(launch, Origin::Parameters, vec![]);
            first += count;
        }
        self.push(
            gradient_norm::root(&sums, &norm, lanes),
            Origin::Parameters,
            vec![("the gradients' norm".to_owned(), norm.clone())],
        );
        Ok(norm)
    }

    fn push(&mut self, launch: Launch, origin: Origin, results: Vec<(String, Slice)>) {
        self.launches.push(launch);
        self.origins.push(origin);
        self.results.push(results);
    }

    /// Compiles the kernels of several plans together; `supervised` ones keep their launches.
    pub(super) fn prepare(
        gpu: &Gpu,
        plans: Vec<Self>,
        supervised: bool,
    ) -> Result<Vec<Plan>, GpuError> {
        let all = |uncompiled: &Self| {
            let launches = uncompiled.launches.iter().chain(&uncompiled.reduction);
            launches.cloned().collect::<Vec<_>>()
        };
        let launches: Vec<_> = plans.iter().flat_map(all).collect();
        let mut dispatches = gpu.prepare_all(&launches)?.into_iter();
        let plan = |uncompiled: Self| Plan {
            dispatches: dispatches
                .by_ref()
                .take(uncompiled.launches.len())
                .collect(),
            reduction: uncompiled
                .reduction
                .as_ref()
                .and_then(|_| dispatches.next()),
            kernels: uncompiled
                .launches
                .iter()
                .map(|launch| launch.kernel.name.clone())
                .collect(),
            barriers: profile::barriers(&uncompiled.launches),
            results: uncompiled.results,
            supervised: supervised.then(|| Supervised {
                launches: uncompiled
                    .launches
                    .into_iter()
                    .zip(uncompiled.origins)
                    .collect(),
                reduction: uncompiled.reduction,
            }),
        };
        Ok(plans.into_iter().map(plan).collect())
    }
}

/// What Adam leaves.
fn updated(values: &Slice) -> Vec<(String, Slice)> {
    vec![("the updated parameters".to_owned(), values.clone())]
}
