//! Steps of models of random sizes: every likelihood, prior, posterior and bound of the house, so that the
//! kernels which their expressions make run, and the kernels of programs.

use std::sync::Arc;

use super::chance::Chance;
use super::check::Checker;
use super::training::Workload;
use crate::gpu::{Gpu, GpuError};
use crate::graph::Activation;
use crate::model::{Bound, Condition, Likelihood, Norm, Posterior, Prior};
use crate::plan::{PlanChoice, Supervisor};
use crate::train::{LrSchedule, Observed, Settings, TrainError};

/// A model's step, and the plan that it runs by.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) title: String,
    settings: Settings,
    pub(super) plan: PlanChoice,
    observed: Observed,
}

/// The models; for adapters with the kernels for GPUs only those which run other kernels there.
pub(super) fn all(seed: u64, of_programs: bool) -> Vec<Model> {
    let general = PlanChoice::General;
    let mut models = Vec::new();
    let mut add = |title: &str, plan: PlanChoice, change: &dyn Fn(&mut Settings)| {
        models.push(Model::new(seed, title, plan, change));
    };
    for plan in [general, PlanChoice::Fused, PlanChoice::TwoLaunch] {
        add("plain", plan, &|_| {});
        add("tanh, warm-up of the divergence", plan, &|settings| {
            settings.activation = Activation::Tanh;
            settings.likelihood = Likelihood::Gaussian;
            settings.kl_warmup = 2;
        });
        add("labels, clipping, decay", plan, &|settings| {
            settings.condition = Condition::Both;
            settings.clip_norm = Some(0.5);
            settings.weight_decay = 0.01;
            settings.lr_schedule = LrSchedule::Cosine;
        });
    }
    if of_programs {
        return models;
    }
    for likelihood in Likelihood::ALL {
        add(likelihood.density().name, general, &|settings| {
            settings.likelihood = likelihood;
        });
    }
    for posterior in Posterior::ALL {
        add(posterior.family().name, general, &|settings| {
            settings.posterior = posterior;
        });
    }
    for prior in Prior::ALL {
        add(prior.family().name, general, &|settings| {
            settings.prior = prior;
            if prior.family().components.is_some() {
                settings.components = Some(7);
            }
            if prior == Prior::Conditional {
                settings.condition = Condition::Both;
            }
        });
    }
    for objective in Bound::ALL {
        add(objective.name(), general, &|settings| {
            settings.objective = objective;
            let [outer, inner] = match objective {
                Bound::Iwae | Bound::Dreg | Bound::IwaeStl => [1, 3],
                Bound::Miwae | Bound::Piwae => [2, 3],
                Bound::Ciwae => [1, 3],
                _ => [1, 1],
            };
            settings.samples = inner;
            settings.outer_samples = outer;
        });
    }
    for norm in [Norm::Batch, Norm::Layer] {
        add("normalised, with dropout", general, &|settings| {
            settings.norm = norm;
            settings.dropout = 0.2;
        });
    }
    models
}

impl Model {
    fn new(seed: u64, title: &str, plan: PlanChoice, change: &dyn Fn(&mut Settings)) -> Self {
        let mut chance = Chance::new(seed, title);
        let mut settings = Settings {
            hidden: vec![chance.between(3, 70)],
            latent: chance.between(2, 9),
            batch_size: chance.between(3, 20),
            seed,
            ..Settings::default()
        };
        change(&mut settings);
        let observed = Observed {
            dim: chance.between(4, 90),
            classes: chance.between(2, 12),
            table: None,
        };
        let title = format!(
            "{title}: {}-{}-{}, batch {}, {plan} plan",
            observed.dim, settings.hidden[0], settings.latent, settings.batch_size
        );
        Self {
            title,
            settings,
            plan,
            observed,
        }
    }

    /// Two whole batches and one that lacks an image.
    pub(super) fn workload(&self) -> Workload {
        let count = 3 * self.settings.batch_size - 1;
        let mut chance = Chance::new(self.settings.seed, &self.title);
        let Observed { dim, classes, .. } = self.observed;
        Workload {
            settings: self.settings.clone(),
            observed: self.observed.clone(),
            pixels: chance.bytes(count * dim, 256),
            labels: chance.bytes(count, classes),
        }
    }

    /// Whether its plan may launch a kernel.
    pub(super) fn may_run(&self, kernel: &str) -> bool {
        let of_programs = [
            "rows_subgroups",
            "rows_workgroup",
            "update_subgroups",
            "update_tiled",
        ];
        let is_general = self.plan == PlanChoice::General;
        match kernel {
            "pointwise" | "pointwise_rows" | "row_sums" => is_general,
            _ if of_programs.contains(&kernel) => !is_general,
            // Those have cases of their own.
            _ => false,
        }
    }

    /// Checks its launches, where the adapter can run its plan.
    pub(super) fn check(
        &self,
        gpu: &Arc<Gpu>,
        kernels: &str,
        checker: &Arc<Checker>,
    ) -> Result<(), TrainError> {
        checker.entitle(format!("{}{kernels}", self.title));
        let supervisor: Arc<dyn Supervisor> = checker.clone();
        match self.workload().on_gpu(gpu, self.plan, Some(supervisor)) {
            Err(error) if !is_of_plan(&error) => Err(error),
            _ => Ok(()),
        }
    }
}

/// Whether the adapter or the model is not one for a plan.
pub(super) fn is_of_plan(error: &TrainError) -> bool {
    use crate::executor::ExecutorError::Gpu;
    matches!(error, TrainError::Executor(Gpu(GpuError::Plan { .. })))
}
