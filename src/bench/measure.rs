//! The measurement: training in windows of the steady state.

use std::time::{Duration, Instant};

use super::peaks;
use super::report::{
    Adapter, Floors, GpuTime, Kernel, Launches, Peaks, Report, Spread, StepReport,
};
use super::workload::{Workload, linear_flops};
use crate::data::{Split, digits};
use crate::eval::Device;
use crate::executor::{ExecutorError, Pass, Profile, Rows, Snapshot, Start};
use crate::rng;
use crate::train::pacing::SUBMISSION;
use crate::train::{Observed, Settings, TrainError};

/// Images of the data set: as many as MNIST's, so that a step reads what no cache holds.
const IMAGES: usize = 60_000;
/// The key of images, order and noise.
const SEED: u64 = 1;
/// The wall time of a timed window.
const WINDOW: Duration = Duration::from_millis(500);
/// The least submissions of an epoch, so that the host records one while the GPU runs another.
const SUBMISSIONS: usize = 8;
/// The most steps that are run with timestamps.
const PROFILED: usize = 64;

/// How workloads are measured.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Timed windows a workload, at least one.
    pub repeats: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { repeats: 5 }
    }
}

/// Measures the device's peaks and then each workload, with the settings that are given over its own; `so_far` sees the report once with the peaks
/// and again after each workload.
///
/// # Errors
/// Where the device fails or a workload does not fit on it.
pub fn run(
    device: &Device,
    workloads: &[(Workload, Settings)],
    options: Options,
    mut so_far: impl FnMut(&Report),
) -> Result<Report, TrainError> {
    let digits = digits::generate(SEED, 0, IMAGES);
    let gpu = device.gpu();
    // First, so that a GPU has left its idle clocks when the first step is timed.
    let peaks = gpu.map(|gpu| peaks::measure(gpu)).transpose();
    let name = device.executor(Vec::new(), SEED)?.executor.name();
    let mut report = Report {
        version: Report::VERSION,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        adapter: Adapter::of(gpu.map(|gpu| gpu.adapter()), || name),
        repeats: options.repeats.max(1),
        peaks: peaks.map_err(ExecutorError::from)?,
        workloads: Vec::new(),
    };
    so_far(&report);
    for (workload, settings) in workloads {
        let step = measure(device, *workload, settings, &digits, &report)?;
        report.workloads.push(step);
        so_far(&report);
    }
    Ok(report)
}

/// Measures one workload.
fn measure(
    device: &Device,
    workload: Workload,
    settings: &Settings,
    digits: &Split,
    report: &Report,
) -> Result<StepReport, TrainError> {
    settings.check()?;
    let batch_size = settings.batch_size;
    let dim = digits.images.dim();
    let observed = Observed {
        dim,
        classes: digits.classes(),
        table: None,
    };
    let vae = settings.in_training(settings.vae(observed)?, IMAGES);
    let specs = vae.parameters();
    let parameters = specs.iter().map(|spec| spec.shape.len()).sum();
    let mut executor = device.executor(specs.clone(), SEED)?.executor;
    executor.restore(&Snapshot::initial(&specs, SEED))?;
    let optimizer = settings.optimizer_of(&vae, IMAGES)?;
    let graph = |rows| vae.training_graph(rows, optimizer.clone());
    let mut rows = Rows::new(&digits.images.pixels, dim);
    if let Some(labels) = digits.labels.as_deref().filter(|_| vae.reads_labels()) {
        rows = rows.with_labels(labels);
    }
    let pass = executor.pass(rows, batch_size, &graph)?;
    let mut steps = Steps::new(pass, batch_size);
    let per_step = steps.settle()?;
    let window = steps_of(WINDOW, per_step);
    let mut micros = Vec::new();
    for _ in 0..report.repeats {
        micros.push(steps.time(window)? * 1e6);
    }
    let step_us = Spread::of(micros);
    let profile = steps.profile()?;
    let launches = match &profile {
        None => None,
        Some(profile) => Some(Launches {
            dispatches: profile.dispatches,
            barriers: profile.barriers,
            host_us: 1e6 * steps.host(report.repeats)?,
        }),
    };
    let seconds = step_us.median / 1e6;
    let flops = linear_flops(&graph(batch_size));
    let bytes = 24 * parameters as u64 + (batch_size * dim) as u64;
    Ok(StepReport {
        name: workload.name().to_owned(),
        description: workload.description(settings),
        batch: batch_size,
        parameters,
        step_us,
        images_per_s: batch_size as f64 / seconds,
        flops_per_step: flops,
        gflops_per_s: flops as f64 / seconds / 1e9,
        steps_per_submission: steps.per_submission,
        launches,
        gpu: profile.and_then(|profile| gpu_time(profile, step_us.median)),
        floors: report
            .peaks
            .as_ref()
            .map(|peaks| floors(flops, bytes, peaks)),
    })
}

