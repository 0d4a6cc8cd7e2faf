//! `vae reproduce`

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use vae_wgpu::checkpoint::{RunDir, Which};
use vae_wgpu::data::Source;
use vae_wgpu::eval::{Measure, NATS};
use vae_wgpu::train::{EpochMetrics, Published, Quantity};

use super::config::Overrides;
use super::eval::{self, Findings, How};
use super::options::{AdapterOption, DataOptions};
use super::run::{Found, TrainedRun};
use super::train::{self, Trained};
use super::{console, interrupt, text};

/// Train and measure a published setting, beside what its paper and other programs reached
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae reproduce                                    what there is
  vae reproduce textbook --download
  vae reproduce iwae-5 --budget 20m --adapter cpu  as far as it comes in twenty minutes
  vae reproduce burda-1 --out runs/burda-1         the same command again goes on

The data are MNIST. Some settings train for days on a processor; what a budget left undone is said in the table,
and the run can go on.")]
pub(crate) struct Args {
    /// The setting [default: list all]
    #[arg(value_parser = PossibleValuesParser::new(names()).map(|name| name.to_string()))]
    name: Option<String>,
    /// Stop the training after this time, such as 90s, 20m or 2h, and measure what there is
    #[arg(long, value_name = "TIME", value_parser = duration)]
    budget: Option<Duration>,
    /// Where the run goes, or goes on [default: runs/NAME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Key of the training's draws
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Draws of z for each image in the place of the source's number
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(2..))]
    samples: Option<u32>,
    /// Measure with the first N test images alone
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    images: Option<u32>,
    #[command(flatten)]
    data: DataOptions,
    #[command(flatten)]
    adapter: AdapterOption,
}

fn names() -> Vec<&'static str> {
    let all = Published::ALL.iter();
    all.map(|published| published.preset.name()).collect()
}

/// A time such as `20m`.
fn duration(text: &str) -> Result<Duration, String> {
    let places = text.char_indices();
    let unit = places.rev().find(|(_, c)| c.is_ascii_digit());
    let (number, unit) = text.split_at(unit.map_or(0, |(at, _)| at + 1));
    let seconds = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("a time is a number with s, m or h, such as 20m".to_owned()),
    };
    let number: f64 = number
        .parse()
        .map_err(|_| format!("'{number}' is no number"))?;
    Duration::try_from_secs_f64(number * seconds).map_err(|error| error.to_string())
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let published = self.name.as_deref().and_then(Published::find);
        let Some(published) = published else {
            console::result(&list());
            return Ok(ExitCode::SUCCESS);
        };
        let preset = published.preset;
        let folder = Path::new("runs").join(preset.name());
        let folder = self.out.clone().unwrap_or(folder);
        let mut data = self.data.clone();
        data.data.get_or_insert(Source::Mnist);
        let args = train::Args {
            preset: Some(preset),
            data,
            adapter: self.adapter.clone(),
            overrides: Overrides {
                seed: Some(self.seed),
                ..Overrides::default()
            },
            ..train::Args::default()
        };
        console::line(&format!("{}: {}", preset.name(), preset.source()));
        if let Some(budget) = self.budget {
            // A budget beyond what a clock counts has no end.
            if let Some(end) = Instant::now().checked_add(budget) {
                interrupt::stop_at(end);
            }
        }
        let trained = train::to_the_end(&args, &folder, None)?;
        if trained == Trained::Interrupted && interrupt::is_signalled() {
            console::line("interrupted; the same command goes on");
            return Ok(ExitCode::from(interrupt::EXIT_CODE));
        }
        let dir = RunDir::open(&folder)?;
        let last = dir.read_metrics::<EpochMetrics>()?.pop();
        let findings = self.measure(published.quantity, dir)?;
        let ours = Ours {
            measure: figure(published.quantity, &findings, last.as_ref()),
            epochs: last.map_or(0, |last| last.epoch),
            of: preset.settings().epochs,
            findings: &findings,
        };
        console::result(&table(published, &ours));
        if ours.epochs < ours.of {
            console::line("the training is not at its end; the same command goes on");
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Measures the run with as many draws as the source has.
    fn measure(&self, quantity: Quantity, dir: RunDir) -> anyhow::Result<Findings> {
        let samples = match quantity {
            Quantity::TestNll { samples } => samples,
            _ => 1,
        };
        let how = How {
            samples: self.samples.unwrap_or(samples),
            images: self.images,
            ..How::default()
        };
        let which = Which::Last;
        let mut run = TrainedRun::open(Found { dir, which }, &self.adapter, how.seed)?;
        let mut options = self.data.clone();
        options.data = None;
        let data = run.data(options)?;
        let findings = how.measure((&mut run, which), &data, &self.adapter)?;
        eval::keep(&run.dir, &findings);
        Ok(findings)
    }
}

