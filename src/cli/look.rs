//! What the commands share that draw what a run's model has learned: the run, its test images with their labels, and
//! the picture.

use std::path::PathBuf;

use image::DynamicImage;
use vae_wgpu::data::{Dataset, ImageSize, Split};
use vae_wgpu::model::{Condition, Vae, VaeError};
use vae_wgpu::plot::{self, Bands, PlotError};
use vae_wgpu::train::TrainError;

use super::failure::Usage;
use super::options::{AdapterOption, DataOptions};
use super::output::Output;
use super::pictures::Shown;
use super::run::{RunArg, TrainedRun};

/// Draws from a prior that has no moments in closed form, by which these are measured.
pub(crate) const MOMENT_DRAWS: usize = 4096;

/// Of which run, of which images, and where the picture goes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LookArgs {
    #[command(flatten)]
    run: RunArg,
    /// Where it goes: FILE.png, or - for a PNG on standard output [default: a file in RUN/samples named as the command]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    data: DataOptions,
    #[command(flatten)]
    adapter: AdapterOption,
}

impl LookArgs {
    /// Opens the run and its data; `name` is the picture's, where nobody named another, and `seed` the key of draws.
    pub(crate) fn open(self, name: &'static str, seed: u64) -> anyhow::Result<Look> {
        let found = self.run.find()?;
        let given = self.output.as_deref();
        let given = given
            .map(|path| Output::picture(path, found.dir.path()))
            .transpose()?;
        let mut run = TrainedRun::open(found, &self.adapter, seed)?;
        let data = run.data(self.data)?;
        check_labels(run.model.vae(), &data.test)?;
        let shown = run.shown();
        Ok(Look {
            run,
            data,
            shown,
            given,
            name,
        })
    }
}

/// Whether every image that is encoded has a label that the model can read, where it reads them.
pub(crate) fn check_labels(vae: &Vae, split: &Split) -> Result<(), TrainError> {
    let config = vae.config();
    let (condition, classes) = (config.condition, config.classes);
    if condition == Condition::None {
        return Ok(());
    }
    let labels = split.labels.as_deref().unwrap_or_default();
    if labels.is_empty() {
        return Err(VaeError::NoLabels { condition }.into());
    }
    match labels.iter().find(|&&label| usize::from(label) >= classes) {
        Some(&label) => Err(TrainError::Label { label, classes }),
        None => Ok(()),
    }
}

/// An open run and its test images.
pub(crate) struct Look {
    pub(crate) run: TrainedRun,
    pub(crate) data: Dataset,
    shown: Shown,
    given: Option<Output>,
    name: &'static str,
}

impl Look {
    /// How many test images there are.
    pub(crate) fn count(&self) -> usize {
        self.data.test.images.count
    }

    /// Dimensions of z.
    pub(crate) fn latent(&self) -> usize {
        self.run.model.vae().config().latent_dim
    }

    /// The labels of the test images, where they have some.
    pub(crate) fn labels(&self) -> Option<&[u8]> {
        self.data.test.labels.as_deref().filter(|l| !l.is_empty())
    }

    /// The labels of the test images; `why` says what they are needed for.
    pub(crate) fn labels_for(&self, why: &str) -> Result<&[u8], Usage> {
        self.labels().ok_or_else(|| {
            Usage(format!(
                "the test images have no labels, and {why}; choose data that have some (--data)"
            ))
        })
    }

    /// An image by its number, where there is one.
    pub(crate) fn check_image(&self, flag: &str, number: usize) -> Result<(), Usage> {
        let count = self.count();
        if number < count {
            return Ok(());
        }
        Err(Usage(format!(
            "{flag} {number} is none of the {count} test images: choose from 0 to {}",
            count.saturating_sub(1)
        )))
    }

    /// Values of these test images as the model sees them, and their labels.
    fn values(&self, which: &[usize]) -> (Vec<f32>, Option<Vec<u8>>) {
        let images = &self.data.test.images;
        let pixels = images.chosen(which).pixels;
        let labels = self.labels();
        let labels = labels.map(|all| which.iter().map(|&index| all[index]).collect());
        (self.run.scaling.model_values(&pixels), labels)
    }

    /// Shades of these test images.
    pub(crate) fn images(&mut self, which: &[usize]) -> anyhow::Result<Vec<f32>> {
        let (values, _) = self.values(which);
        self.shown.shades(values)
    }

    /// q(z | x) of these test images.
    pub(crate) fn encode(&mut self, which: &[usize]) -> anyhow::Result<vae_wgpu::eval::Encoded> {
        let (values, labels) = self.values(which);
        Ok(self.run.model.encode(&values, labels.as_deref())?)
    }

    /// q(z | x) of all test images.
    pub(crate) fn encode_all(&mut self) -> anyhow::Result<vae_wgpu::eval::Encoded> {
        let all: Vec<_> = (0..self.count()).collect();
        self.encode(&all)
    }

    /// Shades of E[x | z], with a label each where the decoder reads them.
    pub(crate) fn decode(&mut self, z: &[f32], labels: &[u8]) -> anyhow::Result<Vec<f32>> {
        let reads = self.run.model.vae().config().condition.decoder();
        let values = self.run.model.decode(z, reads.then_some(labels))?;
        self.shown.shades(values)
    }

    /// The prior's mean and deviations, of a label where the model reads one.
    pub(crate) fn prior(&mut self, label: u8) -> anyhow::Result<vae_wgpu::eval::PriorMoments> {
        Ok(self.run.model.prior_moments(MOMENT_DRAWS, Some(label))?)
    }

    /// Draws rows of `columns` images, as enlarged as there is room for, and says where.
    pub(crate) fn draw(
        self,
        shades: &[f32],
        columns: usize,
        bands: Bands,
        what: &str,
    ) -> anyhow::Result<()> {
        let picture = banded(shades, self.shown.size(), columns, bands)?;
        self.write(&picture, what)
    }

    /// Writes the picture and says where.
    pub(crate) fn write(self, picture: &DynamicImage, what: &str) -> anyhow::Result<()> {
        let output = match self.given {
            Some(output) => output,
            None => Output::among_samples(&self.run.dir, self.name)?,
        };
        output.write_picture(picture)?;
        output.report(what, &self.run.model.executor().name());
        Ok(())
    }
}

/// Rows of `columns` images of this size, as enlarged as there is room for.
pub(crate) fn banded(
    shades: &[f32],
    size: ImageSize,
    columns: usize,
    bands: Bands,
) -> anyhow::Result<DynamicImage> {
    let images: Vec<_> = shades.chunks(size.dim()).collect();
    for scale in (1..=plot::default_scale(size)).rev() {
        match plot::banded(&images, size, columns, bands, scale) {
            Err(PlotError::TooLarge { .. }) => {}
            picture => return Ok(picture?),
        }
    }
    Err(Usage(format!(
        "{} images are too many for one picture; ask for fewer of them",
        images.len()
    ))
    .into())
}
