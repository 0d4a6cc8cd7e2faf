//! `vae decode`

mod latents;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use vae_wgpu::data::table::{Schema, Writer};
use vae_wgpu::records::{self as library, Columns, Group, Rows};

use super::failure::Usage;
use super::options::AdapterOption;
use super::output::Output;
use super::pictures::{self, Shown};
use super::progress::Counting;
use super::run::{RunArg, TrainedRun};
use super::sample::check_label;
use super::text_rows::TextRows;
use super::{console, records};
use latents::Latents;

/// Runs of the decoder that are read and written at once.
const RUNS: usize = 4;

/// Write E[x | z] for each z of a file: images, or rows as the data have them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae encode runs/digits-1 -o z.npy && vae decode runs/digits-1 -z z.npy -o again.npy
  vae decode runs/digits-1 -z z.npy -o again.png
  vae decode runs/digits-1 -z z.csv -o again/
  vae decode runs/cvae -z z.npy --label 7 -o sevens.png

A file of z has Z numbers in each row, or what `vae encode` writes, of which μ is taken: .npy, .npz, .safetensors (the
tensor mu), or .csv, whose columns mu_1 to mu_Z or z_1 to z_Z are taken where it names some. Labels that the decoder
reads come from --label, from the column label, or from the tensor labels. Of a table, .csv has rows in its own units
and words, each cell the one that is expected or likeliest; other formats have values as the model does.")]
pub(crate) struct Args {
    #[command(flatten)]
    run: RunArg,
    /// The file with z
    #[arg(short = 'z', long, value_name = "FILE")]
    latents: PathBuf,
    /// Where they go: FILE.npy (f32 [n, height, width], of colours with channels behind), FILE.csv, FILE.parquet,
    /// FILE.safetensors, - for CSV on standard output, each with values as the data have them (bytes in 0 to 1, or as
    /// counts); or FILE.png in one picture, FOLDER/ a PNG each
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The label of all of them, where the run's decoder reads labels
    #[arg(long, value_name = "N")]
    label: Option<u8>,
    #[command(flatten)]
    adapter: AdapterOption,
}

/// Where what is decoded goes.
enum Place {
    /// A row for each z.
    Records(library::Target),
    /// Pictures.
    Pictures(Output),
}

