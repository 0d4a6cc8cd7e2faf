//! Launches beside their twins: what deviates, and by how much.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::report::Deviation;
use super::twin::{self, Arrays, Expected, Job, Results, TINY};
use crate::gpu::{Gpu, GpuError, Launch, Slice};
use crate::graph::Broadcast;
use crate::kernels::pointwise::Work;
use crate::plan::{Origin, Supervisor};

/// What is known of a kernel.
#[derive(Clone, Debug, Default)]
pub(super) struct Finding {
    pub(super) launches: usize,
    /// Values that were compared.
    pub(super) values: usize,
    /// The largest share that an error has of what is allowed, where something is.
    pub(super) worst: f64,
    /// What deviates most in the first launch that does.
    pub(super) deviation: Option<Deviation>,
    /// Why a launch could not be compared.
    pub(super) reason: Option<String>,
    /// What the driver said where it would not run the kernel.
    pub(super) failure: Option<String>,
}

/// Runs each launch and compares what it leaves with what its twin makes of what it found.
#[derive(Debug, Default)]
pub(super) struct Checker {
    /// The kernel to check, where it is one.
    only: Option<String>,
    /// What runs, for messages.
    title: Mutex<String>,
    findings: Mutex<BTreeMap<String, Finding>>,
}

/// What a panicking thread left is whole.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Checker {
    pub(super) fn new(only: Option<String>) -> Self {
        Self {
            only,
            ..Self::default()
        }
    }

    /// Says what comes next.
    pub(super) fn entitle(&self, title: String) {
        *lock(&self.title) = title;
    }

    /// The driver would not run a kernel's launches.
    pub(super) fn failed(&self, kernel: &str, error: &GpuError) {
        let mut findings = lock(&self.findings);
        let finding = findings.entry(kernel.to_owned()).or_default();
        finding.failure.get_or_insert(error.to_string());
    }

    /// What is known of a kernel.
    pub(super) fn finding(&self, kernel: &str) -> Finding {
        lock(&self.findings)
            .get(kernel)
            .cloned()
            .unwrap_or_default()
    }

    /// Runs launches one after the other, each compared.
    pub(super) fn run(&self, gpu: &Gpu, launches: &[(Launch, Origin)]) -> Result<(), GpuError> {
        let all: Vec<_> = launches.iter().map(|(launch, _)| launch.clone()).collect();
        let dispatches = gpu.prepare_all(&all)?;
        for ((launch, origin), dispatch) in launches.iter().zip(dispatches) {
            self.launch(gpu, launch, origin, &mut || gpu.run_alone(&dispatch))?;
        }
        Ok(())
    }
}

impl Supervisor for Checker {
    fn launch(
        &self,
        gpu: &Gpu,
        launch: &Launch,
        origin: &Origin,
        run: &mut dyn FnMut() -> Result<(), GpuError>,
    ) -> Result<(), GpuError> {
        let name = &launch.kernel.name;
        if self.only.as_ref().is_some_and(|only| only != name) {
            return run();
        }
        let before = Arrays::read(gpu, launch)?;
        run()?;
        let after = Arrays::read(gpu, launch)?;
        let job = Job {
            launch,
            origin,
            before: &before,
            after: Some(&after),
        };
        let results = twin::results(job);
        let mut findings = lock(&self.findings);
        let finding = findings.entry(name.to_string()).or_default();
        match results {
            Ok(results) => {
                finding.launches += 1;
                let title = lock(&self.title).clone();
                compare(finding, job, &after, &results, title);
            }
            Err(reason) => finding.reason = Some(reason),
        }
        Ok(())
    }
}

