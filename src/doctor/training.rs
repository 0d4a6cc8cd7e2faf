//! A short training, by every plan that the adapter takes, beside the reference executor's.

use std::sync::Arc;

use super::models::is_of_plan;
use super::report::{TrainingReport, Verdict};
use crate::data::digits;
use crate::executor::{Executor, ParameterSpec, Rows, Snapshot, Start};
use crate::gpu::Gpu;
use crate::plan::{GpuExecutor, PlanChoice, Supervisor};
use crate::reference::ReferenceExecutor;
use crate::rng;
use crate::train::{Observed, Settings, TrainError};

/// What a model trains on, and how long.
#[derive(Clone, Debug)]
pub(super) struct Workload {
    pub(super) settings: Settings,
    pub(super) observed: Observed,
    pub(super) pixels: Vec<u8>,
    pub(super) labels: Vec<u8>,
}

/// Steps of [`Workload::digits`].
pub(super) const STEPS: usize = 20;

/// The objective of each step, as the reference executor computes it: x86-64, Linux.
const STORED: [f64; STEPS] = [
    552.91125, 550.21936, 549.93884, 546.2716, 544.3683, 542.6942, 541.04785, 537.59436, 536.11597,
    533.7448, 532.6456, 528.20886, 528.2405, 524.3363, 523.2303, 519.92725, 514.9057, 513.09906,
    508.54395, 507.87244,
];

/// How far the reference's own values may be from [`STORED`], relatively: f32 parameters are rounded the same
/// wherever the same f64 functions are called, and those of another mathematical library differ in the last
/// of f64's digits, which may turn a rounding of f32 here and there.
const STORED_ALLOWED: f64 = 1e-5;

/// How far losses may be from the reference's, relatively, in [`STEPS`] steps. The tests allow 1e-4 in ten, of
/// the comparison with PyTorch; what steps add to it adds up.
pub(super) const ALLOWED: f64 = 2e-4;

/// An executor for parameters and a seed.
type Open<'a> = dyn Fn(Vec<ParameterSpec>, u64) -> Result<Box<dyn Executor>, TrainError> + 'a;

impl Workload {
    /// 784-24-4 with tanh on built-in digits, 20 batches of 32.
    pub(super) fn digits() -> Self {
        let settings = Settings {
            hidden: vec![24],
            latent: 4,
            batch_size: 32,
            activation: crate::graph::Activation::Tanh,
            seed: 1,
            ..Settings::default()
        };
        let digits = digits::generate(1, 0, STEPS * settings.batch_size);
        let pixels = match digits.images.pixels {
            crate::data::Pixels::Bytes(bytes) => bytes.into_vec(),
            crate::data::Pixels::Floats(_) => Vec::new(),
        };
        Self {
            settings,
            observed: 784.into(),
            pixels,
            labels: Vec::new(),
        }
    }

    /// Steps of an epoch.
    pub(super) fn steps(&self) -> usize {
        let count = self.pixels.len() / self.observed.dim.max(1);
        count.div_ceil(self.settings.batch_size)
    }

    /// The lines of the log of one epoch.
    pub(super) fn losses(&self, open: &Open<'_>) -> Result<Vec<f32>, TrainError> {
        let settings = &self.settings;
        settings.check()?;
        let mut rows = Rows::new(&self.pixels, self.observed.dim);
        let count = rows.count();
        let vae = settings.in_training(settings.vae(self.observed.clone())?, count);
        if vae.reads_labels() {
            rows = rows.with_labels(&self.labels);
        }
        let specs = vae.parameters();
        let optimizer = settings.optimizer_of(&vae, count)?;
        let mut executor = open(specs.clone(), settings.seed)?;
        executor.restore(&Snapshot::initial(&specs, settings.seed))?;
        let graph = |rows| vae.training_graph(rows, optimizer.clone());
        let mut pass = executor.pass(rows, settings.batch_size, &graph)?;
        let order = rng::permutation(settings.seed, 0, count);
        pass.begin(Start {
            step: 0,
            position: 0,
            order: &order,
        })?;
        while pass.advance(STEPS)? > 0 {}
        Ok(pass.losses()?)
    }

    /// The reference executor's.
    pub(super) fn reference(&self) -> Result<Vec<f32>, TrainError> {
        self.losses(&|specs, seed| Ok(Box::new(ReferenceExecutor::new(specs, seed))))
    }

