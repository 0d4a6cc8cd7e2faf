//! `vae bench`

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::anyhow;
use vae_wgpu::bench::{self, Comparison, Options, Report, ReportError, StepReport, Workload};
use vae_wgpu::eval::Device;
use vae_wgpu::gpu;

use super::config::Overrides;
use super::console::{self, thousands};
use super::failure::Usage;
use super::options::{AdapterOption, PlanOption};

/// Measure what a training step costs, and how far that is from what the adapter can do
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, after_long_help = AFTER_LONG_HELP)]
pub(crate) struct Args {
    /// Which of s, m and l, separated by commas
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "s,m,l"
    )]
    workload: Vec<Workload>,
    /// Timed windows of half a second a workload, of which the median counts
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeats: u32,
    /// Also print the GPU time of each kernel
    #[arg(long)]
    kernels: bool,
    /// Write the findings as JSON to FILE, or without FILE to standard output in place of the text
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    json: Option<Option<PathBuf>>,
    /// Compare with the FILE that an earlier --json wrote
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    #[command(flatten)]
    adapter: AdapterOption,
    #[command(flatten)]
    plan: PlanOption,
    /// Over those of each workload.
    #[command(flatten)]
    overrides: Overrides,
}

const AFTER_HELP: &str = "\
Examples:
  vae bench                                  all workloads on the best adapter
  vae bench --workload s --kernels           where a small step's time goes
  vae bench --json before.json               keep the findings, then change something
  vae bench --against before.json            and see what it did
  vae bench --workload s,m --objective iwae --samples 5 --binarize dynamic

`vae bench --help` says what is measured, and how.";

const AFTER_LONG_HELP: &str = "\
Workloads (28×28 pixels, Bernoulli, Adam, 60,000 built-in digits on the GPU, shuffled), where no flag
says otherwise:
  s   784-32-16, batch 128: the preset `blog`; launches decide
  m   784-400-20, batch 128
  l   784-1024-1024-64, batch 512; matrix products decide

What is printed for each:
  step        wall time of a step in the steady state, many steps a submission: the median of
              --repeats windows of half a second after a warm-up, with the least and the most
  images/s, GFLOP/s
              from the median; operations are those of the matrix products, 2·m·n·k each
  launches    dispatches a step records, and how many of them wgpu lets wait for others of the step
  host        time a step to record and submit it, without waiting for the GPU
  GPU         the kernels' time by the GPU's clock, as a share of the step; what is missing to
              100 % are gaps. Measured in steps of their own, with a timestamp after each launch;
              a software adapter waits at each, so that its kernels add up to more than a step.
              n/a where the adapter offers no timestamps within passes
  floor       what a step cannot go below here: its matrix products at the rate of a large one, and
              the bytes of a perfectly fused step (24 a parameter: value and moments, read and
              written; one a pixel of the batch) at the rate of a large copy

Without a GPU, with --adapter cpu or reference, there is a wall time and nothing else; the reference
executor takes minutes for l.

Compare numbers of one machine that does nothing else. --against exits with 0 whatever it finds.

Examples:
  vae bench                                  all workloads on the best adapter
  vae bench --workload s --kernels           where a small step's time goes
  vae bench --adapter software --repeats 9   on the CPU, with more windows
  vae bench --json before.json               keep the findings, then change something
  vae bench --against before.json            and see what it did
  vae bench --workload s --json | jq '.workloads[0].step_us.median'";

