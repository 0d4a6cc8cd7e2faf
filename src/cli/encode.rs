//! `vae encode`

use std::path::PathBuf;
use std::process::ExitCode;

use vae_wgpu::data::{Block, Examples, ImageSize, Part, Source, Stream};
use vae_wgpu::eval::{Encoded, Encoder};
use vae_wgpu::records::{Columns, Group, Rows, Target};
use vae_wgpu::train::{Scaling, Settings, TrainError, given_values};

use super::features::Lens;
use super::options::{AdapterOption, DataOptions};
use super::progress::Counting;
use super::run::{RunArg, TrainedRun};
use super::score::WhichPart;
use super::{console, records};

/// Runs of the encoder that are read and written at once.
const RUNS: usize = 4;
/// Values of a block at the most, unless a run has more.
const VALUES: usize = 1 << 22;

/// Write μ and log σ² of q(z | x) for each example, in the order of the data
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae encode runs/digits-1 -o z.npy
  vae encode runs/digits-1 --data new.npy -o z.csv
  vae encode runs/mnist-1 --part test -o z.safetensors
  vae encode runs/mnist-1 -o - | head -n 3

.npy is one array f32 [n, 2 Z], the Z dimensions of μ before those of log σ². .safetensors has the tensors mu and
logvar [n, Z], and labels [n] where the data have some. .csv and .parquet have the columns name and label where there
are some, then mu_1 to mu_Z and logvar_1 to logvar_Z. Of a flow and of a hierarchy, docs/data.md says what μ is.

Examples are read, encoded and written block by block, so that their number is no matter of memory. Without --data
they are those that the run was trained and tested on.")]
pub(crate) struct Args {
    #[command(flatten)]
    run: RunArg,
    /// Where they go: FILE.npy, FILE.csv, FILE.parquet, FILE.safetensors, or - for CSV on standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Which examples of the data [default: all]
    #[arg(long, value_enum)]
    part: Option<WhichPart>,
    #[command(flatten)]
    data: DataOptions,
    #[command(flatten)]
    adapter: AdapterOption,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let found = self.run.find()?;
        let target = records::target(&self.output, found.dir.path())?;
        let is_stdout = self.output.as_os_str() == "-";
        let mut run = TrainedRun::open(found, &self.adapter, 0)?;
        let source = self.data.data.clone();
        if let Source::Path(input) = source.unwrap_or_else(|| run.source()) {
            records::check_spares_input(&self.output, &input)?;
        }
        let mut stream = run.images(self.data, self.part.map_or(Part::All, Part::from))?;
        let mut encoder = BlockEncoder::of(&mut run)?;
        let count = match encode(&mut stream, &mut encoder, target) {
            Err(error) if is_stdout && records::is_closed(&error) => return Ok(ExitCode::SUCCESS),
            count => count?,
        };
        if !is_stdout {
            console::line(&format!(
                "{} examples of {} encoded in {}, on {}",
                console::thousands(count as f64),
                stream.name,
                self.output.display(),
                run.model.executor().name()
            ));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Encodes all examples and says how many there were.
fn encode(
    stream: &mut Stream,
    encoder: &mut BlockEncoder,
    target: Target,
) -> anyhow::Result<usize> {
    let bar = Counting::begin(stream.total(), "examples")?;
    let format = target.format();
    let mut target = Some(target);
    let mut writer = None;
    while let Some(block) = stream.next_block(encoder.rows())? {
        let encoded = encoder.encode(&block)?;
        let names = block.names.as_deref().filter(|_| format.has_names());
        let labels = block.labels.as_deref().filter(|_| format.has_labels());
        if let Some(target) = target.take() {
            if block.names.is_some() && names.is_none() {
                console::note("names are left out of this format; .csv and .parquet have them");
            }
            let group = |name: &str| Group {
                name: name.to_owned(),
                shape: vec![encoder.latent()],
            };
            writer = Some(target.begin(Columns {
                names: names.is_some(),
                labels: labels.is_some(),
                classes: stream.classes.clone(),
                groups: vec![group("mu"), group("logvar")],
            })?);
        }
        if let Some(writer) = &mut writer {
            writer.write(&Rows {
                names,
                labels,
                values: &[&encoded.mu, &encoded.logvar],
            })?;
        }
        bar.advance(block.images.count)?;
    }
    drop(bar);
    for remark in stream.remarks() {
        console::note(&remark);
    }
    Ok(match writer {
        Some(writer) => writer.finish()?,
        None => 0,
    })
}

/// Encodes blocks of examples as the data have them.
pub(crate) struct BlockEncoder {
    encoder: Encoder,
    settings: Settings,
    scaling: Scaling,
    /// The size of the examples that are given.
    size: ImageSize,
    /// What makes of images the latents that the model is one of, where it is.
    lens: Option<(Encoder, Scaling)>,
    /// Examples that were encoded.
    done: usize,
}

impl BlockEncoder {
    /// That of a run.
    pub(crate) fn of(run: &mut TrainedRun) -> anyhow::Result<Self> {
        let own = run.config.data.image;
        let size = run.lens().map_or(own, |lens| lens.image);
        Ok(Self {
            lens: run.lens().map(Lens::encoder).transpose()?,
            encoder: run.model.encoder()?,
            settings: run.config.training.clone(),
            scaling: run.scaling,
            size,
            done: 0,
        })
    }

    /// Examples that a block has at the best.
    pub(crate) fn rows(&self) -> usize {
        let chunk = self.encoder.chunk();
        (RUNS * chunk)
            .min(VALUES / self.size.dim().max(1))
            .max(chunk)
    }

    /// Dimensions of z.
    pub(crate) fn latent(&self) -> usize {
        self.encoder.latent()
    }

    /// q(z | x) of a block.
    pub(crate) fn encode(&mut self, block: &Block) -> anyhow::Result<Encoded> {
        let images = &block.images;
        if images.size() != self.size {
            return Err(TrainError::ImageSize {
                found: images.size().to_string(),
                expected: self.size.to_string(),
            }
            .into());
        }
        let values = match &mut self.lens {
            Some((lens, scaling)) => {
                let mu = lens.encode(&scaling.model_values(&images.pixels), None)?.mu;
                self.scaling.model_values(&mu.into())
            }
            None => {
                let done = self.done;
                let number = |place: usize| done + place;
                let place = (self.size, &number as _);
                given_values(&self.settings, &self.scaling, &images.pixels, place)?
            }
        };
        self.done += images.count;
        Ok(self.encoder.encode(&values, block.labels.as_deref())?)
    }
}
