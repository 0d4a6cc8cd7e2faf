//! Whether an adapter computes what it should: every kernel beside its CPU twin, short trainings beside the
//! reference's, and what decides its speed. `vae doctor`.

mod cases;
mod chance;
mod check;
mod isolate;
mod mistakes;
mod models;
mod report;
mod subject;
mod timing;
mod training;
mod twin;

/// What the results of whole steps may be off by: the tolerances of the doctor and of the kernels' tests.
pub mod bounds {
    pub use super::twin::optimizer::updated;
    pub use super::twin::rows_bounds::of as stage;
}

use std::num::NonZeroUsize;
use std::sync::Arc;

pub use isolate::Isolated;
pub use report::{Deviation, KernelReport, Measurement, Report, Subject, TrainingReport, Verdict};

use crate::cpu::CpuExecutor;
use crate::eval::Device;
use crate::executor::ExecutorError;
use crate::gpu::{AdapterChoice, Gpu, Options};
use crate::kernels;
use crate::train::TrainError;
use cases::{Bench, CASES, Cases};
use chance::Chance;
use check::{Checker, Finding};
use training::Workload;

/// What is examined, and how.
#[derive(Clone, Debug, Default)]
pub struct Doctor {
    /// What all shapes and values follow from.
    pub seed: u64,
    /// The one kernel to examine, where it is not all, with trainings and times.
    pub only: Option<String>,
    /// Kernels that are compiled with a mistake, to see that it is found.
    pub mistakes: Vec<String>,
}

