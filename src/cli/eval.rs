//! `vae eval`

use std::path::PathBuf;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use vae_wgpu::checkpoint::{RunDir, Which};
use vae_wgpu::data::{Dataset, Split};
use vae_wgpu::eval::{Annealing, Confusion, Labelled, Measure, NATS, most_probable, probes};
use vae_wgpu::executor::Rows;
use vae_wgpu::train::{Part, evaluated_rows};

use super::classify::check_labels;
use super::failure::Usage;
use super::options::{self, AdapterOption, DataOptions};
use super::run::{RunArg, TrainedRun};
use super::{console, text};

/// Measure a run's model: bounds, likelihood, latent, reconstructions, labels
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae eval runs/mnist-1
  vae eval runs/mnist-1 --samples 5000 -n 1000     a tight estimate of ln p(x)
  vae eval runs/mnist-1 --annealed 16              a check of that estimate, of 100 images
  vae eval runs/mnist-1 --data fashion-mnist       what the model thinks of other images
  vae eval runs/mnist-1 --json | jq '.measures[] | select(.name == \"nll\")'

What each figure is, and its paper: docs/measures.md. Of the run's own test images the result is kept in
RUN/eval.json as well.")]
pub(crate) struct Args {
    #[command(flatten)]
    run: RunArg,
    #[command(flatten)]
    how: How,
    /// Print what was found as a JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataOptions,
    #[command(flatten)]
    adapter: AdapterOption,
}

/// How a model is measured.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct How {
    /// Draws of z for each image: the likelihood's estimate comes nearer with more
    #[arg(long, value_name = "K", default_value_t = SAMPLES, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) samples: u32,
    /// The first N images alone [default: all; with --annealed 100]
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) images: Option<u32>,
    /// Estimate ln p(x) also by annealed importance sampling, with so many chains for each image: slow, and
    /// independent of q(z | x)
    #[arg(long, value_name = "CHAINS", value_parser = clap::value_parser!(u32).range(1..=2048))]
    pub(crate) annealed: Option<u32>,
    /// Densities between p(z) and p(z | x) that these chains go through
    #[arg(long, value_name = "N", default_value_t = TEMPERATURES, requires = "annealed", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) temperatures: u32,
    /// Which images of the data
    #[arg(long, value_enum, default_value_t)]
    pub(crate) split: WhichSplit,
    /// Key of all draws: the same seed gives the same digits
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
}

/// Draws of z for each image where nobody said how many.
const SAMPLES: u32 = 100;
/// Densities that chains go through where nobody said how many.
const TEMPERATURES: u32 = 1000;

impl Default for How {
    /// As the flags have it where none is given.
    fn default() -> Self {
        Self {
            samples: SAMPLES,
            images: None,
            annealed: None,
            temperatures: TEMPERATURES,
            split: WhichSplit::default(),
            seed: 0,
        }
    }
}

/// Images to measure with, or to train on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum WhichSplit {
    #[default]
    Test,
    Train,
}

impl WhichSplit {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Train => "train",
        }
    }

    pub(crate) fn of(self, data: &Dataset) -> &Split {
        match self {
            Self::Test => &data.test,
            Self::Train => &data.train,
        }
    }

    fn part(self) -> Part {
        match self {
            Self::Test => Part::Test,
            Self::Train => Part::Training,
        }
    }
}

