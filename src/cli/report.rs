//! `vae report`

mod curves;
mod figures;
mod pictures;
mod rows;
mod settings;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use vae_wgpu::checkpoint::{RunDir, write_text};
use vae_wgpu::report::{Page, Section};
use vae_wgpu::train::EpochMetrics;

use super::config::RunConfig;
use super::console;
use super::failure::Usage;
use super::options::{AdapterOption, DataOptions};
use super::output::{check_spares_run, check_stdout, to_stdout};
use super::run::{RunArg, TrainedRun};

/// Write a page with everything about a run: settings, curves, pictures, measures
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae report runs/digits-1                     runs/digits-1/report.html
  vae report runs/digits-1 -o digits.html
  vae report runs/digits-1 --checkpoint best -o - > best.html

The page is one file that needs no network and has no script: it can be sent, kept and opened anywhere, on a
telephone, too. `vae eval RUN` first, and the page has its measures.")]
pub(crate) struct Args {
    #[command(flatten)]
    run: RunArg,
    /// Where it goes: a file, or - for standard output [default: RUN/report.html]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    data: DataOptions,
    #[command(flatten)]
    adapter: AdapterOption,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let found = self.run.clone().find()?;
        let dir = found.dir.clone();
        let output = match &self.output {
            None => dir.path().join("report.html"),
            Some(path) => path.clone(),
        };
        let is_stdout = output == Path::new("-");
        if is_stdout {
            check_stdout()?;
        }
        if output.is_dir() {
            return Err(Usage(format!(
                "-o {} is a folder, and the page is one file; name a file",
                output.display()
            ))
            .into());
        }
        if !is_stdout {
            check_spares_run(&output, dir.path())?;
        }
        let config: RunConfig = dir.read_config()?;
        let metrics: Vec<EpochMetrics> = dir.read_metrics()?;
        let (path, which) = (found.path(), found.which);
        let mut run = TrainedRun::open(found, &self.adapter, config.training.seed)?;
        let device = run.model.executor().name();
        let title = name_of(dir.path());
        let sections = match run.table.clone() {
            Some(schema) => vec![
                Some(figures::section(&metrics)),
                curves::section(&dir, &metrics)?,
                Some(rows::columns(&schema)),
                Some(rows::samples(&mut run, &schema)?),
            ],
            None => self.of_images(&mut run, (&dir, &path), &metrics)?,
        };
        let more = [
            pictures::of_other_commands(&dir),
            Some(figures::measures(&dir)?),
            Some(settings::section(&dir)?),
        ];
        let (of, source) = (&config.data.image, &config.data.source);
        let what = match &run.table {
            Some(schema) => format!("rows of {} columns", schema.columns.len()),
            None => format!("images of {of} pixels"),
        };
        let page = Page {
            title,
            lines: vec![
                format!("A variational autoencoder of {what} of {source}; its checkpoint {which}."),
                format!("Drawn on {device} by vae {}.", env!("CARGO_PKG_VERSION")),
            ],
            sections: sections.into_iter().chain(more).flatten().collect(),
        };
        let html = page.html();
        if is_stdout {
            to_stdout(html.as_bytes())?;
        } else {
            write_text(&output, &html)?;
            console::line(&format!("report in {}", output.display()));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// What a page of images has before what both have.
    fn of_images(
        self,
        run: &mut TrainedRun,
        (dir, checkpoint): (&RunDir, &Path),
        metrics: &[EpochMetrics],
    ) -> anyhow::Result<Vec<Option<Section>>> {
        // The data before what makes images of latents is taken, which makes latents of them.
        let test = run.data(self.data).map(|data| data.test);
        let mut shown = run.shown();
        let traversals = pictures::traversals(run, &mut shown, &test)?;
        Ok(vec![
            Some(figures::section(metrics)),
            curves::section(dir, metrics)?,
            Some(pictures::samples(
                run,
                &mut shown,
                checkpoint,
                &self.adapter,
            )?),
            Some(pictures::reconstructions(run, &mut shown, test)?),
            traversals,
            pictures::on_the_way(dir),
        ])
    }
}

/// What a run's folder is called.
fn name_of(folder: &Path) -> String {
    let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let name = whole.file_name().unwrap_or(whole.as_os_str());
    name.to_string_lossy().into_owned()
}
