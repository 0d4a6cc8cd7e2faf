//! From which score on an example is marked: nats that somebody gives, or a quantile of the training examples.

use std::fs;

use serde::{Deserialize, Serialize};
use vae_wgpu::checkpoint::write_text;
use vae_wgpu::data::Examples;
use vae_wgpu::eval::{ScoreBy, Scorer, quantile};

use super::examples::{Opened, WhichPart};
use crate::cli::console;
use crate::cli::failure::Usage;
use crate::cli::options::DataOptions;
use crate::cli::run::TrainedRun;

/// What a threshold that is a quantile follows from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Asked {
    #[serde(flatten)]
    pub(super) by: ScoreBy,
    pub(super) seed: u64,
    pub(super) quantile: f64,
    /// Training examples that it is of, at the most.
    pub(super) most: usize,
    /// The step of the checkpoint.
    pub(super) step: String,
}

/// A threshold, and what it is a quantile of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Threshold {
    /// Scores above it are marked.
    pub(super) nats: f64,
    #[serde(default, flatten, skip_serializing_if = "Option::is_none")]
    pub(super) of: Option<Quantile>,
}

/// A quantile of training examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Quantile {
    #[serde(flatten)]
    pub(super) asked: Asked,
    /// Training examples that it is of.
    pub(super) examples: usize,
}

/// The file of a run that keeps it.
pub(crate) const FILE: &str = "threshold.json";

impl Threshold {
    /// One that somebody gives.
    pub(super) fn given(nats: f64) -> Self {
        Self { nats, of: None }
    }

    /// The quantile of the run's training examples: what the run keeps where it is of the same checkpoint and draws, else
    /// computed, and kept.
    pub(super) fn of_run(
        run: &mut TrainedRun,
        asked: Asked,
        scorer: &mut Scorer,
        options: &DataOptions,
    ) -> anyhow::Result<Self> {
        let path = run.dir.path().join(FILE);
        let kept = fs::read(&path).ok();
        let kept = kept.and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        let is_same = |kept: &Self| kept.of.as_ref().is_some_and(|of| of.asked == asked);
        if let Some(kept) = kept.filter(is_same) {
            return Ok(kept);
        }
        let scores = training_scores(run, asked.most, scorer, options)?;
        let nats = quantile(&scores, asked.quantile).ok_or_else(|| {
            Usage(
                "the scores of the run's training examples are no numbers, so that they have no quantile; give a \
                 --threshold"
                    .to_owned(),
            )
        })?;
        let found = Self {
            nats,
            of: Some(Quantile {
                asked,
                examples: scores.len(),
            }),
        };
        let text = serde_json::to_string_pretty(&found)?;
        if let Err(error) = write_text(&path, &format!("{text}\n")) {
            // It is as good where the run's folder cannot be written.
            console::warning(&format!("the threshold could not be kept: {error}"));
        }
        Ok(found)
    }
}

/// Scores of at most so many of the run's own training examples, every so many of them.
fn training_scores(
    run: &mut TrainedRun,
    most: usize,
    scorer: &mut Scorer,
    options: &DataOptions,
) -> anyhow::Result<Vec<f64>> {
    let mut own = options.clone();
    own.data = None;
    own.only.clone_from(&run.config.data.only);
    let opened = Opened::open(run, own, Some(WhichPart::Train));
    let mut opened = opened.map_err(|error| {
        error.context(
            "the threshold is a quantile of the run's own training examples, which cannot be loaded; put them back, or \
             give it yourself (--threshold NATS)",
        )
    })?;
    let every = opened
        .examples
        .total()
        .map_or(1, |total| total.div_ceil(most).max(1));
    let mut scores = Vec::new();
    opened.score(run, scorer, (every, "training examples"), &mut |examples| {
        scores.extend_from_slice(examples.scores);
        Ok(scores.len() < most)
    })?;
    scores.truncate(most);
    Ok(scores)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Read back it is the same, so that a run's threshold is taken up and not computed again.
    #[test]
    fn a_threshold_is_read_as_it_was_kept() {
        for by in [
            ScoreBy::LogLikelihood { samples: 7 },
            ScoreBy::Reconstruction,
        ] {
            let kept = Threshold {
                nats: -1.25,
                of: Some(Quantile {
                    asked: Asked {
                        by,
                        seed: 3,
                        quantile: 0.99,
                        most: 10,
                        step: "40".to_owned(),
                    },
                    examples: 9,
                }),
            };
            let text = serde_json::to_string(&kept).unwrap();
            assert_eq!(
                serde_json::from_str::<Threshold>(&text).unwrap(),
                kept,
                "{text}"
            );
        }
        let given: Threshold = serde_json::from_str(r#"{"nats": 2.0}"#).unwrap();
        assert_eq!(given, Threshold::given(2.0));
    }
}
