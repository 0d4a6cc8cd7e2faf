//! What scores say together.

use std::path::PathBuf;

use serde::Serialize;
use vae_wgpu::data::Labels;
use vae_wgpu::eval::{ScoreBy, auroc};

use super::examples::{Opened, Scored};
use super::threshold::Threshold;
use crate::cli::console;
use crate::cli::failure::Usage;
use crate::cli::run::TrainedRun;

/// What `--json` prints.
#[derive(Serialize)]
pub(super) struct Findings {
    run: PathBuf,
    data: String,
    examples: usize,
    #[serde(flatten)]
    by: ScoreBy,
    seed: u64,
    adapter: String,
    /// The mean of the scores, in nats.
    mean: f64,
    pub(super) threshold: Threshold,
    /// Examples whose scores are above it.
    above: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    outliers: Option<Outliers>,
    #[serde(skip)]
    scores: Vec<f64>,
    /// Which labels are outliers', and whether each example is one.
    #[serde(skip)]
    marked: Option<([bool; 256], Vec<bool>)>,
}

/// How well scores tell outliers from others.
#[derive(Serialize)]
struct Outliers {
    labels: String,
    count: usize,
    /// None without outliers or without others.
    auroc: Option<f64>,
}

impl Findings {
    /// Of examples that are still to come, without a threshold so far.
    pub(super) fn new(
        run: &TrainedRun,
        opened: &Opened,
        (by, seed): (ScoreBy, u64),
        outliers: Option<&Labels>,
    ) -> anyhow::Result<Self> {
        let marked =
            outliers.map(|labels| labels.chosen(&opened.examples.name, &opened.examples.classes));
        Ok(Self {
            run: run.dir.path().to_owned(),
            data: opened.examples.name.clone(),
            examples: 0,
            by,
            seed,
            adapter: run.model.executor().name(),
            mean: 0.0,
            threshold: Threshold::given(f64::INFINITY),
            above: 0,
            outliers: outliers.map(|labels| Outliers {
                labels: labels.to_string(),
                count: 0,
                auroc: None,
            }),
            scores: Vec::new(),
            marked: marked.transpose()?.map(|marked| (marked, Vec::new())),
        })
    }

    /// Adds examples.
    pub(super) fn add(&mut self, examples: &Scored<'_>) -> Result<(), Usage> {
        self.scores.extend_from_slice(examples.scores);
        let Some((marked, is_outlier)) = &mut self.marked else {
            return Ok(());
        };
        let labels = examples.labels.ok_or_else(|| {
            let message = "the examples have no labels by which --outlier could tell them; leave it out, or score data \
                           with labels";
            Usage(message.to_owned())
        })?;
        is_outlier.extend(labels.iter().map(|&label| marked[usize::from(label)]));
        Ok(())
    }

    /// All examples are there.
    pub(super) fn end(&mut self) {
        self.examples = self.scores.len();
        self.mean = self.scores.iter().sum::<f64>() / self.examples.max(1) as f64;
        let nats = self.threshold.nats;
        self.above = self.scores.iter().filter(|&&score| score > nats).count();
        if let (Some(outliers), Some((_, is_outlier))) = (&mut self.outliers, &self.marked) {
            outliers.count = is_outlier.iter().filter(|&&is| is).count();
            outliers.auroc = auroc(&self.scores, is_outlier);
        }
    }

    /// How many examples there are.
    pub(super) fn count(&self) -> usize {
        self.examples
    }

    /// The same for people.
    pub(super) fn text(&self) -> String {
        let thousands = |count: usize| console::thousands(count as f64);
        let draws = match self.by.samples() {
            Some(1) => " (1 draw)".to_owned(),
            Some(samples) => format!(" ({} draws)", thousands(samples)),
            None => String::new(),
        };
        let mut lines = vec![format!(
            "{} examples of {}, scored by {}{draws}, on {}: {:.2} nats in the mean",
            thousands(self.examples),
            self.data,
            self.by.name(),
            self.adapter,
            self.mean
        )];
        let of = self.threshold.of.as_ref().map(|of| {
            let examples = thousands(of.examples);
            let share = of.asked.quantile;
            format!(", the {share} quantile of {examples} training examples")
        });
        lines.push(format!(
            "{} above {:.2} nats{} ({:.1} %)",
            thousands(self.above),
            self.threshold.nats,
            of.unwrap_or_default(),
            100.0 * self.above as f64 / self.examples.max(1) as f64
        ));
        lines.extend(self.outliers.as_ref().map(|outliers| {
            let (labels, count) = (&outliers.labels, thousands(outliers.count));
            let others = thousands(self.examples - outliers.count);
            match outliers.auroc {
                Some(auroc) => format!(
                    "AUROC {auroc:.4}: {count} examples of the labels {labels} from {others} others"
                ),
                None => format!(
                    "no AUROC: {count} examples have one of the labels {labels}, and {others} another"
                ),
            }
        }));
        lines.join("\n")
    }
}
