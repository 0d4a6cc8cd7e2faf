//! The same model from several seeds, side by side: each a training of its own on a thread of its own.
//!
//! Small models leave most of a processor or an adapter idle while one training waits for its own steps.
//! Nothing is shared but the device, so that each seed's run has the bits that it has alone.

use std::collections::BTreeMap;
use std::fs;
use std::num::{NonZeroU16, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use vae_wgpu::checkpoint::{RunDir, write_text};
use vae_wgpu::threads;
use vae_wgpu::train::{EpochMetrics, Progress};

use super::Args;
use super::one::{self, Ended, Trained};
use crate::cli::claim::unused;
use crate::cli::failure::Usage;
use crate::cli::job::{Job, Shared};
use crate::cli::progress::Report;
use crate::cli::spread::Spread;
use crate::cli::{console, interrupt};

/// The folders of the runs are `seed-N`.
const PREFIX: &str = "seed-";
/// The figures of all runs, beside their folders.
const SUMMARY: &str = "seeds.json";
/// Trainings at once for each processor: some more than there are, since seeds are rarely a multiple.
const AT_ONCE: usize = 4;

/// One of the trainings.
struct Member {
    seed: u64,
    args: Args,
}

/// New runs with so many seeds.
pub(super) fn begin(args: &Args, count: NonZeroU16) -> anyhow::Result<ExitCode> {
    let job = Job::fresh(args)?;
    job.check()?;
    let first = job.settings.seed;
    if first.checked_add(u64::from(count.get())).is_none() {
        let message =
            format!("from --seed {first} on there are no {count} seeds; choose a smaller one");
        return Err(Usage(message).into());
    }
    let folder = match &args.out {
        Some(out) => out.clone(),
        None => unused(&job.source_name()),
    };
    RunDir::check_vacant(&folder)?;
    let member = |seed: u64| {
        let out = folder.join(format!("{PREFIX}{seed}"));
        RunDir::check_vacant(&out)?;
        let mut args = args.clone();
        args.overrides.seed = Some(seed);
        args.out = Some(out);
        Ok(Member { seed, args })
    };
    let seeds = first..first + u64::from(count.get());
    let members: anyhow::Result<Vec<_>> = seeds.map(member).collect();
    let members = members?;
    let shared = job.share()?;
    run(args, &folder, members, shared)
}

/// The runs of a folder that [`begin`] made, by their seeds; none where it is another folder.
pub(super) fn runs_in(folder: &Path) -> BTreeMap<u64, PathBuf> {
    if RunDir::find(folder).is_ok() {
        return BTreeMap::new();
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let run = |path: PathBuf| {
        let name = path.file_name()?.to_str()?;
        let seed = name.strip_prefix(PREFIX)?.parse().ok()?;
        RunDir::open(&path).ok()?;
        Some((seed, path))
    };
    entries.filter_map(|entry| run(entry.path())).collect()
}

/// Continues them.
pub(super) fn go_on(
    args: &Args,
    folder: &Path,
    runs: BTreeMap<u64, PathBuf>,
) -> anyhow::Result<ExitCode> {
    let member = |(seed, path): (u64, PathBuf)| {
        let mut args = args.clone();
        args.resume = Some(path);
        Member { seed, args }
    };
    let members: Vec<_> = runs.into_iter().map(member).collect();
    let shared = match members.first() {
        Some(Member { args, .. }) => {
            let path = args.resume.clone().unwrap_or_default();
            Job::continued(args, &path)?.share()?
        }
        None => None,
    };
    run(args, folder, members, shared)
}

/// What a training tells of itself.
enum Event {
    /// It begins, up to this epoch.
    Starts(u32),
    /// An epoch of the member of this number is complete.
    Epoch(usize, EpochMetrics),
}

/// Passes on what a training tells.
struct Teller {
    member: usize,
    to: mpsc::Sender<Event>,
}

impl Teller {
    fn tell(&self, event: Event) {
        // Where nobody listens any more, nothing is lost: the run's own files have it.
        let _ = self.to.send(event);
    }
}

impl Report for Teller {
    fn start(&mut self, epochs: u32) {
        self.tell(Event::Starts(epochs));
    }

    fn watches(&self) -> bool {
        false
    }

    fn begin(&mut self, _logged: usize) {}

    fn progress(&mut self, _progress: Progress<'_>) {}

    fn epoch(&mut self, metrics: &EpochMetrics) {
        self.tell(Event::Epoch(self.member, metrics.clone()));
    }

    fn finish(&mut self) {}
}

/// Trains all of them, and says what came of it.
fn run(
    args: &Args,
    folder: &Path,
    members: Vec<Member>,
    shared: Option<Shared>,
) -> anyhow::Result<ExitCode> {
    let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let rounds = members.len().div_ceil(AT_ONCE * processors).max(1);
    let at_once = NonZeroUsize::new(members.len().div_ceil(rounds)).unwrap_or(NonZeroUsize::MIN);
    let members: Vec<_> = members
        .into_iter()
        .map(|mut member| {
            member.args.adapter = args.adapter.shared_by(at_once);
            member
        })
        .collect();
    console::line(&format!(
        "{} seeds, {at_once} at once, in {}",
        members.len(),
        folder.display()
    ));
    let next = AtomicUsize::new(0);
    let ended: Mutex<BTreeMap<usize, anyhow::Result<Ended>>> = Mutex::default();
    thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        let (next, ended, members, shared) = (&next, &ended, &members, shared.as_ref());
        let mut workers = Vec::new();
        for _ in 0..at_once.get() {
            let to = tell.clone();
            workers.push(threads::beside(scope, move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(member) = members.get(number) else {
                        return;
                    };
                    let mut teller = Teller {
                        member: number,
                        to: to.clone(),
                    };
                    let end = one::train(&member.args, shared, &mut teller, false);
                    let mut ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
                    ended.insert(number, end);
                    if interrupt::asked() {
                        return;
                    }
                }
            }));
        }
        drop(tell);
        let shown = show(told, members.len());
        for worker in workers {
            worker.join();
        }
        shown
    })?;
    let ended = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
    summarise(folder, &members, ended)
}

