//! What an epoch reports.

use serde::{Deserialize, Serialize};

/// The objective and its two parts, in nats per image.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Losses {
    /// Reconstruction + KL.
    pub total: f64,
    /// −log p(x | z).
    pub recon: f64,
    /// KL(q(z | x) ‖ p(z)).
    pub kl: f64,
}

impl Losses {
    /// Values of a line of an executor's log: the objective and its terms.
    pub(crate) const LINE: usize = 3;

    /// One line of a log.
    pub fn of_line(line: &[f32]) -> Self {
        let at = |index: usize| line.get(index).copied().map_or(f64::NAN, f64::from);
        Self {
            total: at(0),
            recon: at(1),
            kl: at(2),
        }
    }

    /// The mean per image over an epoch's log: `count` images in batches of `batch`, the last one
    /// smaller.
    pub fn mean_of_log(log: &[f32], batch: usize, count: usize) -> Self {
        let mut sum = Self::default();
        let mut seen = 0;
        for line in log.chunks(Self::LINE) {
            let rows = batch.min(count - seen);
            let line = Self::of_line(line);
            sum.total += line.total * rows as f64;
            sum.recon += line.recon * rows as f64;
            sum.kl += line.kl * rows as f64;
            seen += rows;
        }
        let seen = seen as f64;
        Self {
            total: sum.total / seen,
            recon: sum.recon / seen,
            kl: sum.kl / seen,
        }
    }
}

/// One line of `metrics.jsonl`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// From 1.
    pub epoch: u32,
    /// Mean over the epoch's steps, each before its update; nats per image.
    pub train_loss: f64,
    /// Its reconstruction part.
    pub train_recon: f64,
    /// Its KL part.
    pub train_kl: f64,
    /// Over the test images, after the epoch; nats per image.
    pub test_loss: f64,
    /// Its reconstruction part.
    pub test_recon: f64,
    /// Its KL part.
    pub test_kl: f64,
    /// Time the epoch took in this process, evaluation included.
    pub seconds: f64,
    /// Training images per second, evaluation excluded.
    pub images_per_second: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_last_batch_counts_for_its_rows() {
        let log = [10.0, 6.0, 4.0, 20.0, 15.0, 5.0];
        let mean = Losses::mean_of_log(&log, 3, 4);
        assert_eq!(
            mean,
            Losses {
                total: 12.5,
                recon: 8.25,
                kl: 4.25
            }
        );
    }
}
