//! `vae doctor`

use std::process::ExitCode;

use vae_wgpu::doctor::{
    Doctor, Isolated, KernelReport, Measurement, News, Report, Subject, TrainingReport, Verdict,
};
use vae_wgpu::gpu::{AdapterChoice, AdapterList};

use super::console::{self, thousands};
use super::failure::Usage;
use super::options::AdapterOption;

/// Examine an adapter: does it compute what it should, and what decides its speed?
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Every kernel runs on random shapes and in steps of models of random sizes, and each value that it leaves
is compared with its CPU twin's, within a bound that follows from WGSL's accuracies. Then a small model
trains 20 steps by every plan, beside the reference executor. A line says ok, DEVIATES or skipped.

Examples:
  vae doctor                          the best adapter; paste what it prints into a bug report
  vae doctor --adapter software       another one
  vae doctor --only gemm_tiled        one kernel, in a second
  vae doctor --twin gemm_tiled        train with that kernel's launches on the CPU: does that mend it?
  vae doctor --json > doctor.json     the same for programs

Exit codes: 0 nothing deviates, 1 something does, 2 wrong usage.")]
pub(crate) struct Args {
    #[command(flatten)]
    adapter: AdapterOption,
    /// Examine one kernel, without trainings and times
    #[arg(long, value_name = "KERNEL", conflicts_with = "twin")]
    only: Option<String>,
    /// Train with this kernel and with its CPU twin in its place, and say whether the losses then agree
    /// with the reference
    #[arg(long, value_name = "KERNEL")]
    twin: Option<String>,
    /// What all shapes and values follow from
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Print the findings as JSON in place of the text
    #[arg(long)]
    json: bool,
    /// Compile these kernels with a mistake, to see that the examination finds it
    #[arg(
        long = "break",
        value_name = "KERNELS",
        value_delimiter = ',',
        hide = true
    )]
    mistakes: Vec<String>,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let names = self.only.iter().chain(&self.twin).chain(&self.mistakes);
        for name in names {
            Doctor::kernel(name).map_err(|error| Usage(error.to_string()))?;
        }
        let choice = self.adapter.resolve(None);
        let doctor = Doctor {
            seed: self.seed,
            only: self.only.clone(),
            mistakes: self.mistakes.clone(),
        };
        let deviates = match &self.twin {
            Some(kernel) => self.isolate(&doctor, &choice, kernel)?,
            None => self.examine(&doctor, &choice)?,
        };
        Ok(match deviates {
            true => ExitCode::FAILURE,
            false => ExitCode::SUCCESS,
        })
    }

    fn examine(&self, doctor: &Doctor, choice: &AdapterChoice) -> anyhow::Result<bool> {
        let is_quiet = console::is_quiet();
        let mut section = "";
        let mut begin = |title: &'static str| {
            if section != title && !is_quiet {
                console::result(&format!("\n{title}"));
            }
            section = title;
        };
        let report = doctor.examine(choice, |news| match news {
            _ if self.json => {}
            News::Subject(report) => {
                console::result(&head(report));
                console::line(&adapters());
            }
            News::Kernel(of) => {
                begin("kernels beside their CPU twins; the largest error as a share of its bound");
                console::result(&kernel_line(of));
            }
            News::Training(of) => {
                begin(
                    "20 steps of 784-24-4 on digits; the largest relative error of a step's losses",
                );
                console::result(&training_line(of));
            }
            News::Measurement(of) => {
                begin("times");
                console::line(&measurement_line(of));
            }
        })?;
        if self.only.is_some() && report.kernels.is_empty() {
            return Err(no_kernels(&report.subject).into());
        }
        if self.json {
            console::result(&serde_json::to_string_pretty(&report)?);
        } else {
            for slow in &report.slow {
                console::line(&format!("  slow: {slow}"));
            }
            console::result(&format!("\n{}", conclusion(&report)));
        }
        Ok(report.deviates())
    }

    fn isolate(
        &self,
        doctor: &Doctor,
        choice: &AdapterChoice,
        kernel: &str,
    ) -> anyhow::Result<bool> {
        let mut all: Vec<Isolated> = Vec::new();
        let mut refusal = None;
        let is_text = !self.json;
        doctor.isolate(
            choice,
            kernel,
            |subject| {
                if subject.kind == "none" {
                    refusal = Some(no_kernels(subject));
                } else if is_text {
                    console::result(&subject_text(subject));
                }
            },
            |of| {
                if is_text {
                    console::result(&isolated_text(&of));
                }
                all.push(of);
            },
        )?;
        if let Some(refusal) = refusal {
            return Err(refusal.into());
        }
        if self.json {
            console::result(&serde_json::to_string_pretty(&all)?);
        } else {
            console::result(&format!("\n{}", judgement(kernel, &all)));
        }
        let deviates = |of: &Isolated| {
            [&of.kernel, &of.twin]
                .iter()
                .any(|of| of.verdict == Verdict::Deviates)
        };
        Ok(all.iter().any(deviates))
    }
}

/// A kernel is asked for where none runs.
fn no_kernels(subject: &Subject) -> Usage {
    Usage(format!(
        "{} runs no kernels: leave --only and --twin out, or choose another adapter (`vae adapters` lists them)",
        subject.name
    ))
}

/// Program, system, adapter, driver.
fn head(report: &Report) -> String {
    format!(
        "vae {}, {}, seed {}\n{}",
        report.version,
        report.system,
        report.seed,
        subject_text(&report.subject)
    )
}