fn gpu_time(profile: Profile, wall_us: f64) -> Option<GpuTime> {
    let kernels = profile.kernels?;
    let step_us = kernels.iter().map(|kernel| kernel.micros).sum();
    let kernels = kernels.into_iter().map(|kernel| Kernel {
        name: kernel.name.into_owned(),
        launches: kernel.launches,
        step_us: kernel.micros,
    });
    Some(GpuTime {
        step_us,
        share: f64::min(step_us / wall_us, 1.0),
        kernels: kernels.collect(),
    })
}

fn floors(flops: u64, bytes: u64, peaks: &Peaks) -> Floors {
    Floors {
        arithmetic_us: flops as f64 / peaks.gemm_gflops_per_s / 1e3,
        bytes,
        bytes_us: bytes as f64 / peaks.copy_gb_per_s / 1e3,
    }
}

/// How many steps of so many seconds fill a time; at least one.
fn steps_of(time: Duration, per_step: f64) -> usize {
    // A quotient past the integers saturates.
    ((time.as_secs_f64() / per_step.max(1e-9)) as usize).max(1)
}

/// A pass that goes through epoch after epoch.
struct Steps {
    pass: Box<dyn Pass>,
    batch: usize,
    order: Vec<u32>,
    /// Steps since the start.
    step: u32,
    per_submission: usize,
}

impl Steps {
    fn new(pass: Box<dyn Pass>, batch: usize) -> Self {
        Self {
            pass,
            // As a pass takes it.
            batch: batch.min(IMAGES),
            order: rng::permutation(SEED, 0, IMAGES),
            step: 0,
            per_submission: 1,
        }
    }

    /// Whole batches of an epoch: the smaller one at its end is left out, so that all steps are
    /// alike.
    fn of_epoch(&self) -> usize {
        IMAGES / self.batch
    }

    /// Goes to the first image; then nothing is under way.
    fn begin(&mut self) -> Result<(), ExecutorError> {
        self.pass.begin(Start {
            step: self.step,
            position: 0,
            order: &self.order,
        })
    }

    /// Runs steps in submissions, waits for the last one, and returns the seconds of a step. Going
    /// back to the first image is not part of it.
    fn time(&mut self, steps: usize) -> Result<f64, ExecutorError> {
        let mut took = Duration::ZERO;
        let mut left = steps;
        while left > 0 {
            let of_epoch = left.min(self.of_epoch());
            self.begin()?;
            let started = Instant::now();
            let (mut done, mut wanted) = (0, 1);
            while done < of_epoch {
                done += self.pass.advance(wanted.min(of_epoch - done))?;
                // Growing, so that the GPU has work as soon as one step is recorded.
                wanted = (2 * wanted).min(self.per_submission);
            }
            self.pass.losses()?;
            took += started.elapsed();
            self.step += of_epoch as u32;
            left -= of_epoch;
        }
        Ok(took.as_secs_f64() / steps as f64)
    }

    /// Warms up, and finds how many steps a submission has. Returns the seconds of a step.
    fn settle(&mut self) -> Result<f64, ExecutorError> {
        // What is compiled or touched for the first time.
        self.time(1)?;
        loop {
            let per_step = self.time(self.per_submission)?;
            let most = (self.of_epoch() / SUBMISSIONS).max(1);
            let wanted = steps_of(SUBMISSION, per_step).min(most);
            // A lone short submission is mostly waiting, so the number is approached from below.
            if wanted <= 2 * self.per_submission {
                self.per_submission = wanted;
                return self.time(2 * wanted);
            }
            self.per_submission *= 2;
        }
    }

    /// Counts, and GPU times where the adapter has them, over at most a window's steps.
    fn profile(&mut self) -> Result<Option<Profile>, ExecutorError> {
        self.begin()?;
        let steps = PROFILED.min(8 * self.per_submission).min(self.of_epoch());
        let profile = self.pass.profile(steps)?;
        self.pass.losses()?;
        if profile.is_some() {
            self.step += steps as u32;
        }
        Ok(profile)
    }

    /// Seconds that the host takes to record and submit a step, where nothing has to be waited for:
    /// the first submission of an epoch. The median of several.
    fn host(&mut self, repeats: usize) -> Result<f64, ExecutorError> {
        let mut seconds = Vec::new();
        for _ in 0..repeats {
            self.begin()?;
            // The first submission carries what the epoch's begin has written.
            let first = self.pass.advance(1)?;
            self.pass.losses()?;
            let started = Instant::now();
            let steps = self.pass.advance(self.per_submission)?;
            seconds.push(started.elapsed().as_secs_f64() / steps as f64);
            self.pass.losses()?;
            self.step += (first + steps) as u32;
        }
        Ok(Spread::of(seconds).median)
    }
}
