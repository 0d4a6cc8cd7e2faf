//! `vae impute`

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use vae_wgpu::data::table::{Cell, Filler, MISSING, Origin, RowBlock, Rows};
use vae_wgpu::eval::Drawing;

use super::console;
use super::failure::Usage;
use super::options::AdapterOption;
use super::progress::Counting;
use super::run::{RunArg, TrainedRun};
use super::table::TableArgs;
use super::text_rows::TextRows;

/// Rows that are held at a time.
const BLOCK: usize = 4096;

/// Fill the missing cells of a table by what a run's model says of them given the row's other cells
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae impute runs/people-1 people.csv -o filled.csv
  vae impute runs/people-1 new.csv -o - | head
  vae impute runs/people-1 people.csv --draw --seed 1 -o one.csv      one of several multiple imputations

A number is filled with its mean given the cells of its row that are there, a category with its most probable word: the
importance-weighted means of Mattei and Frellsen 2019, from --samples draws of z. With --draw a cell is drawn instead,
so that several fillings, each with a --seed of its own, vary as the cells might. Cells that are there stay as they are.")]
pub(crate) struct Args {
    #[command(flatten)]
    run: RunArg,
    /// The table, with the columns that the run was trained on in any order
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Draws of z for each row
    #[arg(long, value_name = "K", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    samples: u32,
    /// Draw missing cells, instead of taking the means and the most probable words
    #[arg(long)]
    draw: bool,
    /// Key of the draws: the same seed fills a row in the same way
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where the filled table goes: a file, or - for standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    table: TableArgs,
    #[command(flatten)]
    adapter: AdapterOption,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let found = self.run.find()?;
        let output = TextRows::parse(&self.output, found.dir.path())?;
        let mut run = TrainedRun::open(found, &self.adapter, self.seed)?;
        let mut rows = open(&run, &self.file, &self.table)?;
        let bar = Counting::begin(None, "rows")?;
        let mut filled = 0;
        output.write(|writer| {
            let mut filler = Filler::new(&rows, writer)?;
            let places = rows.places().to_vec();
            while let Some(RowBlock { block, texts }) = rows.next_rows(BLOCK)? {
                let drawing = self.draw.then_some(Drawing {
                    seed: self.seed,
                    first_row: bar.done() as u64,
                });
                let values = block.images.pixels.to_values();
                let samples = self.samples as usize;
                let labels = block.labels.as_deref();
                if run.model.reads_labels() && labels.is_none() {
                    return Err(Usage(format!(
                        "the run {} reads the label of each row, and {} has no column of labels; add it",
                        run.dir.path().display(),
                        self.file.display()
                    ))
                    .into());
                }
                let imputed = run
                    .model
                    .impute(&values, labels, samples, self.seed, drawing)?;
                let imputed = imputed.unwrap_or_default();
                let codec = rows.codec().clone();
                let [width, len] = [codec.layout().width(), codec.layout().values()];
                let pairs = values.chunks(width).zip(imputed.chunks(len));
                for ((own, imputed), texts) in pairs.zip(&texts) {
                    let cells = codec.decode(own).into_iter().zip(codec.decode(imputed));
                    // A word that the run does not know is missing to it, and there for whoever wrote it.
                    let missing = cells.zip(&places).map(|((own, new), &place)| {
                        let is_missing = own == Cell::Missing && is_missing(&texts[place]);
                        is_missing.then_some(new)
                    });
                    let missing: Vec<_> = missing.collect();
                    filled += missing.iter().flatten().count();
                    filler.write(texts, &missing)?;
                }
                bar.advance(block.images.count)?;
            }
            filler.finish()?;
            Ok(())
        })?;
        let count = bar.done();
        drop(bar);
        for note in rows.notes() {
            console::note(&note);
        }
        let what = format!(
            "{} missing cells of {} rows filled",
            console::thousands(filled as f64),
            console::thousands(count as f64)
        );
        let adapter = run.model.executor().name();
        match output.is_stdout() {
            true => console::aside(&format!("{what}, computed on {adapter}")),
            false => console::line(&format!(
                "{what} in {}, computed on {adapter}",
                self.output.display()
            )),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Opens a table whose missing cells the run can fill.
fn open(run: &TrainedRun, file: &std::path::Path, how: &TableArgs) -> anyhow::Result<Rows> {
    let dir = run.dir.path().display();
    let Some(schema) = &run.table else {
        return Err(Usage(format!(
            "the run {dir} was trained on images, which have no cells to fill; name a run that was trained on a table"
        ))
        .into());
    };
    if !schema.masked {
        return Err(Usage(format!(
            "the run {dir} was trained on a table without missing cells, so that its encoder cannot be told of one; \
             train a run on a table that has some"
        ))
        .into());
    }
    Ok(Rows::open(
        &Origin::file(file),
        &how.options(),
        Arc::clone(schema),
    )?)
}

/// Whether the text of a cell says that it is missing.
fn is_missing(text: &str) -> bool {
    text.is_empty() || MISSING.contains(&text)
}