    /// Those of a GPU's plan.
    pub(super) fn on_gpu(
        &self,
        gpu: &Arc<Gpu>,
        plan: PlanChoice,
        supervisor: Option<Arc<dyn Supervisor>>,
    ) -> Result<Vec<f32>, TrainError> {
        self.losses(&|specs, seed| {
            let executor = GpuExecutor::new(Arc::clone(gpu), specs, seed)?.with_plan(plan);
            Ok(Box::new(match &supervisor {
                Some(supervisor) => executor.with_supervisor(Arc::clone(supervisor)),
                None => executor,
            }))
        })
    }
}

/// Values of a line of the log of a plain model: the objective, recon and kl.
const LINE: usize = 3;

/// The reference's losses beside those that are stored: if they deviate, the program was compiled into
/// something else, or the processor computes something else.
pub(super) fn of_reference(reference: &[f32]) -> TrainingReport {
    let stored: Vec<f32> = STORED.iter().map(|&loss| loss as f32).collect();
    let objective: Vec<f32> = reference.iter().copied().step_by(LINE).collect();
    let way = "the reference executor, beside its stored losses".to_owned();
    compared(way, &objective, &stored, 1, STORED_ALLOWED)
}

/// Losses beside others, with `line` values for each step.
pub(super) fn compared(
    way: String,
    losses: &[f32],
    expected: &[f32],
    line: usize,
    allowed: f64,
) -> TrainingReport {
    // Terms that are near zero, as a divergence is at first, are compared with the objective's size.
    let scale = |index: usize| {
        let objective = expected[index / line * line];
        f64::from(expected[index].abs().max(0.01 * objective.abs()))
    };
    let off = |index: usize| {
        let found = losses.get(index).copied().unwrap_or(f32::NAN);
        let error = f64::from(found - expected[index]).abs() / scale(index).max(1e-9);
        if error.is_nan() { f64::INFINITY } else { error }
    };
    let errors: Vec<f64> = (0..expected.len()).map(off).collect();
    let first = errors.iter().position(|error| *error > allowed);
    TrainingReport {
        way,
        verdict: match first {
            Some(_) => Verdict::Deviates,
            None => Verdict::Ok,
        },
        worst: errors.into_iter().fold(0.0, f64::max),
        allowed,
        step: first.map(|index| index / line),
        note: None,
    }
}

/// What ran, or why it did not.
pub(super) fn verdict(
    way: String,
    losses: Result<Vec<f32>, TrainError>,
    expected: &[f32],
    line: usize,
) -> TrainingReport {
    let (verdict, note) = match losses {
        Ok(losses) => return compared(way, &losses, expected, line, ALLOWED),
        Err(error) if is_of_plan(&error) => (Verdict::Skipped, error.to_string()),
        Err(error) => (Verdict::Deviates, error.to_string()),
    };
    TrainingReport {
        way,
        verdict,
        worst: 0.0,
        allowed: ALLOWED,
        step: None,
        note: Some(note),
    }
}

/// [`verdict`] of the training on digits.
pub(super) fn verdict_of_digits(
    way: String,
    losses: Result<Vec<f32>, TrainError>,
    reference: &[f32],
) -> TrainingReport {
    verdict(way, losses, reference, LINE)
}

/// The plans.
pub(super) const PLANS: [PlanChoice; 3] = [
    PlanChoice::General,
    PlanChoice::Fused,
    PlanChoice::TwoLaunch,
];

/// A training by each plan, with the adapter's own kernels and with those for GPUs where these are others.
pub(super) fn on_gpus(
    gpus: &[(Arc<Gpu>, &str)],
    reference: &[f32],
    say: &mut dyn FnMut(TrainingReport),
) {
    let workload = Workload::digits();
    for (gpu, kernels) in gpus {
        for plan in PLANS {
            let losses = workload.on_gpu(gpu, plan, None);
            say(verdict(
                format!("{plan} plan{kernels}"),
                losses,
                reference,
                LINE,
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LINE, Workload, of_reference};
    use crate::doctor::Verdict;

    #[test]
    fn the_reference_has_its_stored_losses() {
        let losses = Workload::digits().reference().unwrap();
        let objective: Vec<f32> = losses.iter().copied().step_by(LINE).collect();
        let report = of_reference(&losses);
        assert_eq!(report.verdict, Verdict::Ok, "{objective:?}: {report:?}");
    }
}