fn subject_text(subject: &Subject) -> String {
    let Subject {
        name,
        backend,
        kind,
        driver,
        limits,
    } = subject;
    let mut text = format!("{name} ({backend}, {kind})");
    if !driver.is_empty() {
        text += &format!("\ndriver: {driver}");
    }
    if !limits.is_empty() {
        let limits: Vec<_> = limits
            .iter()
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        text += &format!("\n{}", limits.join(", "));
    }
    text
}

/// All that there are.
fn adapters() -> String {
    let Ok(list) = AdapterList::find() else {
        return "adapters: none".to_owned();
    };
    let lines = list.summaries().enumerate().map(|(index, of)| {
        let note = match &of.unusable {
            Some(why) => format!(", unusable: {why}"),
            None => String::new(),
        };
        let limits = &of.limits;
        let subgroups = match of.subgroup_size {
            Some(lanes) => format!("{lanes} lanes a subgroup"),
            None => "no subgroups of one size".to_owned(),
        };
        format!(
            "\n  {index}  {of}, {}{note}\n     {} MiB a binding, {} KiB of workgroup memory, {} \
             invocations, {subgroups}",
            of.driver,
            limits.max_storage_buffer_binding_size >> 20,
            limits.max_compute_workgroup_storage_size >> 10,
            limits.max_compute_invocations_per_workgroup,
        )
    });
    format!("adapters:{}", lines.collect::<String>())
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok      ",
        Verdict::Deviates => "DEVIATES",
        Verdict::Skipped => "skipped ",
    }
}

fn kernel_line(of: &KernelReport) -> String {
    let begin = format!("{}  {:21}", word(of.verdict), of.kernel);
    let more = match (&of.reason, of.verdict) {
        (Some(reason), Verdict::Ok) => format!("; other launches: {reason}"),
        (Some(reason), _) => return format!("{begin} {reason}"),
        (None, _) => String::new(),
    };
    match &of.deviation {
        None => {
            let exact = if of.worst == 0.0 { ", exact" } else { "" };
            format!(
                "{begin} {:.3}{exact}  ({} values of {} launches{more})",
                of.worst,
                thousands(of.values as f64),
                of.launches
            )
        }
        Some(d) => {
            let formula = match &d.formula {
                Some(formula) => format!("; {formula} of {:?}", d.operands),
                None => String::new(),
            };
            format!(
                "{begin} {}[{}] = {:e}, not {:e}: off by {:.3e}, {:.3e} allowed; {} of {} values; {}{formula}",
                d.array, d.word, d.found, d.expected, d.error, d.allowed, d.count, d.of, d.case
            )
        }
    }
}

fn training_line(of: &TrainingReport) -> String {
    let begin = format!("{}  {}", word(of.verdict), of.way);
    match (&of.note, of.step) {
        (Some(note), _) => format!("{begin}: {note}"),
        (None, None) => format!("{begin}: {:.1e} of {:.0e}", of.worst, of.allowed),
        (None, Some(step)) => format!(
            "{begin}: {:.1e} of {:.0e}, from step {step} on",
            of.worst, of.allowed
        ),
    }
}

fn measurement_line(of: &Measurement) -> String {
    let note = match &of.note {
        Some(note) => format!("  ({note})"),
        None => String::new(),
    };
    let value = if of.value >= 100.0 {
        thousands(of.value)
    } else {
        format!("{:.2}", of.value)
    };
    format!("  {:40} {value:>9} {}{note}", of.name, of.unit)
}

fn conclusion(report: &Report) -> String {
    let verdicts = report.kernels.iter().map(|of| of.verdict);
    let verdicts: Vec<_> = verdicts
        .chain(report.trainings.iter().map(|of| of.verdict))
        .collect();
    let count = |verdict| verdicts.iter().filter(|&&of| of == verdict).count();
    let kernels = report.kernels.iter();
    let bad: Vec<_> = kernels
        .filter(|of| of.verdict == Verdict::Deviates)
        .map(|of| of.kernel.as_str())
        .collect();
    let counts = format!(
        "{} ok, {} skipped, {} deviate",
        count(Verdict::Ok),
        count(Verdict::Skipped),
        count(Verdict::Deviates)
    );
    match bad.as_slice() {
        [] if report.deviates() => format!("{counts}: a training alone"),
        [] => counts,
        [first, ..] => format!(
            "{counts}: {}\nnext: vae doctor --twin {first}",
            bad.join(", ")
        ),
    }
}

fn isolated_text(of: &Isolated) -> String {
    let launches = of.launches;
    format!(
        "\n{}, {launches} launches\n  {}\n  {}",
        of.way,
        training_line(&of.kernel),
        training_line(&of.twin)
    )
}

/// What the trainings say of a kernel.
fn judgement(kernel: &str, all: &[Isolated]) -> String {
    if all.is_empty() {
        return format!("no step of the examination launches {kernel} on this adapter");
    }
    let deviates = |of: &TrainingReport| of.verdict == Verdict::Deviates;
    if all.iter().any(Isolated::is_guilty) {
        format!("{kernel} is what makes the losses deviate: with its twin they agree")
    } else if all.iter().any(|of| deviates(&of.twin)) {
        format!("the losses deviate with the twin of {kernel}, too: look for another kernel")
    } else {
        format!("the losses agree with {kernel} and with its twin")
    }
}
