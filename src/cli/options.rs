//! Options that several commands share.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use vae_wgpu::cpu::CpuExecutor;
use vae_wgpu::data::table::{Schema, TableOptions};
use vae_wgpu::data::{
    self, DataError, Dataset, HoldOut, Labels, LoadOptions, Mirror, Part, Source, Stream, Unit,
};
use vae_wgpu::eval;
use vae_wgpu::executor::{Executor, ExecutorError, ParameterSpec};
use vae_wgpu::gpu::AdapterChoice;
use vae_wgpu::machine;
use vae_wgpu::plan::PlanChoice;

use super::config::DataConfig;
use super::console;
use super::failure::Usage;
use super::picture_options::PictureFlags;
use super::table::TableArgs;

/// Which adapter.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct AdapterOption {
    /// What runs the kernels: auto, vulkan, metal, dx12, gl, software, cpu, reference, an index or a
    /// part of a name from `vae adapters`
    #[arg(long, value_name = "ADAPTER")]
    adapter: Option<AdapterChoice>,
    /// Threads that compute where the adapter is cpu; their number changes no result [default: all]
    #[arg(long, value_name = "N", hide_short_help = true)]
    threads: Option<NonZeroUsize>,
    /// How many trainings share the processor.
    #[arg(skip)]
    sharers: Option<NonZeroUsize>,
}

impl AdapterOption {
    /// The same, for one of so many trainings that share the processor's threads.
    pub(crate) fn shared_by(&self, sharers: NonZeroUsize) -> Self {
        let sharers = Some(sharers);
        Self {
            sharers,
            ..self.clone()
        }
    }

    /// Whether the flag says one.
    pub(crate) fn is_given(&self) -> bool {
        self.adapter.is_some()
    }

    /// The device with as many threads as the flag says, or with its share of them.
    pub(crate) fn limit(&self, device: eval::Device) -> anyhow::Result<eval::Device> {
        if !device.is_cpu() {
            if self.threads.is_none() {
                return Ok(device);
            }
            let message = "--threads is for the processor alone, and another adapter computes here: \
                           add --adapter cpu, or leave --threads out";
            return Err(Usage(message.to_owned()).into());
        }
        let threads = self.threads.unwrap_or_else(CpuExecutor::all_threads);
        let sharers = self.sharers.unwrap_or(NonZeroUsize::MIN);
        let share = NonZeroUsize::new(threads.get() / sharers).unwrap_or(NonZeroUsize::MIN);
        Ok(device.with_threads(share))
    }

    /// The flag, else what a file says, else `WGPU_ADAPTER_NAME`, else the best.
    pub(crate) fn resolve(&self, file: Option<AdapterChoice>) -> AdapterChoice {
        let file = file.filter(|choice| *choice != AdapterChoice::Auto);
        let environment = || {
            std::env::var("WGPU_ADAPTER_NAME")
                .ok()
                .filter(|n| !n.is_empty())
        };
        self.adapter
            .clone()
            .or(file)
            .or_else(|| environment().map(AdapterChoice::Name))
            .unwrap_or_default()
    }
}

/// How a step is cut into launches, and what computes its products.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct PlanOption {
    /// How a step is cut into launches: auto, general, fused or two-launch; auto takes what is
    /// fastest for the model and the adapter
    #[arg(long, value_name = "PLAN", hide_short_help = true)]
    plan: Option<PlanChoice>,
    /// Compute large products on the GPU's matrix units, to about f32's accuracy: experimental, and
    /// its speed not yet measured
    #[arg(long, hide_short_help = true)]
    matrix_units: bool,
}

impl PlanOption {
    /// The flag, else what a file says, else auto.
    pub(crate) fn resolve(self, file: Option<PlanChoice>) -> PlanChoice {
        self.plan.or(file).unwrap_or_default()
    }

    /// Whether a device is opened with its matrix units: the flag, else what a file says.
    pub(crate) fn matrix_units(self, file: bool) -> bool {
        self.matrix_units || file
    }
}

/// Opens an executor, and warns of what its user should know.
pub(crate) fn open(
    adapter: &AdapterOption,
    specs: Vec<ParameterSpec>,
    seed: u64,
) -> anyhow::Result<Box<dyn Executor>> {
    let device = adapter.limit(eval::Device::open(&adapter.resolve(None))?)?;
    Ok(executor(device, specs, seed)?)
}

/// An executor on what is open already, with the same warnings.
pub(crate) fn executor(
    device: eval::Device,
    specs: Vec<ParameterSpec>,
    seed: u64,
) -> Result<Box<dyn Executor>, ExecutorError> {
    let opened = device.executor(specs, seed)?;
    if let Some(warning) = &opened.warning {
        console::warning(warning);
    }
    Ok(opened.executor)
}

