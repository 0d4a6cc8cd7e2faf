//! `vae sample` of a run that was trained on a table: rows in the table's own units and words.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use vae_wgpu::data::table::{Schema, Writer};
use vae_wgpu::eval::{Autoencoder, Drawing};
use vae_wgpu::records::{Columns, Format, Group, Rows, Target};
use vae_wgpu::train::FittedModel;

use super::console;
use super::failure::Usage;
use super::fit_prior;
use super::output::check_spares_run;
use super::progress::Counting;
use super::run::TrainedRun;
use super::text_rows::TextRows;

/// Rows that are held at a time.
const BLOCK: usize = 16_384;

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

/// Draws rows and writes them, block by block: z alone is held of all of them.
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
    let values = schema.layout().values();
    let what = format!("{} rows{of_fitted}", asked.count);
    let adapter = run.model.executor().name();
    let mut drawn = Drawn::new(&mut run.model, fitted, asked)?;
    let path = match output {
        RowOutput::Npy(path) => {
            let target = Target::file(path, Format::Npy)?;
            let mut writer = target.begin(Columns {
                groups: vec![Group {
                    name: "x".to_owned(),
                    shape: vec![values],
                }],
                ..Columns::default()
            })?;
            drawn.write(&mut |rows| {
                let values = &[rows];
                Ok(writer.write(&Rows {
                    values,
                    ..Rows::default()
                })?)
            })?;
            writer.finish()?;
            path
        }
        RowOutput::Text(path) => {
            let text = TextRows::parse(path, run.dir.path())?;
            text.write(|writer| {
                let mut writer = Writer::new(Arc::clone(schema), text.delimiter(), &[], writer)?;
                drawn.write(&mut |rows| Ok(writer.write_rows(rows, values)?))?;
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

/// Rows on their way from z.
struct Drawn<'a> {
    model: &'a mut Autoencoder,
    asked: Asked,
    /// z of all rows.
    z: Vec<f32>,
    labels: Option<Vec<u8>>,
}

impl<'a> Drawn<'a> {
    /// Draws z of all rows, from the fitted prior where there is one.
    fn new(
        model: &'a mut Autoencoder,
        fitted: Option<FittedModel>,
        asked: Asked,
    ) -> anyhow::Result<Self> {
        let z = match fitted {
            Some(mut fitted) => fitted.draw(asked.count, asked.seed)?,
            None => model.sample_latents(asked.count, asked.label)?,
        };
        let labels = fit_prior::labels(model, asked.count, asked.label);
        Ok(Self {
            model,
            asked,
            z,
            labels,
        })
    }

    /// Hands the rows to `take` as the model has them, `[count, values]`, some at a time.
    fn write(&mut self, take: &mut dyn FnMut(&[f32]) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let bar = Counting::begin(Some(self.asked.count), "rows")?;
        let dims = self.model.vae().config().latent_dim;
        for z in self.z.chunks(BLOCK * dims) {
            let (first, count) = (bar.done(), z.len() / dims);
            let labels = self.labels.as_ref().map(|all| &all[first..][..count]);
            let rows = match self.asked.is_mean {
                true => self.model.decode(z, labels)?,
                false => {
                    let drawing = Drawing {
                        seed: self.asked.seed,
                        first_row: first as u64,
                    };
                    let rows = self.model.draw_rows(z, labels, drawing)?;
                    rows.unwrap_or_default()
                }
            };
            take(&rows)?;
            bar.advance(count)?;
        }
        Ok(())
    }
}
