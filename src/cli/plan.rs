//! `vae plan`

use std::path::PathBuf;
use std::process::ExitCode;

use vae_wgpu::gpu::Kernel;
use vae_wgpu::plan::{Description, Memory, PlanChoice, Step};
use vae_wgpu::train::Preset;

use super::config::Overrides;
use super::job::{Job, Loaded};
use super::options::{AdapterOption, DataOptions, PlanOption};
use super::text::{bytes, hanging};
use super::{console, train};

/// Print what a training step would run: its plan, its launches in order, and their kernels' source
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae plan                                        the built-in digits on the best adapter
  vae plan --likelihood laplace --scale per-pixel
  vae plan --plan general                         what one plan runs instead of another
  vae plan --config runs/digits-1/config.toml     what a run runs
  vae plan --likelihood laplace --wgsl            with the source of each kernel

It takes the flags of `vae train` that say what a step is, and writes no run. A launch is listed
with the bytes of the buffers that it reads and of those that it writes, and with the tensors that
it completes; d_ in front of a name is the gradient by it. --plan asks for general, fused or
two-launch.")]
pub(crate) struct Args {
    /// Settings with a source; other flags override them
    #[arg(long, value_name = "NAME", long_help = train::preset_help())]
    preset: Option<Preset>,
    /// A TOML file with settings, such as a run's config.toml; flags override it
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// Also print the WGSL of every kernel that runs, the generated ones included
    #[arg(long)]
    wgsl: bool,
    #[command(flatten)]
    adapter: AdapterOption,
    #[command(flatten)]
    plan: PlanOption,
    #[command(flatten)]
    data: DataOptions,
    #[command(flatten)]
    overrides: Overrides,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let mut job = Job::fresh(&train::Args {
            preset: self.preset,
            config: self.config,
            adapter: self.adapter,
            plan: self.plan,
            data: self.data,
            overrides: self.overrides,
            ..train::Args::default()
        })?;
        job.check()?;
        let (Loaded { data, .. }, device) = job.load_and_open(None)?;
        job.suit(&data, true)?;
        job.fit_window(&data, &device);
        let name = data.name.clone();
        let (adapter, description) = match job.describe(data, device)? {
            Ok(described) => described,
            Err(processor) => {
                console::result(&format!(
                    "{name} on {processor}\nno launches: the operations of a step run one after the other"
                ));
                return Ok(ExitCode::SUCCESS);
            }
        };
        console::result(&format!("{name} on {adapter}"));
        console::result(&summary(&description, job.plan));
        console::result(&launches(&description));
        if self.wgsl {
            console::result(&sources(&description));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The plan and the totals.
fn summary(description: &Description, asked: PlanChoice) -> String {
    let Description {
        plan,
        left,
        launches,
        barriers,
        memory,
        ..
    } = description;
    let plan = match left {
        Some(reason) => format!("{plan}; auto left {}: {reason}", PlanChoice::TwoLaunch),
        None if asked == PlanChoice::Auto => format!("{plan}, which auto takes"),
        None => format!("{plan}, as asked for"),
    };
    let Memory {
        parameters,
        moments,
        gradients,
        tensors,
        data,
        losses,
    } = *memory;
    let held = [
        (parameters + moments, "parameters and moments"),
        (gradients, "gradients"),
        (tensors, "tensors"),
        (data, "data"),
        (losses, "losses"),
    ];
    let held = held.into_iter().filter(|&(number, _)| number > 0);
    let held: Vec<_> = held
        .map(|(number, what)| format!("{} of {what}", bytes(number)))
        .collect();
    let wait = if *barriers == 1 { "waits" } else { "wait" };
    let lines = [
        hanging("plan      ", &plan),
        format!(
            "launches  {} a step, {barriers} of them {wait} for others of the step",
            launches.len()
        ),
        hanging("memory    ", &held.join(", ")),
    ];
    lines.join("\n")
}

/// A line for each launch.
fn launches(description: &Description) -> String {
    let header = [
        "",
        "kernel",
        "workgroups",
        "reads from",
        "writes to",
        "computes",
    ]
    .map(str::to_owned);
    let row = |number: String, step: &Step| {
        let [x, y, z] = step.grid;
        let groups = match (y, z) {
            (1, 1) => x.to_string(),
            (_, 1) => format!("{x}×{y}"),
            _ => format!("{x}×{y}×{z}"),
        };
        [
            number,
            step.kernel.name.to_string(),
            groups,
            bytes(step.read),
            bytes(step.written),
            step.results.join(", "),
        ]
    };
    let mut table = vec![header];
    for (number, step) in (1..).zip(&description.launches) {
        table.push(row(number.to_string(), step));
    }
    let after = description.after.as_ref().map(|step| {
        let mut row = row("+".to_owned(), step);
        "a step".clone_into(&mut row[2]);
        row
    });
    table.extend(after.clone());
    let width = |column: usize| {
        let cells = table.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths = [0, 1, 2, 3, 4].map(width);
    let lines = table
        .iter()
        .map(|[number, kernel, groups, read, written, of]| {
            let [n, k, g, r, w] = widths;
            let head =
                format!("{number:>n$}  {kernel:k$}  {groups:>g$}  {read:>r$}  {written:>w$}  ");
            hanging(&head, of)
        });
    let mut text = format!("\n{}", lines.collect::<Vec<_>>().join("\n"));
    if after.is_some() {
        text.push_str(
            "\n\n+ runs once for all steps of a submission, with a workgroup for each step",
        );
    }
    text
}

/// Whether two kernels are compiled as one.
fn is_same(a: &Kernel, b: &Kernel) -> bool {
    a.source == b.source && a.bindings == b.bindings
}

/// The WGSL of every kernel, once, below its name and the launches that run it.
fn sources(description: &Description) -> String {
    let numbers = (1..).map(|number: usize| number.to_string());
    let all = numbers.zip(&description.launches);
    let all = all.chain(description.after.iter().map(|step| ("+".to_owned(), step)));
    let mut kernels: Vec<(&Kernel, String)> = Vec::new();
    for (number, step) in all {
        let values = step.constants.iter();
        let values: Vec<_> = values
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        let launch = match values.as_slice() {
            [] => format!("// launch {number}"),
            values => format!("// launch {number}: {}", values.join(", ")),
        };
        let known = kernels
            .iter_mut()
            .find(|(kernel, _)| is_same(kernel, &step.kernel));
        match known {
            Some((_, heads)) => heads.push_str(&format!("\n{launch}")),
            None => kernels.push((&step.kernel, launch)),
        }
    }
    let texts = kernels.into_iter().map(|(kernel, launches)| {
        let Kernel { name, source, .. } = kernel;
        format!("\n// kernel {name}\n{launches}\n{}", source.trim_end())
    });
    texts.collect::<Vec<_>>().join("\n")
}