/// What `--json` prints, and a run keeps.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Findings {
    pub(crate) run: PathBuf,
    pub(crate) checkpoint: String,
    pub(crate) data: String,
    pub(crate) split: String,
    pub(crate) images: usize,
    pub(crate) samples: u32,
    pub(crate) seed: u64,
    pub(crate) adapter: String,
    pub(crate) measures: Vec<Measure>,
    /// Of each latent dimension, in nats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kl_of_dimensions: Option<Vec<f64>>,
    /// Of μ over the images, of each latent dimension.
    pub(crate) variances: Vec<f64>,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let found = self.run.find()?;
        let which = found.which;
        let is_own = self.data.data.is_none();
        let mut run = TrainedRun::open(found, &self.adapter, self.how.seed)?;
        self.how.check(&run)?;
        let data = run.data(self.data)?;
        let findings = self.how.measure((&mut run, which), &data, &self.adapter)?;
        match self.json {
            true => console::result(&serde_json::to_string_pretty(&findings)?),
            false => report(&findings),
        }
        if is_own && self.how.split == WhichSplit::Test {
            keep(&run.dir, &findings);
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl How {
    /// Refuses what cannot be measured of a model, before its data are loaded.
    fn check(&self, run: &TrainedRun) -> Result<(), Usage> {
        if self.annealed.is_none() || run.model.can_be_annealed() {
            return Ok(());
        }
        Err(Usage(format!(
            "--annealed needs p(z) in closed form and labels that are given or not read; the model of {} has \
             stochastic layers above each other or labels in part. Leave it out: --samples estimates ln p(x) too",
            run.dir.path().display()
        )))
    }

    /// Measures the model of a run's checkpoint, which was opened with this seed, with images of these data.
    pub(crate) fn measure(
        &self,
        (run, which): (&mut TrainedRun, Which),
        data: &Dataset,
        adapter: &AdapterOption,
    ) -> anyhow::Result<Findings> {
        let whole = self.split.of(data);
        let usual = match self.annealed {
            Some(_) => ANNEALED,
            None => whole.images.count,
        };
        let split = whole.first(self.images.map_or(usual, |n| n as usize));
        let vae = run.model.vae();
        let settings = &run.config.training;
        let rows = evaluated_rows(vae, settings, &run.scaling, &split, self.split.part())?;
        let size = [split.images.height, split.images.width];
        let bar = bar(rows.count(), "images")?;
        let mut done = |images: usize| bar.set_position(images as u64);
        let samples = self.samples as usize;
        let measures = run.model.measures(&rows, size, samples, &mut done)?;
        bar.finish_and_clear();
        let mut list = measures.list;
        list.extend(self.by_annealing(run, &rows)?);
        list.extend(errors(run, &rows, &split)?);
        list.extend(self.of_labels(run, (data, &split), &measures.mu, adapter)?);
        Ok(Findings {
            run: run.dir.path().to_owned(),
            checkpoint: which.to_string(),
            data: data.name.clone(),
            split: self.split.name().to_owned(),
            images: rows.count(),
            samples: self.samples,
            seed: self.seed,
            adapter: run.model.executor().name(),
            measures: list,
            kl_of_dimensions: measures.kl_of_dimensions,
            variances: measures.variances,
        })
    }

    /// The likelihood by annealed importance sampling, where it is asked for.
    fn by_annealing(
        &self,
        run: &mut TrainedRun,
        rows: &Rows<'_>,
    ) -> anyhow::Result<Option<Measure>> {
        let Some(chains) = self.annealed else {
            return Ok(None);
        };
        let images = run.model.seen(rows.floats(0..rows.count()))?;
        let annealing = Annealing {
            chains: chains as usize,
            temperatures: self.temperatures as usize,
            seed: self.seed,
        };
        let bar = bar(rows.count() * annealing.temperatures, "temperatures")?;
        let mut done = |temperatures: usize| bar.set_position(temperatures as u64);
        let labels = rows.labels.as_deref();
        let found = run.model.annealed(&images, labels, annealing, &mut done)?;
        bar.finish_and_clear();
        if let Some(found) = &found {
            console::aside(&format!(
                "{:.0} % of the trajectories were accepted",
                100.0 * found.acceptance
            ));
        }
        Ok(found.map(|found| Measure::mean("annealed_nll", found.mean(), NATS)))
    }

    /// How well classifiers of μ say the labels, where there are labels that μ was not told.
    fn of_labels(
        &self,
        run: &mut TrainedRun,
        (data, split): (&Dataset, &Split),
        mu: &[f32],
        adapter: &AdapterOption,
    ) -> anyhow::Result<Vec<Measure>> {
        let (Some(known), Some(labels)) = (&data.train.labels, &split.labels) else {
            return Ok(Vec::new());
        };
        // Images that the classifiers were fitted to say nothing of them.
        if self.split == WhichSplit::Train || !run.model.encodes_without_labels() {
            return Ok(Vec::new());
        }
        let rows = evaluated_rows(
            run.model.vae(),
            &run.config.training,
            &run.scaling,
            &data.train,
            Part::Training,
        )?;
        let images = run.model.seen(rows.floats(0..rows.count()))?;
        let encoded = run.model.encode(&images, None)?;
        let train = Labelled {
            mu: &encoded.mu,
            labels: known,
        };
        let dims = run.model.vae().config().latent_dim;
        let found = probes([train, Labelled { mu, labels }], dims, self.seed, |of| {
            options::open(adapter, of.parameters(), self.seed)
        })?;
        Ok(found.into())
    }
}

/// The share of images whose label the model's own classifier does not say, where it has one.
fn errors(run: &mut TrainedRun, rows: &Rows<'_>, split: &Split) -> anyhow::Result<Option<Measure>> {
    let Some(labels) = &split.labels else {
        return Ok(None);
    };
    let images = run.model.seen(rows.floats(0..rows.count()))?;
    let Some(log_q) = run.model.classify(&images)? else {
        return Ok(None);
    };
    let classes = run.model.vae().config().classes;
    check_labels(labels, classes)?;
    let found = most_probable(&log_q, classes);
    let rate = Confusion::of(labels, &found, classes).error_rate();
    Ok(Some(Measure::new("error_rate", 100.0 * rate, "%")))
}

/// Images that chains are run for where nobody said how many.
const ANNEALED: usize = 100;

/// How far so many images, or whatever they are, have come.
fn bar(count: usize, what: &'static str) -> anyhow::Result<ProgressBar> {
    let bar = match console::is_quiet() {
        true => ProgressBar::hidden(),
        false => ProgressBar::new(count as u64),
    };
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg} {eta}")?;
    bar.set_style(style);
    bar.set_message(what);
    Ok(bar)
}

