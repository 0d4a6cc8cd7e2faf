//! What an epoch reports.

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// The objective and its named terms: means over images, in nats.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Losses {
    /// What is minimised.
    pub objective: f64,
    /// Its terms in the order of the graph, each with its name: `recon`, `kl`.
    pub terms: Vec<(String, f64)>,
}

impl Losses {
    /// The value of a term, if there is one of this name.
    pub fn term(&self, name: &str) -> Option<f64> {
        let mut terms = self.terms.iter();
        terms.find(|(own, _)| own == name).map(|&(_, value)| value)
    }
}

/// The names of a graph's terms: what the columns of its log of losses are.
#[derive(Clone, Copy, Debug)]
pub struct LossColumns<'a> {
    terms: &'a [String],
}

impl<'a> LossColumns<'a> {
    /// The columns of a graph with these terms.
    pub fn new(terms: &'a [String]) -> Self {
        Self { terms }
    }

    /// Values of a line of the log: the objective, then the terms.
    pub fn width(self) -> usize {
        1 + self.terms.len()
    }

    /// The lines of a log, one for each step.
    pub fn lines(self, log: &[f32]) -> impl ExactSizeIterator<Item = &[f32]> {
        log.chunks(self.width())
    }

    /// One line with its names.
    pub fn losses(self, line: &[f32]) -> Losses {
        self.named(&line.iter().map(|&value| value.into()).collect::<Vec<_>>())
    }

    /// The mean per image over an epoch's log: `count` images in batches of `batch`, the last one
    /// smaller.
    pub fn mean(self, log: &[f32], batch: usize, count: usize) -> Losses {
        let mut sums = vec![0.0; self.width()];
        let mut seen = 0;
        for line in self.lines(log) {
            let rows = batch.min(count - seen);
            for (sum, &value) in sums.iter_mut().zip(line) {
                *sum += f64::from(value) * rows as f64;
            }
            seen += rows;
        }
        for sum in &mut sums {
            *sum /= seen as f64;
        }
        self.named(&sums)
    }

    fn named(self, line: &[f64]) -> Losses {
        let at = |index: usize| line.get(index).copied().unwrap_or(f64::NAN);
        let terms = self.terms.iter().cloned().zip((1..).map(at));
        Losses {
            objective: at(0),
            terms: terms.collect(),
        }
    }
}

/// One line of `metrics.jsonl`: an object with `epoch`, `train_loss`, a `train_TERM` for each term,
/// the same for `test`, `seconds` and `images_per_second`.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochMetrics {
    /// From 1.
    pub epoch: u32,
    /// Means over the epoch's steps, each before its update.
    pub train: Losses,
    /// Means over the test images, after the epoch.
    pub test: Losses,
    /// Time the epoch took in this process, evaluation included.
    pub seconds: f64,
    /// Training images per second, evaluation excluded.
    pub images_per_second: f64,
}

const EPOCH: &str = "epoch";
const SECONDS: &str = "seconds";
const RATE: &str = "images_per_second";
const SPLITS: [&str; 2] = ["train_", "test_"];
/// The objective's column, behind the split's prefix.
const LOSS: &str = "loss";

impl EpochMetrics {
    /// Its figures with the names of `metrics.jsonl`: losses and terms in nats an image, seconds, and images per
    /// second.
    pub fn figures(&self) -> Vec<(String, f64)> {
        let mut figures = Vec::new();
        for (split, losses) in SPLITS.into_iter().zip([&self.train, &self.test]) {
            figures.push((format!("{split}{LOSS}"), losses.objective));
            let terms = losses.terms.iter();
            figures.extend(terms.map(|(term, value)| (format!("{split}{term}"), *value)));
        }
        figures.push((SECONDS.to_owned(), self.seconds));
        figures.push((RATE.to_owned(), self.images_per_second));
        figures
    }
}

impl Serialize for EpochMetrics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry(EPOCH, &self.epoch)?;
        for (name, value) in self.figures() {
            line.serialize_entry(&name, &value)?;
        }
        line.end()
    }
}

impl<'de> Deserialize<'de> for EpochMetrics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Entries(line) = Entries::deserialize(deserializer)?;
        let number = |key: &str| {
            let value = line.iter().find(|(own, _)| own == key);
            let value = value.and_then(|(_, value)| value.as_f64());
            value.ok_or_else(|| D::Error::custom(format!("{key} is no number")))
        };
        let losses = |split: &str| {
            let columns = line.iter().filter_map(|(key, value)| {
                let column = key.strip_prefix(split)?;
                Some((column.to_owned(), value.as_f64()?))
            });
            Ok(Losses {
                objective: number(&format!("{split}{LOSS}"))?,
                terms: columns.filter(|(column, _)| column != LOSS).collect(),
            })
        };
        let [train, test] = SPLITS;
        Ok(Self {
            epoch: number(EPOCH)? as u32,
            train: losses(train)?,
            test: losses(test)?,
            seconds: number(SECONDS)?,
            images_per_second: number(RATE)?,
        })
    }
}

/// What an object holds, in its order.
struct Entries(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_last_batch_counts_for_its_rows() {
        let terms = ["recon", "kl"].map(str::to_owned);
        let log = [10.0, 6.0, 4.0, 20.0, 15.0, 5.0];
        let mean = LossColumns::new(&terms).mean(&log, 3, 4);
        assert_eq!(mean.objective, 12.5);
        assert_eq!(
            [mean.term("recon"), mean.term("kl")],
            [Some(8.25), Some(4.25)]
        );
        assert_eq!(mean.term("bound"), None);
    }

    #[test]
    fn a_line_of_metrics_reads_back_as_it_was() {
        let losses = |objective: f64| Losses {
            objective,
            terms: vec![
                ("recon".to_owned(), 2.0 * objective),
                ("kl".to_owned(), 0.5),
            ],
        };
        let metrics = EpochMetrics {
            epoch: 3,
            train: losses(1.5),
            test: losses(2.5),
            seconds: 0.25,
            images_per_second: 1e6,
        };
        let line = serde_json::to_string(&metrics).unwrap();
        assert_eq!(
            line,
            r#"{"epoch":3,"train_loss":1.5,"train_recon":3.0,"train_kl":0.5,"test_loss":2.5,"test_recon":5.0,"test_kl":0.5,"seconds":0.25,"images_per_second":1000000.0}"#
        );
        assert_eq!(
            serde_json::from_str::<EpochMetrics>(&line).unwrap(),
            metrics
        );
        let without = line.replace("test_loss", "loss");
        let error = serde_json::from_str::<EpochMetrics>(&without).unwrap_err();
        assert!(
            error.to_string().starts_with("test_loss is no number"),
            "{error}"
        );
    }
}