impl Args {
    pub(crate) fn run(mut self) -> anyhow::Result<ExitCode> {
        // As for other commands.
        if self.json == Some(Some("-".into())) {
            self.json = Some(None);
        }
        // What cannot work is said before a minute of measuring.
        let earlier = self.against.as_deref().map(earlier).transpose()?;
        if let Some(Some(path)) = &self.json {
            check_target(path)?;
        }
        let options = gpu::Options {
            matrix_units: self.plan.matrix_units(false),
            ..gpu::Options::default()
        };
        let device = Device::open_with(&self.adapter.resolve(None), &options)?;
        let device = self.adapter.limit(device)?;
        let device = device.with_plan(self.plan.resolve(None));
        if let Some(warning) = device.warning() {
            console::warning(warning);
        }
        let say = match self.json {
            Some(None) => console::aside,
            Some(Some(_)) => console::line,
            None => console::result,
        };
        let options = Options {
            repeats: self.repeats as usize,
        };
        let settings = |workload: Workload| {
            let settings = self
                .overrides
                .resolve(&Overrides::default(), workload.settings());
            (workload, settings)
        };
        let workloads: Vec<_> = self.workload.iter().copied().map(settings).collect();
        let report = bench::run(&device, &workloads, options, |so_far| {
            match so_far.workloads.last() {
                None => say(&adapter_text(so_far)),
                Some(step) => {
                    say(&step_text(step, so_far));
                    if self.kernels {
                        say(&kernels_text(step));
                    }
                }
            }
        })?;
        if let Some(earlier) = &earlier {
            say(&comparison_text(&bench::compare(earlier, &report)));
        }
        match &self.json {
            Some(Some(path)) => report.save(path)?,
            Some(None) => console::result(report.to_json()?.trim_end()),
            None => {}
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Reads earlier findings, and says what writes them where a file has none.
fn earlier(path: &Path) -> anyhow::Result<Report> {
    Report::load(path).map_err(|error| match error {
        ReportError::Invalid { .. } => anyhow!("{error}; `vae bench --json` writes one"),
        error => error.into(),
    })
}

/// Whether a file can be where the findings are to go.
fn check_target(path: &Path) -> anyhow::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let reason = if folder.is_some_and(|folder| !folder.is_dir()) {
        "there is no such folder"
    } else if path.exists() && !path.is_file() {
        "something that is no file is there"
    } else {
        return Ok(());
    };
    let message = format!("--json cannot write {}: {reason}", path.display());
    Err(Usage(message).into())
}

/// What runs, and its peaks.
fn adapter_text(report: &Report) -> String {
    let adapter = &report.adapter;
    let mut text = format!("{} ({}, {})", adapter.name, adapter.backend, adapter.kind);
    if let Some(peaks) = &report.peaks {
        let _ = write!(
            text,
            "\npeaks: {} GFLOP/s in a {size}×{size}×{size} product, {:.1} GB/s in a copy",
            rounded(peaks.gemm_gflops_per_s),
            peaks.copy_gb_per_s,
            size = peaks.gemm_size,
        );
    } else {
        text.push_str("\nno GPU: there is a wall time to measure and nothing else");
    }
    text
}

/// One workload.
fn step_text(step: &StepReport, report: &Report) -> String {
    let us = &step.step_us;
    let mut text = format!(
        "\n{}: {}\n  step      {} µs ({} to {} in {} windows)\n  images/s  {}\n  rate      {} GFLOP/s",
        step.name,
        step.description,
        rounded(us.median),
        rounded(us.min),
        rounded(us.max),
        report.repeats,
        thousands(step.images_per_s),
        rounded(step.gflops_per_s),
    );
    if let Some(peaks) = &report.peaks {
        let share = step.gflops_per_s / peaks.gemm_gflops_per_s;
        let _ = write!(text, ", {:.0} % of the product's peak", 100.0 * share);
    }
    if let Some(launches) = &step.launches {
        let gpu = match &step.gpu {
            Some(gpu) if gpu.step_us > us.median => format!(
                "100 % of the step; with timestamps, the kernels take {} µs, more than it",
                rounded(gpu.step_us)
            ),
            Some(gpu) => format!("{:.0} % of the step", 100.0 * gpu.share),
            None => "n/a: this adapter offers no timestamps within passes".to_owned(),
        };
        let _ = write!(
            text,
            "\n  launches  {}, {} of them wait for others of the step\n  host      {} µs to record and submit a step\n  GPU       {gpu}",
            launches.dispatches,
            launches.barriers,
            rounded(launches.host_us),
        );
    }
    if let Some(floors) = &step.floors {
        let _ = write!(
            text,
            "\n  floor     {} µs of arithmetic, {} µs of memory",
            rounded(floors.arithmetic_us),
            rounded(floors.bytes_us),
        );
    }
    text
}

/// The kernels of one workload, longest first.
fn kernels_text(step: &StepReport) -> String {
    let Some(gpu) = &step.gpu else {
        return "  kernels   n/a".to_owned();
    };
    let mut text = format!(
        "  {:<24}{:>8}{:>12}{:>8}",
        "kernel", "launches", "µs/step", "share"
    );
    for kernel in &gpu.kernels {
        let share = format!("{:.1} %", 100.0 * kernel.step_us / gpu.step_us);
        let _ = write!(
            text,
            "\n  {:<24}{:>8}{:>12}{share:>8}",
            kernel.name,
            kernel.launches,
            rounded(kernel.step_us),
        );
    }
    let total = rounded(gpu.step_us);
    let _ = write!(text, "\n  {:<32}{total:>12}", "with timestamps, together");
    text
}

/// Each workload then and now.
fn comparison_text(comparison: &Comparison) -> String {
    let mut text = String::new();
    if let Some([old, new]) = &comparison.adapters {
        let _ = write!(
            text,
            "\nthe adapters differ, so that this compares machines: {old} before, {new} now"
        );
    }
    let _ = write!(
        text,
        "\n{:<10}{:>14}{:>14}{:>8}",
        "workload", "before µs", "now µs", "ratio"
    );
    for change in &comparison.changes {
        let now = rounded(change.new_us);
        let (before, ratio) = match (change.old_us, change.ratio()) {
            (Some(old), Some(ratio)) => (rounded(old), format!("{ratio:.3}")),
            _ => ("none".to_owned(), "-".to_owned()),
        };
        let _ = write!(text, "\n{:<10}{before:>14}{now:>14}{ratio:>8}", change.name);
    }
    text
}

/// Three digits, or all of a larger number's.
fn rounded(value: f64) -> String {
    match value {
        v if v >= 100.0 => thousands(v),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}