/// Counts a launch's values, and keeps the worst of what deviates.
fn compare(finding: &mut Finding, job: Job<'_>, after: &Arrays, results: &Results, title: String) {
    let mut deviation: Option<Deviation> = None;
    let mut count = 0;
    let mut deviates = |binding: usize, word: usize, of: [f64; 3]| {
        count += 1;
        let [found, expected, allowed] = of;
        let error = (found - expected).abs();
        let worse =
            |than: &Deviation| error.is_nan() || error / allowed > than.error / than.allowed;
        if deviation.as_ref().is_none_or(worse) {
            deviation = Some(Deviation {
                array: job.launch.kernel.bindings[binding].name.to_string(),
                word,
                found,
                expected,
                error,
                allowed,
                count: 0,
                of: results.len(),
                case: title.clone(),
                formula: formula(job, binding),
                operands: operands(job, binding, word),
            });
        }
    };
    for binding in twin::written(job.launch) {
        let [before, now] = [job.before, after].map(|arrays| arrays.words(binding));
        let mut is_written = vec![false; now.len()];
        for (&(_, word), expected) in results.range((binding, 0)..(binding + 1, 0)) {
            let Some(&bits) = now.get(word) else {
                continue;
            };
            is_written[word] = true;
            finding.values += 1;
            match expected {
                Expected::Word(expected) => {
                    if bits != *expected {
                        deviates(binding, word, [bits.into(), (*expected).into(), 0.0]);
                    }
                }
                Expected::Float {
                    value,
                    allowed,
                    others,
                } => {
                    let float = |word: usize| f64::from(f32::from_bits(now[word]));
                    let others: f64 = others
                        .iter()
                        .map(|&other| {
                            is_written[other] = true;
                            float(other)
                        })
                        .sum();
                    let found = float(word) + others;
                    match share(found, *value, *allowed) {
                        Some(share) if share <= 1.0 => {
                            if *allowed > 0.0 {
                                finding.worst = finding.worst.max(share);
                            }
                        }
                        Some(_) => deviates(binding, word, [found, *value, *allowed]),
                        // WGSL promises nothing of such a value.
                        None => finding.values -= 1,
                    }
                }
            }
        }
        for word in (0..now.len()).filter(|&word| !is_written[word]) {
            if now[word] != before[word] {
                let [found, expected] = [now[word], before[word]].map(f32::from_bits);
                deviates(binding, word, [found.into(), expected.into(), 0.0]);
            }
        }
    }
    if let Some(mut deviation) = deviation {
        deviation.count = count;
        finding.deviation.get_or_insert(deviation);
    }
}

/// What a generated kernel computes in this array.
fn formula(job: Job<'_>, binding: usize) -> Option<String> {
    let work = generated(job)?;
    let mut results = work.values.iter().chain(&work.sums);
    let (expr, _) = results.nth(binding.checked_sub(work.operands.len())?)?;
    Some(expr.text(&[]))
}

/// Of what a generated kernel computes it: the operands of an element, in the order of their numbers.
fn operands(job: Job<'_>, binding: usize, word: usize) -> Vec<f32> {
    let Some(work) = generated(job) else {
        return Vec::new();
    };
    if binding >= work.operands.len() + work.values.len() {
        return Vec::new();
    }
    let columns = work.shape[1].max(1);
    let place = [word / columns, word % columns];
    let operands = work.operands.iter().enumerate();
    let value = |(binding, (_, broadcast)): (usize, &(Slice, Broadcast))| {
        let at = broadcast.index(place, columns);
        job.before.floats(binding).get(at).copied()
    };
    operands.filter_map(value).collect()
}

/// The work of a kernel that expressions made. Kernels written by hand compute some work, too, from arrays of their own.
fn generated<'a>(job: Job<'a>) -> Option<&'a Work> {
    let name = job.launch.kernel.name.as_ref();
    match job.origin {
        Origin::Pointwise(work) if ["pointwise", "pointwise_rows", "row_sums"].contains(&name) => {
            Some(work)
        }
        _ => None,
    }
}

/// A value's error in shares of what is allowed; `None` where anything is.
fn share(found: f64, expected: f64, allowed: f64) -> Option<f64> {
    if expected.is_nan() || allowed.is_nan() || allowed.is_infinite() {
        return None;
    }
    // An infinity is right where f32 has no number for what is expected.
    if found == f64::from(expected as f32) {
        return Some(0.0);
    }
    let share = (found - expected).abs() / (allowed + TINY);
    Some(if share.is_nan() { f64::INFINITY } else { share })
}
