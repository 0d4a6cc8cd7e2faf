//! `vae sample` of a run that was trained on a table: rows in the table's own units and words.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use vae_wgpu::data::table::{Schema, Writer};
use vae_wgpu::eval::{Autoencoder, Drawing};
use vae_wgpu::plot;
use vae_wgpu::train::FittedModel;

use super::console;
use super::failure::Usage;
use super::fit_prior;
use super::output::check_spares_run;
use super::run::TrainedRun;
use super::text_rows::TextRows;

/// Where rows go, by the ending of a path.
pub(super) enum RowOutput {
    /// As the table has them: CSV, or with tabs where the name ends with .tsv; - is CSV on standard output.
    Text(PathBuf),
    /// As the model has them, `[n, values]`.
    Npy(PathBuf),
}

impl RowOutput {
    /// What a path means; refused before anything is opened if it cannot be meant, or would replace a file that the
    /// run lives by.
    pub(super) fn parse(path: &Path, run: &Path) -> Result<Self, Usage> {
        let ending = path
            .extension()
            .map(|ending| ending.to_string_lossy().to_lowercase());
        let output = match ending.as_deref() {
            _ if path == Path::new("-") => return Ok(Self::Text(path.to_owned())),
            Some("csv" | "tsv") => Self::Text(path.to_owned()),
            Some("npy") => Self::Npy(path.to_owned()),
            _ => {
                return Err(Usage(format!(
                    "-o {} has none of the endings that rows of a table can be written with: .csv and .tsv have them as \
                     the table does, .npy is an array of f32 as the model has them, - is CSV on standard output",
                    path.display()
                )));
            }
        };
        check_spares_run(path, run)?;
        Ok(output)
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) count: usize,
    pub(super) label: Option<u8>,
    pub(super) seed: u64,
    /// Whether means are to be written in the place of draws.
    pub(super) is_mean: bool,
}

/// Draws rows and writes them.
pub(super) fn write(
    run: &mut TrainedRun,
    schema: &Arc<Schema>,
    fitted: Option<FittedModel>,
    asked: Asked,
    output: &RowOutput,
) -> anyhow::Result<()> {
    let of_fitted = if fitted.is_some() {
        " from the fitted prior"
    } else {
        ""
    };
    let rows = draw(&mut run.model, fitted, asked)?;
    let values = schema.layout().values();
    let what = format!("{} rows{of_fitted}", asked.count);
    let adapter = run.model.executor().name();
    let path = match output {
        RowOutput::Npy(path) => {
            plot::save_npy(&rows, &[asked.count, values], path)?;
            path
        }
        RowOutput::Text(path) => {
            let text = TextRows::parse(path, run.dir.path())?;
            text.write(|writer| {
                let mut writer = Writer::new(Arc::clone(schema), text.delimiter(), &[], writer)?;
                writer.write_rows(&rows, values)?;
                writer.finish()?;
                Ok(())
            })?;
            if text.is_stdout() {
                console::aside(&format!("{what}, drawn on {adapter}"));
                return Ok(());
            }
            path
        }
    };
    console::line(&format!("{what} in {}, drawn on {adapter}", path.display()));
    Ok(())
}

/// Rows `[count, values]` as the model has them.
fn draw(
    model: &mut Autoencoder,
    fitted: Option<FittedModel>,
    Asked {
        count,
        label,
        seed,
        is_mean,
    }: Asked,
) -> anyhow::Result<Vec<f32>> {
    let Some(mut fitted) = fitted else {
        return Ok(match is_mean {
            true => model.sample(count, label)?,
            false => model.sample_rows(count, label, seed)?.unwrap_or_default(),
        });
    };
    if is_mean {
        return fit_prior::samples(&mut fitted, model, (count, label), seed);
    }
    let z = fitted.draw(count, seed)?;
    let labels = fit_prior::labels(model, count, label);
    let drawing = Drawing { seed, first_row: 0 };
    Ok(model
        .draw_rows(&z, labels.as_deref(), drawing)?
        .unwrap_or_default())
}
