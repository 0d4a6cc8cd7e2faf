//! `vae plot`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::anyhow;
use vae_wgpu::checkpoint::{RunDir, write_text};
use vae_wgpu::plot::{self, chart::Chart};
use vae_wgpu::train::{EpochMetrics, reported_terms, training_curves};

use super::console;
use super::failure::Usage;
use super::output::{check_spares_run, check_stdout, to_stdout};

/// Draw what trainings reported, term by term and epoch by epoch
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae plot runs/digits-1
  vae plot runs/digits-1 runs/digits-2 --terms loss,kl -o compared.svg
  vae plot runs/digits-1 --format svg -o - > curves.svg

Every term has a panel, in nats an image where it is a term of the loss. Dashed lines are means over the
steps of an epoch, each before its update; whole ones are of the test images after it.")]
pub(crate) struct Args {
    /// The runs' folders, or files in them
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Which terms, with commas between them: loss, recon, kl, ... [default: all]
    #[arg(long, value_name = "TERMS", value_delimiter = ',')]
    terms: Vec<String>,
    /// Pixels, or curves with text that can be enlarged [default: as the ending of -o says, else png]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Where it goes: FILE.png, FILE.svg, or - for standard output [default: RUN/samples/curves.png of one run,
    /// compared.png among those of the first of several]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// How a chart is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Pixels
    Png,
    /// Lines and text
    Svg,
}

impl Format {
    fn ending(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Svg => "svg",
        }
    }

    /// What a path's ending says.
    fn of_path(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_lowercase();
        let all = [Self::Png, Self::Svg].into_iter();
        all.into_iter().find(|format| format.ending() == ending)
    }
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let runs = self.runs.iter().map(|path| Ok(RunDir::find(path)?.0));
        let runs = runs.collect::<anyhow::Result<Vec<_>>>()?;
        let (format, to) = self.place(&runs)?;
        let names = names(&runs);
        let metrics = runs.iter().map(metrics);
        let metrics = metrics.collect::<anyhow::Result<Vec<_>>>()?;
        let all = reported_terms(metrics.iter().flatten());
        let terms = self.terms(all)?;
        let runs: Vec<_> = names.into_iter().zip(metrics).collect();
        write(&training_curves(&runs, &terms), format, to.as_deref())?;
        let terms = format!("curves of {}", terms.join(", "));
        match to {
            Some(path) => console::line(&format!("{terms} in {}", path.display())),
            None => console::aside(&terms),
        }
        Ok(ExitCode::SUCCESS)
    }

    /// How the chart is kept and where; `None` for standard output.
    fn place(&self, runs: &[RunDir]) -> anyhow::Result<(Format, Option<PathBuf>)> {
        let Some(path) = &self.output else {
            let format = self.format.unwrap_or(Format::Png);
            let name = if runs.len() > 1 { "compared" } else { "curves" };
            let run = runs.first().ok_or_else(|| anyhow!("no run is given"))?;
            let path = run
                .make_samples()?
                .join(format!("{name}.{}", format.ending()));
            return Ok((format, Some(path)));
        };
        if path == Path::new("-") {
            check_stdout()?;
            return Ok((self.format.unwrap_or(Format::Png), None));
        }
        let said = Format::of_path(path);
        let shown = path.display();
        let format = match (said, self.format) {
            (Some(said), None) => said,
            (Some(said), Some(asked)) if said == asked => said,
            (Some(_), Some(asked)) => {
                return Err(Usage(format!(
                    "-o {shown} and --format {} say two formats: leave one of them out",
                    asked.ending()
                ))
                .into());
            }
            (None, _) => {
                return Err(Usage(format!(
                    "-o {shown} has none of the endings that a chart can be written with: .png are pixels, .svg curves \
                     and text; - is standard output"
                ))
                .into());
            }
        };
        for run in runs {
            check_spares_run(path, run.path())?;
        }
        Ok((format, Some(path.clone())))
    }

    /// The terms that are asked for, of those that there are.
    fn terms(&self, all: Vec<String>) -> Result<Vec<String>, Usage> {
        if self.terms.is_empty() {
            return Ok(all);
        }
        match self.terms.iter().find(|term| !all.contains(term)) {
            None => Ok(self.terms.clone()),
            Some(term) => Err(Usage(format!(
                "--terms {term} is nothing that these runs report: choose from {}",
                all.join(", ")
            ))),
        }
    }
}

/// What the runs are called: their folders' names, or where these are the same, their paths.
fn names(runs: &[RunDir]) -> Vec<String> {
    let path = |run: &RunDir| run.path().display().to_string();
    let name = |run: &RunDir| {
        // A path such as `.` has no name of its own.
        let whole = std::path::absolute(run.path()).ok();
        let name = whole.as_deref().and_then(Path::file_name);
        name.map_or_else(|| path(run), |name| name.to_string_lossy().into_owned())
    };
    let names: Vec<_> = runs.iter().map(name).collect();
    let is_shared = |name: &String| names.iter().filter(|other| *other == name).count() > 1;
    let paths = runs.iter().map(path);
    let named = names.iter().zip(paths);
    named
        .map(|(name, path)| if is_shared(name) { path } else { name.clone() })
        .collect()
}

/// What a run has reported so far.
fn metrics(run: &RunDir) -> anyhow::Result<Vec<EpochMetrics>> {
    let metrics = run.read_metrics::<EpochMetrics>()?;
    if metrics.is_empty() {
        return Err(anyhow!(
            "{} has no epoch yet, so that there is nothing to draw: a training writes a line at the end of each",
            run.metrics().display()
        ));
    }
    Ok(metrics)
}

/// Writes a chart to a file, or without one to standard output.
fn write(chart: &Chart, format: Format, to: Option<&Path>) -> anyhow::Result<()> {
    match (format, to) {
        (Format::Svg, Some(path)) => write_text(path, &chart.svg()?)?,
        (Format::Svg, None) => to_stdout(chart.svg()?.as_bytes())?,
        (Format::Png, Some(path)) => plot::save_png(&chart.pixels()?.into(), path)?,
        (Format::Png, None) => to_stdout(&plot::encode_png(&chart.pixels()?.into())?)?,
    }
    Ok(())
}