/// What this program reached.
struct Ours<'a> {
    /// The figure that is compared.
    measure: Option<Measure>,
    epochs: u32,
    /// Epochs of the whole setting.
    of: u32,
    findings: &'a Findings,
}

/// The figure that is compared, of what was measured and of the last epoch.
fn figure(quantity: Quantity, findings: &Findings, last: Option<&EpochMetrics>) -> Option<Measure> {
    let measure = |name: &str| {
        let mut measures = findings.measures.iter();
        measures.find(|measure| measure.name == name).cloned()
    };
    match quantity {
        Quantity::TrainLoss => {
            let loss = last?.train.objective;
            Some(Measure::new("train_loss", loss, NATS))
        }
        Quantity::TestElbo => measure("negative_elbo"),
        Quantity::TestNll { .. } => measure("nll"),
        Quantity::ErrorRate => measure("error_rate"),
    }
}

/// A line for each setting.
fn list() -> String {
    let line = |published: &Published| {
        let head = format!("  {:<10}", published.preset.name());
        let quantity = published.quantity.describe();
        let row = published.rows.first();
        let value = row
            .and_then(|row| row.value)
            .map(|value| format!(": {value:.2}"));
        let text = format!(
            "{}; {quantity}{}",
            published.preset.source(),
            value.unwrap_or_default()
        );
        text::hanging(&head, &text)
    };
    let lines: Vec<_> = Published::ALL.iter().map(line).collect();
    format!(
        "{}\n\nvae reproduce NAME trains and measures one of them.",
        lines.join("\n")
    )
}

/// The source's row, those of independent programs, and ours.
fn table(published: &Published, ours: &Ours<'_>) -> String {
    let mut rows: Vec<[String; 3]> = Vec::new();
    for row in published.rows {
        let value = row
            .value
            .map_or("-".to_owned(), |value| format!("{value:.2}"));
        rows.push([row.who.to_owned(), value, row.note.to_owned()]);
    }
    let value = ours.measure.as_ref().map(|measure| match measure.error {
        Some(error) => format!("± {error:.2} over the images"),
        None => String::new(),
    });
    let findings = ours.findings;
    let mut notes = vec![format!("{} of {} epochs", ours.epochs, ours.of)];
    notes.extend(value.filter(|text| !text.is_empty()));
    if let Quantity::TestNll { samples } = published.quantity
        && findings.samples != samples
    {
        notes.push(format!("{} importance samples", findings.samples));
    }
    notes.push(format!(
        "{} test images",
        console::thousands(findings.images as f64)
    ));
    let figure = ours.measure.as_ref();
    let figure = figure.map_or("-".to_owned(), |of| format!("{:.2}", of.value));
    rows.push(["this program".to_owned(), figure, notes.join(", ")]);
    let widths = [0, 1].map(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    });
    let line = |[who, value, note]: &[String; 3]| {
        let [first, second] = widths;
        format!("  {who:first$}  {value:>second$}  {note}")
            .trim_end()
            .to_owned()
    };
    let lines: Vec<_> = rows.iter().map(line).collect();
    format!("\n{}\n{}", published.quantity.describe(), lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        for wrong in ["", "20", "m", "-3m", "3d", "1e400h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