/// Shows each epoch that all have completed, until all have ended.
fn show(told: mpsc::Receiver<Event>, members: usize) -> anyhow::Result<()> {
    let bar = ProgressBar::new(0);
    let template = "epochs of all seeds {wide_bar} {pos}/{len}";
    bar.set_style(ProgressStyle::with_template(template).context("the progress bar")?);
    if console::is_quiet() {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    let mut epochs: BTreeMap<u32, BTreeMap<usize, EpochMetrics>> = BTreeMap::new();
    let mut last = 0;
    for event in told {
        let (member, metrics) = match event {
            Event::Starts(epochs) => {
                last = epochs;
                bar.set_length(members as u64 * u64::from(epochs));
                continue;
            }
            Event::Epoch(member, metrics) => (member, metrics),
        };
        bar.inc(1);
        let number = metrics.epoch;
        let epoch = epochs.entry(number).or_default();
        epoch.insert(member, metrics);
        if epoch.len() == members {
            let all: Vec<_> = epoch.values().collect();
            bar.suspend(|| console::line(&line(number, last, &all)));
            epochs.remove(&number);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// `epoch 3/10  loss 110.21 ± 0.32  …  test 109.87 ± 0.41`.
fn line(number: u32, last: u32, all: &[&EpochMetrics]) -> String {
    let width = last.to_string().len();
    let mut text = format!("epoch {number:>width$}/{last}");
    for (name, spread) in figures(all) {
        let shown = match name.strip_prefix("train_") {
            Some(name) => name,
            None if name == "test_loss" => "test",
            None => continue,
        };
        text += &format!("  {shown} {spread:.2}");
    }
    text
}

/// Mean and deviation of every figure of an epoch, in the order of `metrics.jsonl`.
fn figures(all: &[&EpochMetrics]) -> Vec<(String, Spread)> {
    let values: Vec<_> = all.iter().map(|metrics| metrics.figures()).collect();
    let names = values.first().into_iter().flatten();
    let figure = |(index, (name, _)): (usize, &(String, f64))| {
        let of_all = values.iter().filter_map(|of| of.get(index));
        let of_all: Vec<_> = of_all.map(|&(_, value)| value).collect();
        Some((name.clone(), Spread::of(&of_all)?))
    };
    names.enumerate().filter_map(figure).collect()
}

/// `seeds.json`.
#[derive(Serialize)]
struct Summary {
    seeds: Vec<u64>,
    epochs: u32,
    figures: BTreeMap<String, Spread>,
}

/// Says how all ended; the first that failed is the error.
fn summarise(
    folder: &Path,
    members: &[Member],
    ended: BTreeMap<usize, anyhow::Result<Ended>>,
) -> anyhow::Result<ExitCode> {
    let waiting = members.iter().enumerate();
    let waiting = waiting.filter(|(number, _)| !ended.contains_key(number));
    let waiting: Vec<_> = waiting.map(|(_, member)| member.seed.to_string()).collect();
    let (mut complete, mut failure, mut interrupted) = (Vec::new(), None, false);
    for (number, end) in ended {
        let seed = members[number].seed;
        match end {
            Ok(Ended { how, dir, steps: _ }) => {
                interrupted |= how == Trained::Interrupted;
                let metrics = dir.read_metrics::<EpochMetrics>()?;
                complete.extend(metrics.into_iter().next_back().map(|last| (seed, last)));
            }
            Err(error) => {
                let error = error.context(format!("seed {seed}"));
                failure.get_or_insert(error);
            }
        }
    }
    if interrupted || interrupt::asked() {
        if !waiting.is_empty() {
            console::note(&format!(
                "seeds that had not begun are not among what continues: {}",
                waiting.join(", ")
            ));
        }
        console::line(&format!(
            "interrupted; continue with: vae train --resume {}",
            console::quoted(folder)
        ));
        return failure.map_or(Ok(ExitCode::from(interrupt::EXIT_CODE)), Err);
    }
    if let Some(error) = failure {
        // The folder was made for these runs; where nothing came of any it goes.
        let _ = fs::remove_dir(folder);
        return Err(error);
    }
    let all: Vec<_> = complete.iter().map(|(_, metrics)| metrics).collect();
    let figures = figures(&all);
    let epochs = all.iter().map(|metrics| metrics.epoch).max().unwrap_or(0);
    console::line(&format!("after epoch {epochs}, {} seeds:", complete.len()));
    console::line("                     mean  deviation       least    greatest");
    for (name, spread) in &figures {
        let Spread {
            mean,
            deviation,
            least,
            greatest,
        } = spread;
        console::line(&format!(
            "  {:<13}{mean:>10.3}{deviation:>11.3}{least:>12.3}{greatest:>12.3}",
            name.replace('_', " ")
        ));
    }
    let summary = Summary {
        seeds: complete.iter().map(|&(seed, _)| seed).collect(),
        epochs,
        figures: figures.into_iter().collect(),
    };
    let text = serde_json::to_string_pretty(&summary)? + "\n";
    let path = folder.join(SUMMARY);
    write_text(&path, &text)?;
    console::line(&format!(
        "runs             {}",
        folder.join("seed-*").display()
    ));
    console::line(&format!("figures          {}", path.display()));
    Ok(ExitCode::SUCCESS)
}
