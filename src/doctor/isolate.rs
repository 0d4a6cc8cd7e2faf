//! A model's steps with a kernel's launches on their CPU twin: if the losses agree then and not without,
//! the driver breaks that kernel.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::models;
use super::report::{TrainingReport, Verdict};
use super::training::{self, PLANS, Workload};
use super::twin::{self, Arrays, Job};
use crate::gpu::{Gpu, GpuError, Launch};
use crate::plan::{Origin, PlanChoice, Supervisor};
use crate::train::TrainError;

/// Leaves what a kernel would, computed on the CPU from what lies in the launch's buffers.
#[derive(Debug)]
struct StandIn {
    kernel: String,
    launches: AtomicUsize,
}

impl Supervisor for StandIn {
    fn launch(
        &self,
        gpu: &Gpu,
        launch: &Launch,
        origin: &Origin,
        run: &mut dyn FnMut() -> Result<(), GpuError>,
    ) -> Result<(), GpuError> {
        if launch.kernel.name != self.kernel {
            return run();
        }
        let mut arrays = Arrays::read(gpu, launch)?;
        let before = arrays.clone();
        let job = Job {
            launch,
            origin,
            before: &before,
            after: None,
        };
        // A launch that no twin can follow runs as it is.
        let Ok(results) = twin::results(job) else {
            return run();
        };
        twin::put(&results, &mut arrays);
        for binding in twin::written(launch) {
            let words = arrays.words(binding);
            if !words.is_empty() {
                gpu.write(&launch.buffers[binding], words);
            }
        }
        self.launches.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// A training with a kernel and with its twin.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Isolated {
    /// The model and its plan.
    pub way: String,
    /// Launches that the twin took over.
    pub launches: usize,
    /// With the kernel.
    pub kernel: TrainingReport,
    /// With its twin.
    pub twin: TrainingReport,
}

impl Isolated {
    /// Whether the losses deviate with the kernel, and agree with its twin.
    pub fn is_guilty(&self) -> bool {
        self.kernel.verdict == Verdict::Deviates && self.twin.verdict == Verdict::Ok
    }
}

/// Trains by every plan that launches the kernel; where none of the usual training does, the first other
/// model of the doctor's whose step does.
pub(super) fn isolate(
    gpus: &[(Arc<Gpu>, &str)],
    kernel: &str,
    seed: u64,
    mut say: impl FnMut(Isolated),
) -> Result<(), TrainError> {
    let digits = Workload::digits();
    let reference = digits.reference()?;
    let mut is_met = false;
    for (gpu, kernels) in gpus {
        for plan in PLANS {
            let way = format!("784-24-4 on digits, {plan} plan{kernels}");
            if let Some(isolated) = one(gpu, &digits, plan, way, kernel, &reference) {
                is_met = true;
                say(isolated);
            }
        }
    }
    for model in models::all(seed, false) {
        if is_met {
            break;
        }
        let workload = model.workload();
        let reference = workload.reference()?;
        for (gpu, kernels) in gpus {
            let way = format!("{}{kernels}", model.title);
            if let Some(isolated) = one(gpu, &workload, model.plan, way, kernel, &reference) {
                is_met = true;
                say(isolated);
            }
        }
    }
    Ok(())
}

/// One training both ways; `None` where it does not launch the kernel.
fn one(
    gpu: &Arc<Gpu>,
    workload: &Workload,
    plan: PlanChoice,
    way: String,
    kernel: &str,
    reference: &[f32],
) -> Option<Isolated> {
    let stand_in = Arc::new(StandIn {
        kernel: kernel.to_owned(),
        launches: AtomicUsize::new(0),
    });
    let supervisor: Arc<dyn Supervisor> = stand_in.clone();
    let with_twin = workload.on_gpu(gpu, plan, Some(supervisor));
    let launches = stand_in.launches.load(Ordering::Relaxed);
    let is_not_for_it = match &with_twin {
        Ok(_) => launches == 0,
        Err(error) => models::is_of_plan(error),
    };
    if is_not_for_it {
        return None;
    }
    let steps = workload.steps();
    let line = (reference.len() / steps.max(1)).max(1);
    let with_kernel = workload.on_gpu(gpu, plan, None);
    Some(Isolated {
        way,
        launches,
        kernel: training::verdict("with the kernel".to_owned(), with_kernel, reference, line),
        twin: training::verdict("with its twin".to_owned(), with_twin, reference, line),
    })
}
