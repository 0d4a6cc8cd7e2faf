//! What a training shows: a bar on a terminal, lines elsewhere, every N-th step if asked.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use vae_wgpu::model::Classifier;
use vae_wgpu::train::{EpochMetrics, Losses, Progress};

use super::console;
use super::interrupt::{self, Stopped, Work};

/// Between two lines of a long epoch where no terminal shows its bar.
const INTERVAL: Duration = Duration::from_secs(60);
/// A variable with another number of seconds, so that tests need not wait for a minute.
const INTERVAL_VARIABLE: &str = "VAE_PROGRESS_SECONDS";

/// Work that goes block by block, with a bar of how much is done. Ctrl-C ends it between two blocks, as an error, so that
/// the file that is being written is removed.
pub(crate) struct Counting(ProgressBar);

impl Counting {
    /// Begins with so many things, or with as many as there will be where nobody knows.
    pub(crate) fn begin(total: Option<usize>, what: &'static str) -> anyhow::Result<Self> {
        interrupt::listen(Work::Blocks)?;
        let bar = match total {
            _ if console::is_quiet() => ProgressBar::hidden(),
            Some(total) => ProgressBar::new(total as u64),
            None => ProgressBar::no_length(),
        };
        let template = match total {
            Some(_) => "{wide_bar} {pos}/{len} {msg} {eta}",
            None => "{spinner} {pos} {msg} {per_sec}",
        };
        bar.set_style(ProgressStyle::with_template(template).context("the progress bar")?);
        bar.set_message(what);
        Ok(Self(bar))
    }

    /// So many more are done.
    ///
    /// # Errors
    /// [`Stopped`] where somebody asked to stop.
    pub(crate) fn advance(&self, count: usize) -> Result<(), Stopped> {
        self.0.inc(count as u64);
        match interrupt::is_signalled() {
            true => Err(Stopped),
            false => Ok(()),
        }
    }

    /// How many are done.
    pub(crate) fn done(&self) -> usize {
        self.0.position() as usize
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Who is told how a training goes.
pub(crate) trait Report {
    /// The training begins, up to this epoch.
    fn start(&mut self, epochs: u32);

    /// Whether anybody looks at what happens within an epoch.
    fn watches(&self) -> bool;

    /// A new epoch; `logged` of its steps were done in an earlier process.
    fn begin(&mut self, logged: usize);

    /// Losses have arrived.
    fn progress(&mut self, progress: Progress<'_>);

    /// An epoch is complete.
    fn epoch(&mut self, metrics: &EpochMetrics);

    /// The training has ended.
    fn finish(&mut self);
}

/// Shows epochs and, if there is somebody to see it, what happens within them.
pub(crate) struct Reporter {
    epochs: u32,
    bar: Option<ProgressBar>,
    log_every: Option<u32>,
    /// Between two lines of a long epoch, where these are wanted.
    interval: Option<Duration>,
    last_line: Instant,
    /// Steps of the current epoch whose losses were printed or passed over.
    logged: usize,
    started: Instant,
    first_images: Option<usize>,
}

impl Reporter {
    pub(crate) fn new(log_every: Option<u32>) -> anyhow::Result<Self> {
        let is_watched = std::io::stderr().is_terminal() && !console::is_quiet();
        let bar = is_watched.then(|| ProgressBar::new(0));
        if let Some(bar) = &bar {
            let template = "epoch {prefix} {wide_bar} {pos}/{len} {msg}";
            bar.set_style(ProgressStyle::with_template(template).context("the progress bar")?);
        }
        let is_seen = bar.is_some() && std::io::stdout().is_terminal();
        let is_wanted = !is_seen && log_every.is_none() && !console::is_quiet();
        let last_line = Instant::now();
        let (logged, started, first_images) = (0, Instant::now(), None);
        Ok(Self {
            epochs: 0,
            bar,
            log_every,
            interval: is_wanted.then(interval),
            last_line,
            logged,
            started,
            first_images,
        })
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| console::line(text)),
            None => console::line(text),
        }
    }
}

impl Report for Reporter {
    fn start(&mut self, epochs: u32) {
        self.epochs = epochs;
    }

    fn watches(&self) -> bool {
        self.bar.is_some() || self.log_every.is_some() || self.interval.is_some()
    }

    fn begin(&mut self, logged: usize) {
        self.logged = logged;
        self.started = Instant::now();
        self.last_line = self.started;
        self.first_images = None;
    }

    fn progress(&mut self, progress: Progress<'_>) {
        let first = *self.first_images.get_or_insert(progress.images);
        if let Some(every) = self.log_every {
            let lines = progress.columns.lines(progress.log).enumerate();
            for (index, line) in lines.skip(self.logged) {
                let step = progress.first_step + index as u32 + 1;
                if step.is_multiple_of(every) {
                    let losses = shown(&progress.columns.losses(line), 4);
                    self.line(&format!("epoch {}  step {step}  {losses}", progress.epoch));
                }
                self.logged = index + 1;
            }
        }
        if let (Some(interval), Some(losses)) = (self.interval, progress.latest())
            && self.last_line.elapsed() >= interval
        {
            self.last_line = Instant::now();
            let seconds = self.started.elapsed().as_secs_f64();
            let rate = (progress.images - first) as f64 / seconds.max(1e-9);
            self.line(&format!(
                "epoch {}  step {}  {} of {} images  loss {:.2}  {} images/s",
                progress.epoch,
                progress.first_step as usize + progress.columns.lines(progress.log).len(),
                console::thousands(progress.images as f64),
                console::thousands(progress.count as f64),
                losses.objective,
                console::thousands(rate),
            ));
        }
        if let (Some(bar), Some(losses)) = (&self.bar, progress.latest()) {
            bar.set_prefix(format!("{}/{}", progress.epoch, self.epochs));
            bar.set_length(progress.count as u64);
            bar.set_position(progress.images as u64);
            let seconds = self.started.elapsed().as_secs_f64();
            let rate = (progress.images - first) as f64 / seconds.max(1e-9);
            let rate = if self.started.elapsed() > Duration::from_millis(200) {
                format!("{} images/s", console::thousands(rate))
            } else {
                String::new()
            };
            bar.set_message(format!("loss {:.2}  {rate}", losses.objective));
        }
    }

    fn epoch(&mut self, m: &EpochMetrics) {
        let width = self.epochs.to_string().len();
        self.line(&format!(
            "epoch {:>width$}/{}  {}  test {:.2}{}  {:.1} s  {} images/s",
            m.epoch,
            self.epochs,
            shown(&m.train, 2),
            m.test.objective,
            error_rate(m.test.term(Classifier::ERROR)),
            m.seconds,
            console::thousands(m.images_per_second),
        ));
    }

    fn finish(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// `  error 9.51 %`, of a model that classifies.
fn error_rate(rate: Option<f64>) -> String {
    rate.map_or_else(String::new, |rate| format!("  error {:.2} %", 100.0 * rate))
}

/// `loss 105.93  recon 80.12  kl 25.81`, with so many decimals.
fn shown(losses: &Losses, decimals: usize) -> String {
    let mut text = format!("loss {:.decimals$}", losses.objective);
    for (term, value) in &losses.terms {
        text += &match term == Classifier::ERROR {
            true => error_rate(Some(*value)),
            false => format!("  {term} {value:.decimals$}"),
        };
    }
    text
}

fn interval() -> Duration {
    let given = std::env::var(INTERVAL_VARIABLE).ok();
    let seconds = given.and_then(|text| text.parse().ok());
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .unwrap_or(INTERVAL)
}