/// Keeps what was found beside the run's other files. It has been printed, so that a folder that cannot be written is worth
/// a warning.
pub(crate) fn keep(dir: &RunDir, findings: &Findings) {
    if let Err(error) = dir.write_evaluation(findings) {
        console::warning(&format!("what was measured could not be kept: {error}"));
    }
}

/// What a figure is called on the terminal.
pub(crate) fn label(name: &str) -> &str {
    match name {
        "negative_elbo" => "−ELBO",
        "kl" => "KL",
        "nll" => "−ln p(x)",
        "annealed_nll" => "−ln p(x) by annealing",
        "gap" => "gap of the two",
        "active_units" => "active units",
        "mutual_information" => "mutual information of x and z",
        "aggregate_kl" => "KL of the aggregate posterior",
        "mse" => "mean squared error",
        "psnr" => "PSNR",
        "ssim" => "SSIM",
        "bits_per_dimension" => "bits per dimension",
        "error_rate" => "errors of its classifier",
        "knn_accuracy" => "5 nearest neighbours on μ",
        "linear_accuracy" => "linear classifier on μ",
        name => name,
    }
}

/// A figure with as many digits as there is a reason for.
pub(crate) fn figure(measure: &Measure) -> String {
    match (measure.unit.as_str(), measure.value) {
        (unit, value) if unit.starts_with("of ") => format!("{value:.0}"),
        ("nats" | "%" | "dB", value) => format!("{value:.2}"),
        (_, value) => format!("{value:.4}"),
    }
}

fn report(findings: &Findings) {
    let images = console::thousands(findings.images as f64);
    let samples = console::thousands(findings.samples.into());
    console::result(&format!(
        "{images} {} images of {}, {samples} draws of z for each, on {}\n",
        findings.split, findings.data, findings.adapter
    ));
    let rows = findings.measures.iter().map(|measure| {
        let error = measure.error.map(|error| {
            let of = Measure {
                value: error,
                ..measure.clone()
            };
            format!("± {}", figure(&of))
        });
        [
            label(&measure.name).to_owned(),
            figure(measure),
            error.unwrap_or_default(),
            measure.unit.clone(),
        ]
    });
    let rows: Vec<_> = rows.collect();
    console::result(&text::table(&rows));
    if let Some(kl) = &findings.kl_of_dimensions {
        let mut order: Vec<usize> = (0..kl.len()).collect();
        order.sort_by(|&a, &b| kl[b].total_cmp(&kl[a]));
        const SHOWN: usize = 20;
        let shown = order.iter().take(SHOWN);
        let shown: Vec<_> = shown.map(|&dim| format!("{dim}: {:.2}", kl[dim])).collect();
        let more = match kl.len() > SHOWN {
            true => ", …",
            false => "",
        };
        console::result(&format!(
            "\nKL of each dimension, largest first: {}{more}",
            shown.join(", ")
        ));
    }
}