/// Which data, and where it lies.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct DataOptions {
    /// digits or shapes (built in), mnist, fashion-mnist, kmnist, a folder of pictures (PNG, JPEG, WebP, TIFF, beside each
    /// other or in a folder for each label) or a .zip or .tar of them, a folder of IDX files or one of them, a file of
    /// arrays (.npy, .npz, .safetensors) or a table (.csv, .tsv, .txt, .mtx)
    #[arg(long, value_name = "DATA")]
    pub(crate) data: Option<Source>,
    /// Where named data sets lie [default: the platform's cache folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Fetch a named data set that is not there yet
    #[arg(long)]
    download: bool,
    /// Fetch it from this folder of a web server instead of its own
    #[arg(long, value_name = "URL")]
    mirror: Option<Mirror>,
    /// Exchange rows and columns of the images: EMNIST's are stored column by column
    #[arg(long)]
    pub(crate) transpose: bool,
    /// Hold out this share of the training images for testing, or so many, where there are no test images: drawn
    /// by the seed, of each class in its proportion where there are labels [default: 0.1]
    #[arg(long, value_name = "SHARE|N", allow_negative_numbers = true)]
    pub(crate) holdout: Option<HoldOut>,
    /// Keep the examples of these labels alone, for training and for testing, such as 0-8 or 1,7 or cat,dog
    #[arg(long, value_name = "LABELS")]
    pub(crate) only: Option<Labels>,
    /// Whether the labels that a run kept are no matter, and all are taken of its data.
    #[arg(skip)]
    pub(crate) all_labels: bool,
    /// The most memory that images take on the host and on the device, such as 500MB or 2GiB: more of them stay on the
    /// disk, and are trained on in shuffled windows [default: half of the machine's; a GPU's own]
    #[arg(long, value_name = "SIZE", value_parser = machine::parse_size, hide_short_help = true)]
    pub(crate) data_memory: Option<u64>,
    /// Whether the data are those of a run that does not say what was held out: version 0.1.0 did not look at
    /// labels.
    #[arg(skip)]
    pub(crate) of_old_run: bool,
    /// Which array has what to train on, where a file has several and their names do not say so
    #[arg(long, value_name = "NAME")]
    pub(crate) array: Option<String>,
    #[command(flatten)]
    pub(crate) table: TableArgs,
    /// What the columns of a table are, where a run says it.
    #[arg(skip)]
    pub(crate) schema: Option<Arc<Schema>>,
    #[command(flatten)]
    pub(crate) pictures: PictureFlags,
}

impl DataOptions {
    /// Reads of a run's own data what the run did: the same array, the same labels, and as much held out, unless
    /// something else is asked
    /// for.
    pub(crate) fn repeat(&mut self, run: &DataConfig) {
        self.of_old_run = run.holdout.is_none() && self.holdout.is_none();
        self.holdout = self.holdout.or(run.holdout);
        if !self.all_labels {
            self.only = self.only.take().or_else(|| run.only.clone());
        }
        if self.array.is_none() {
            self.array.clone_from(&run.array);
        }
        self.table.or(run.into());
        self.pictures = self.pictures.or(run.pictures);
    }

    /// What was held out of these data, for a run's configuration.
    pub(crate) fn held_out(&self, data: &Dataset) -> Option<HoldOut> {
        let by_class = data.held_out && !self.of_old_run;
        by_class.then(|| self.holdout.unwrap_or(HoldOut::TENTH))
    }

    /// Loads the data set; `seed` draws what is held out of it.
    pub(crate) fn load(&self, source: &Source, seed: u64) -> anyhow::Result<Dataset> {
        let mut data = self.read(seed, |options, progress| {
            data::load(source, options, progress)
        })?;
        if let Some(only) = &self.only {
            data.keep_only(only)?;
        }
        for note in &data.notes {
            console::note(note);
        }
        Ok(data)
    }

    /// Opens the examples of a part of the data, to be read block by block.
    pub(crate) fn examples(
        &self,
        source: &Source,
        part: Part,
        seed: u64,
    ) -> anyhow::Result<Stream> {
        let stream = self.read(seed, |options, progress| {
            data::examples(source, options, part, progress)
        })?;
        for note in &stream.notes {
            console::note(note);
        }
        Ok(stream)
    }

    /// Reads something with these options; a bar shows a download, and how far pictures are.
    fn read<T>(
        &self,
        seed: u64,
        read: impl FnOnce(&LoadOptions, &mut dyn FnMut(data::Progress<'_>)) -> Result<T, DataError>,
    ) -> anyhow::Result<T> {
        let mut options = LoadOptions {
            download: self.download,
            mirror: self.mirror.clone(),
            transpose: self.transpose,
            array: self.array.clone(),
            pictures: self.pictures.options(),
            seed,
            hold_out: self.holdout,
            by_class: !self.of_old_run,
            table: TableOptions {
                schema: self.schema.clone(),
                only: self.only.clone(),
                ..self.table.options()
            },
            memory: self.data_memory,
            ..LoadOptions::default()
        };
        if let Some(dir) = &self.data_dir {
            options.data_dir.clone_from(dir);
        }
        let bar = ProgressBar::hidden();
        let style = |counted: &str| {
            ProgressStyle::with_template(&format!("{{msg}} {{bar:40}} {counted} {{eta}}"))
                .context("the style of a progress bar")
        };
        let of_bytes = style("{bytes}/{total_bytes}")?;
        let of_pictures = style("{pos}/{len} pictures")?;
        let done = read(&options, &mut |progress| {
            if bar.is_hidden() {
                bar.set_style(match progress.unit {
                    Unit::Bytes => of_bytes.clone(),
                    Unit::Pictures => of_pictures.clone(),
                });
                bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
            }
            bar.set_message(progress.file.to_owned());
            bar.set_length(progress.total.unwrap_or(progress.done));
            bar.set_position(progress.done);
        })?;
        bar.finish_and_clear();
        Ok(done)
    }
}