impl Place {
    /// What a path means; refused if it cannot be written.
    fn parse(path: &Path, run: &Path) -> anyhow::Result<Self> {
        let is_folder = path.is_dir() || path.to_string_lossy().ends_with(std::path::is_separator);
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        if is_folder || ending == "png" {
            return Ok(Self::Pictures(Output::parse(path, run)?));
        }
        match library::Format::of(path) {
            None if path != Path::new("-") => Err(Usage(format!(
                "-o {0} has none of the endings that can be written: .npy, .csv, .parquet and .safetensors have values, \
                 .png is one picture, {0}/ a PNG for each z, - CSV on standard output",
                path.display()
            ))
            .into()),
            _ => Ok(Self::Records(records::target(path, run)?)),
        }
    }
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let found = self.run.find()?;
        records::check_spares_input(&self.output, &self.latents)?;
        let place = Place::parse(&self.output, found.dir.path())?;
        let is_stdout = self.output.as_os_str() == "-";
        let mut run = TrainedRun::open(found, &self.adapter, 0)?;
        check_label(self.label, &run)?;
        let latent = run.model.vae().config().latent_dim;
        let latents = Latents::open(&self.latents, latent)?;
        let shown = run.shown();
        let mut decoding = Decoding {
            decoder: run.model.decoder()?,
            latents,
            label: self.label,
            row: match &run.table {
                Some(_) => vec![run.model.vae().config().mean_dim()],
                None => shown.size().into(),
            },
            is_table: run.table.is_some(),
            shown,
        };
        let count = match (place, &run.table) {
            (Place::Records(target), Some(schema)) if target.format() == library::Format::Csv => {
                let text = TextRows::parse(&self.output, run.dir.path())?;
                decoding.write_table(schema, text)
            }
            (Place::Records(target), _) => decoding.write_records(target),
            (Place::Pictures(output), None) => decoding.write_pictures(&output),
            (Place::Pictures(_), Some(_)) => Err(Usage(format!(
                "-o {}: the rows of a table are no pictures; write .csv, or .npy with values as the model has them",
                self.output.display()
            ))
            .into()),
        };
        let count = match count {
            Err(error) if is_stdout && records::is_closed(&error) => return Ok(ExitCode::SUCCESS),
            count => count?,
        };
        if !is_stdout {
            console::line(&format!(
                "{} examples decoded in {}, on {}",
                console::thousands(count as f64),
                self.output.display(),
                run.model.executor().name()
            ));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Latents on their way to images.
struct Decoding {
    decoder: vae_wgpu::eval::Decoder,
    latents: Latents,
    /// The label of all.
    label: Option<u8>,
    /// Extents of what is decoded of a z.
    row: Vec<usize>,
    /// Whether that is the row of a table.
    is_table: bool,
    shown: Shown,
}

/// Values of images or rows as their model has them, and the label of each where there are some.
type Decoded = (Vec<f32>, Option<Vec<u8>>);

impl Decoding {
    /// The next images or rows; none at the end.
    fn next(&mut self) -> anyhow::Result<Option<Decoded>> {
        let Some((z, labels)) = self.latents.next(RUNS * self.decoder.chunk())? else {
            return Ok(None);
        };
        let count = z.len() / self.latents.width();
        let labels = self.label.map(|label| vec![label; count]).or(labels);
        let values = self.decoder.decode(&z, labels.as_deref())?;
        // Of a model of latents, the images that these come from; the rows of a table are no images.
        let values = match self.is_table {
            true => values,
            false => self.shown.images(values)?,
        };
        Ok(Some((values, labels)))
    }

    /// Rows in the table's own units and words; says how many there were.
    fn write_table(&mut self, schema: &Arc<Schema>, text: TextRows<'_>) -> anyhow::Result<usize> {
        let bar = Counting::begin(self.latents.total(), "rows")?;
        let width = schema.layout().values();
        text.write(|writer| {
            let mut writer = Writer::new(Arc::clone(schema), text.delimiter(), &[], writer)?;
            while let Some((rows, _)) = self.next()? {
                writer.write_rows(&rows, width)?;
                bar.advance(rows.len() / width)?;
            }
            writer.finish()?;
            Ok(())
        })?;
        Ok(bar.done())
    }

    /// A row for each; says how many there were.
    fn write_records(&mut self, target: library::Target) -> anyhow::Result<usize> {
        let bar = Counting::begin(self.latents.total(), "examples")?;
        let scaling = self.shown.scaling();
        let dim: usize = self.row.iter().product();
        let has_labels = target.format().has_labels();
        let mut target = Some(target);
        let mut writer = None;
        while let Some((images, labels)) = self.next()? {
            let labels = labels.as_deref().filter(|_| has_labels);
            if let Some(target) = target.take() {
                writer = Some(target.begin(Columns {
                    labels: labels.is_some(),
                    groups: vec![Group {
                        name: "x".to_owned(),
                        shape: self.row.clone(),
                    }],
                    ..Columns::default()
                })?);
            }
            let values = match self.is_table {
                true => images,
                false => scaling.data_values(&images),
            };
            if let Some(writer) = &mut writer {
                writer.write(&Rows {
                    names: None,
                    labels,
                    values: &[&values],
                })?;
            }
            bar.advance(values.len() / dim)?;
        }
        Ok(match writer {
            Some(writer) => writer.finish()?,
            None => 0,
        })
    }

    /// One picture of all, or one for each; says how many there were.
    fn write_pictures(&mut self, output: &Output) -> anyhow::Result<usize> {
        let (scaling, size) = (self.shown.scaling(), self.shown.size());
        let total = self.latents.total();
        if let Output::Folder(folder) = output {
            let bar = Counting::begin(total, "examples")?;
            while let Some((images, _)) = self.next()? {
                // As many digits as the last one has; where their number is not known, enough for any.
                let last = total.map_or(99_999_999, |total| total.saturating_sub(1));
                Output::write_singly(folder, &images, (&scaling, size), (bar.done(), last))?;
                bar.advance(images.len() / size.dim())?;
            }
            return Ok(bar.done());
        }
        if let Some(total) = total {
            pictures::check_grid(total, size)?;
        }
        let mut all = Vec::new();
        while let Some((images, _)) = self.next()? {
            all.extend(images);
            pictures::check_grid(all.len() / size.dim(), size)?;
        }
        let count = all.len() / size.dim();
        pictures::grid(&scaling.shades(&all), size, output)?;
        Ok(count)
    }
}