/// What has been found out.
#[derive(Clone, Copy, Debug)]
pub enum News<'a> {
    /// What is examined.
    Subject(&'a Report),
    /// Of a kernel.
    Kernel(&'a KernelReport),
    /// Of a training.
    Training(&'a TrainingReport),
    /// Of a time.
    Measurement(&'a Measurement),
}

/// A kernel's name that none has.
#[derive(Clone, Debug, thiserror::Error)]
#[error("there is no kernel '{name}'; they are {}", Doctor::kernels().collect::<Vec<_>>().join(", "))]
pub struct UnknownKernel {
    /// The name.
    pub name: String,
}

/// An adapter as the doctor opens it.
struct Opened {
    device: Device,
    /// It with its own kernels, and where these are others with those for GPUs; each with what is said of it.
    gpus: Vec<(Arc<Gpu>, &'static str)>,
    /// It with its matrix units, where it has some.
    units: Option<Arc<Gpu>>,
}

impl Doctor {
    /// The names of all kernels.
    pub fn kernels() -> impl Iterator<Item = &'static str> {
        CASES.iter().map(|(name, _)| *name)
    }

    /// A name, where it is that of a kernel.
    ///
    /// # Errors
    /// Where it is none; the message lists them.
    pub fn kernel(name: &str) -> Result<String, UnknownKernel> {
        let name = name.to_owned();
        match Self::kernels().any(|known| known == name) {
            true => Ok(name),
            false => Err(UnknownKernel { name }),
        }
    }

    fn open(&self, choice: &AdapterChoice) -> Result<Opened, ExecutorError> {
        let options = Options {
            // What the driver makes of the shaders now, not what another made of them before.
            pipelines: None,
            alterations: self
                .mistakes
                .iter()
                .filter_map(|of| mistakes::of(of))
                .collect(),
            ..Options::default()
        };
        let device = Device::open_with(choice, &options)?;
        let mut gpus = Vec::new();
        let mut units = None;
        if let Some(gpu) = device.gpu() {
            gpus.push((Arc::clone(gpu), ""));
            if gpu.is_software() {
                let options = Options {
                    as_gpu: true,
                    ..options.clone()
                };
                gpus.push((
                    Arc::new(Gpu::open_with(choice, &options)?),
                    ", kernels for GPUs",
                ));
            }
            if gpu.adapter().matrix_units.is_some() {
                let options = Options {
                    as_gpu: true,
                    matrix_units: true,
                    ..options
                };
                units = Some(Arc::new(Gpu::open_with(choice, &options)?));
            }
        }
        Ok(Opened {
            device,
            gpus,
            units,
        })
    }

    /// Examines an adapter; `say` hears of everything when it is known.
    ///
    /// # Errors
    /// Where the adapter cannot be opened, or the device is lost on the way.
    pub fn examine(
        &self,
        choice: &AdapterChoice,
        mut say: impl FnMut(News<'_>),
    ) -> Result<Report, TrainError> {
        let opened = self.open(choice)?;
        let mut report = Report {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            system: subject::system(),
            seed: self.seed,
            subject: subject::of(&opened.device, choice),
            kernels: Vec::new(),
            trainings: Vec::new(),
            measurements: Vec::new(),
            slow: Vec::new(),
        };
        say(News::Subject(&report));
        if !opened.gpus.is_empty() {
            let (kernels, failures) = self.check_kernels(&opened);
            for of in kernels {
                say(News::Kernel(&of));
                report.kernels.push(of);
            }
            for of in failures {
                say(News::Training(&of));
                report.trainings.push(of);
            }
        }
        if self.only.is_some() {
            return Ok(report);
        }
        let mut add = |of: TrainingReport| {
            say(News::Training(&of));
            report.trainings.push(of);
        };
        train(&opened, choice, &mut add)?;
        if let Some((gpu, _)) = opened.gpus.first() {
            let measured = timing::measure(gpu, |of| {
                say(News::Measurement(&of));
                report.measurements.push(of);
            });
            measured.map_err(ExecutorError::from)?;
            report.slow = timing::slow(gpu, &report.measurements);
        }
        Ok(report)
    }

    /// Every kernel, and what of the models could not run.
    fn check_kernels(&self, opened: &Opened) -> (Vec<KernelReport>, Vec<TrainingReport>) {
        let checker = Arc::new(Checker::new(self.only.clone()));
        let is_wanted = |name: &str| self.only.as_ref().is_none_or(|only| only == name);
        for (name, cases) in CASES.iter().filter(|(name, _)| is_wanted(name)) {
            let Cases::Own(cases) = cases else { continue };
            let of_units = name.starts_with("gemm_cooperative");
            let gpu = match of_units {
                true => opened.units.as_ref(),
                false => opened.gpus.first().map(|(gpu, _)| gpu),
            };
            let Some(gpu) = gpu else { continue };
            let mut bench = Bench {
                gpu,
                chance: Chance::new(self.seed, name),
                cases: Vec::new(),
            };
            let made = cases(&mut bench);
            let ran = made.and_then(|()| {
                let mut cases = bench.cases.iter();
                cases.try_for_each(|case| {
                    checker.entitle(case.title.clone());
                    checker.run(gpu, &case.launches)
                })
            });
            if let Err(error) = ran {
                checker.failed(name, &error);
            }
        }
        let mut failures = Vec::new();
        for (index, (gpu, kernels)) in opened.gpus.iter().enumerate() {
            for model in models::all(self.seed, index > 0) {
                if !self.only.as_deref().is_none_or(|only| model.may_run(only)) {
                    continue;
                }
                if let Err(error) = model.check(gpu, kernels, &checker) {
                    failures.push(TrainingReport {
                        way: format!("{}{kernels}", model.title),
                        verdict: Verdict::Deviates,
                        worst: 0.0,
                        allowed: training::ALLOWED,
                        step: None,
                        note: Some(error.to_string()),
                    });
                }
            }
        }
        let names = kernels::ALL.iter().map(|kernel| kernel.name.as_ref());
        let reports = names.filter(|name| is_wanted(name)).map(|name| {
            let reason = || subject::reason(&opened.gpus, name);
            of_kernel(name, checker.finding(name), reason)
        });
        (reports.collect(), failures)
    }

    /// Trains with a kernel and with its twin, by every plan that launches it.
    ///
    /// # Errors
    /// Where the adapter cannot be opened or the device is lost.
    pub fn isolate(
        &self,
        choice: &AdapterChoice,
        kernel: &str,
        mut subject: impl FnMut(&Subject),
        say: impl FnMut(Isolated),
    ) -> Result<(), TrainError> {
        let opened = self.open(choice)?;
        subject(&subject::of(&opened.device, choice));
        if opened.gpus.is_empty() {
            return Ok(());
        }
        isolate::isolate(&opened.gpus, kernel, self.seed, say)
    }
}

fn of_kernel(name: &str, finding: Finding, reason: impl FnOnce() -> String) -> KernelReport {
    let Finding {
        launches,
        values,
        worst,
        deviation,
        reason: untold,
        failure,
    } = finding;
    let (verdict, reason) = match (&deviation, failure) {
        (_, Some(failure)) => (Verdict::Deviates, Some(failure)),
        (Some(_), None) => (Verdict::Deviates, None),
        // Of launches that no twin can follow the verdict says nothing, and the line that there were some.
        (None, None) if values > 0 => (Verdict::Ok, untold),
        (None, None) => (Verdict::Skipped, Some(untold.unwrap_or_else(reason))),
    };
    KernelReport {
        kernel: name.to_owned(),
        verdict,
        launches,
        values,
        worst,
        deviation,
        reason,
    }
}

/// The short training, by all that the device can run.
fn train(
    opened: &Opened,
    choice: &AdapterChoice,
    say: &mut dyn FnMut(TrainingReport),
) -> Result<(), TrainError> {
    let workload = Workload::digits();
    let reference = workload.reference()?;
    say(training::of_reference(&reference));
    if opened.device.is_cpu() || *choice == AdapterChoice::Cpu {
        for threads in [NonZeroUsize::MIN, CpuExecutor::all_threads()] {
            let losses = workload
                .losses(&|specs, seed| Ok(Box::new(CpuExecutor::new(specs, seed, threads))));
            let way = format!("the processor, {threads} threads");
            say(training::verdict_of_digits(way, losses, &reference));
        }
    }
    training::on_gpus(&opened.gpus, &reference, say);
    Ok(())
}
