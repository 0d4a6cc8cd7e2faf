//! How a model is measured, and what comes of it.

use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use vae_wgpu::checkpoint::{CheckpointError, RunDir, Which};
use vae_wgpu::data::{Dataset, Split};
use vae_wgpu::eval::disentangle::{self, Samples};
use vae_wgpu::eval::{
    Annealing, Confusion, Labelled, Measure, NATS, most_probable, numbers, probes,
};
use vae_wgpu::executor::Rows;
use vae_wgpu::train::{EpochMetrics, Part, evaluated_rows};

use crate::cli::classify::check_labels;
use crate::cli::failure::Usage;
use crate::cli::options::{self, AdapterOption};
use crate::cli::run::TrainedRun;
use crate::cli::{console, interrupt};

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
    /// Epochs of the run when it was measured.
    pub(crate) epochs: u32,
    pub(crate) data: String,
    pub(crate) split: String,
    pub(crate) images: usize,
    pub(crate) samples: u32,
    pub(crate) seed: u64,
    pub(crate) adapter: String,
    pub(crate) measures: Vec<Measure>,
    /// Of each latent dimension, in nats; none where it has no closed form.
    #[serde(
        default,
        deserialize_with = "numbers",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub(crate) kl_of_dimensions: Vec<f64>,
    /// Of μ over the images, of each latent dimension.
    #[serde(deserialize_with = "numbers")]
    pub(crate) variances: Vec<f64>,
}

impl How {
    /// Refuses what cannot be measured of a model, before its data are loaded.
    pub(super) fn check(&self, run: &TrainedRun) -> Result<(), Usage> {
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
        if let (Some(labels), Some(_)) = (&split.labels, vae.classifier()) {
            check_labels(labels, vae.config().classes)?;
        }
        let size = split.images.size();
        let bar = bar(rows.count(), "images")?;
        let mut done = |images: usize| {
            interrupt::end_if_signalled();
            bar.set_position(images as u64);
        };
        let samples = self.samples as usize;
        let measures = run.model.measures(&rows, size, samples, &mut done)?;
        bar.finish_and_clear();
        let mut list = measures.list;
        list.extend(self.by_annealing(run, &rows)?);
        list.extend(errors(run, &rows, &split)?);
        list.extend(self.of_mu(run, (data, &split), &measures.mu, adapter)?);
        Ok(Findings {
            run: run.dir.path().to_owned(),
            checkpoint: which.to_string(),
            epochs: epochs_of(&run.dir)?,
            data: data.name.clone(),
            split: self.split.name().to_owned(),
            images: rows.count(),
            samples: self.samples,
            seed: self.seed,
            adapter: run.model.executor().name(),
            measures: list,
            kl_of_dimensions: measures.kl_of_dimensions.unwrap_or_default(),
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
        let mut done = |temperatures: usize| {
            interrupt::end_if_signalled();
            bar.set_position(temperatures as u64);
        };
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

    /// What μ knows of labels and factors that it was not told, where the data have some.
    fn of_mu(
        &self,
        run: &mut TrainedRun,
        (data, split): (&Dataset, &Split),
        mu: &[f32],
        adapter: &AdapterOption,
    ) -> anyhow::Result<Vec<Measure>> {
        let mut list = Vec::new();
        // Images that classifiers were fitted to say nothing of them.
        if self.split == WhichSplit::Train || !run.model.encodes_without_labels() {
            return Ok(list);
        }
        let train = &data.train;
        let labels = train.labels.as_deref().zip(split.labels.as_deref());
        let factors = train.factors.as_ref().zip(split.factors.as_ref());
        if labels.is_none() && factors.is_none() {
            return Ok(list);
        }
        let (vae, settings) = (run.model.vae(), &run.config.training);
        let rows = evaluated_rows(vae, settings, &run.scaling, train, Part::Training)?;
        let images = run.model.seen(rows.floats(0..rows.count()))?;
        let of_train = run.model.encode(&images, None)?.mu;
        let dims = run.model.vae().config().latent_dim;
        if let Some((known, labels)) = labels {
            let train = Labelled {
                mu: &of_train,
                labels: known,
            };
            let both = [train, Labelled { mu, labels }];
            list.extend(probes(both, dims, self.seed, |of| {
                options::open(adapter, of.parameters(), self.seed)
            })?);
        }
        if let Some((known, of_split)) = factors {
            // Of all images, those of training too: of all together the factors are independent of each other.
            let mu = [&of_train, mu].concat();
            let factors = known.joined(of_split);
            match disentangle::scores(&mu, dims, &factors, Samples::default(), self.seed) {
                Ok(scores) => list.extend(scores.measures()),
                Err(error) => console::warning(&format!("no scores of disentanglement: {error}")),
            }
        }
        Ok(list)
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
    let found = most_probable(&log_q, classes);
    let rate = Confusion::of(labels, &found, classes).error_rate();
    Ok(Some(Measure::new("error_rate", 100.0 * rate, "%")))
}

/// Epochs that a run has done.
pub(crate) fn epochs_of(dir: &RunDir) -> Result<u32, CheckpointError> {
    let metrics = dir.read_metrics::<EpochMetrics>()?;
    Ok(metrics.last().map_or(0, |last| last.epoch))
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
