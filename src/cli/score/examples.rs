//! The examples that are scored, block by block.

use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use vae_wgpu::data::table::Schema;
use vae_wgpu::data::{Block, Examples, Split};
use vae_wgpu::eval::Scorer;
use vae_wgpu::train::{self, TrainError};

use crate::cli::options::DataOptions;
use crate::cli::run::TrainedRun;
use crate::cli::{console, interrupt};

/// Values of a block at the most.
const VALUES: usize = 1 << 22;
/// Examples of a block at the most.
const EXAMPLES: usize = 1024;

/// Which examples of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum WhichPart {
    Train,
    Test,
    /// Those to train on, then those to measure with
    All,
}

/// Examples that are scored, and what is known of them all.
pub(super) struct Opened {
    /// What the data are called.
    pub(super) name: String,
    /// The words for the classes of the labels; none where they are numbers.
    pub(super) classes: Vec<String>,
    /// What the columns of rows are, where they are those of a table.
    pub(super) table: Option<Arc<Schema>>,
    examples: Box<dyn Examples>,
    /// Of which labels examples are scored, where not of all.
    kept: Option<[bool; 256]>,
}

/// Some examples with their scores.
pub(super) struct Scored<'a> {
    /// The place of each among all examples of the data, from 0.
    pub(super) numbers: &'a [usize],
    /// Values as the model sees them, `[count, dim]`.
    pub(super) values: &'a [f32],
    pub(super) labels: Option<&'a [u8]>,
    pub(super) names: Option<&'a [String]>,
    pub(super) scores: &'a [f64],
}

/// Somebody asked to stop, so that nothing is written.
#[derive(Debug, thiserror::Error)]
#[error("interrupted: nothing was written")]
pub(super) struct Stopped;

impl Opened {
    /// Opens a part of the data that the options name, else of those that the run was trained on.
    pub(super) fn open(
        run: &mut TrainedRun,
        options: DataOptions,
        part: Option<WhichPart>,
    ) -> anyhow::Result<Self> {
        let only = options.only.clone();
        let data = run.data(DataOptions {
            only: None,
            all_labels: true,
            ..options
        })?;
        let kept = only.map(|only| only.chosen(&data.name, &data.classes));
        let parts = match part.unwrap_or(WhichPart::Test) {
            WhichPart::Train => vec![data.train],
            WhichPart::Test => vec![data.test],
            WhichPart::All => vec![data.train, data.test],
        };
        Ok(Self {
            kept: kept.transpose()?,
            examples: Box::new(Parts::new(parts)),
            name: data.name,
            classes: data.classes,
            table: data.table,
        })
    }

    /// How many examples there are, where the data say it.
    pub(super) fn total(&self) -> Option<usize> {
        self.examples.total()
    }

    /// Scores the examples whose place among all is a multiple of `every`, until `take` has had enough; `what` they are
    /// called beside the progress bar.
    pub(super) fn score(
        &mut self,
        run: &TrainedRun,
        scorer: &mut Scorer,
        (every, what): (usize, &'static str),
        take: &mut dyn FnMut(&Scored<'_>) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let dim = run.model.vae().config().input_dim;
        let most = (VALUES / dim.max(1)).clamp(1, EXAMPLES);
        let bar = bar(self.total(), what)?;
        let mut first = 0;
        while let Some(block) = self.examples.next_block(most)? {
            if interrupt::is_signalled() {
                return Err(Stopped.into());
            }
            let count = block.images.count;
            check_size(run, &block)?;
            let kept: Vec<usize> = (0..count)
                .filter(|&example| (first + example).is_multiple_of(every))
                .filter(|&example| self.keeps(&block, example))
                .collect();
            let (block, kept) = chosen(block, kept);
            let numbers: Vec<_> = kept.iter().map(|example| first + example).collect();
            first += count;
            bar.inc(count as u64);
            if numbers.is_empty() {
                continue;
            }
            let shape = [dim, block.images.width];
            let values = train::scored_values(
                &run.config.training,
                &run.scaling,
                &block.images.pixels,
                shape,
                &numbers,
            )?;
            let labels = block.labels.as_deref();
            let scores = scorer.score(&values, labels)?;
            let goes_on = take(&Scored {
                numbers: &numbers,
                values: &values,
                labels,
                names: block.names.as_deref(),
                scores: &scores,
            })?;
            if !goes_on {
                break;
            }
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// Whether an example of a block has one of the labels that are scored.
    fn keeps(&self, block: &Block, example: usize) -> bool {
        match (&self.kept, &block.labels) {
            (None, _) => true,
            (Some(kept), Some(labels)) => kept[usize::from(labels[example])],
            (Some(_), None) => false,
        }
    }
}

/// The examples of a block at these places, with what the places are.
fn chosen(block: Block, kept: Vec<usize>) -> (Block, Vec<usize>) {
    if kept.len() == block.images.count {
        return (block, kept);
    }
    let labels = block.labels.as_ref();
    let names = block.names.as_ref();
    let block = Block {
        images: block.images.chosen(&kept),
        labels: labels.map(|labels| kept.iter().map(|&at| labels[at]).collect()),
        names: names.map(|names| kept.iter().map(|&at| names[at].clone()).collect()),
    };
    (block, kept)
}

/// Refuses images of another size than the model's.
fn check_size(run: &TrainedRun, block: &Block) -> Result<(), TrainError> {
    let dim = run.model.vae().config().input_dim;
    let images = &block.images;
    if images.dim() == dim {
        return Ok(());
    }
    let [height, width] = run.config.data.image;
    Err(TrainError::ImageSize {
        found: format!("{}×{}", images.height, images.width),
        expected: format!("{height}×{width}"),
    })
}

/// How far so many examples have come.
fn bar(total: Option<usize>, what: &'static str) -> anyhow::Result<ProgressBar> {
    if console::is_quiet() {
        return Ok(ProgressBar::hidden());
    }
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total as u64),
            "{wide_bar} {pos}/{len} {msg} {eta}",
        ),
        None => (ProgressBar::new_spinner(), "{spinner} {pos} {msg} {per_sec}"),
    };
    bar.set_style(ProgressStyle::with_template(template)?);
    bar.set_message(what);
    Ok(bar)
}

/// Parts of a data set in memory, one after the other.
struct Parts {
    parts: Vec<Split>,
    /// Examples that have been handed out.
    done: usize,
}

impl Parts {
    fn new(parts: Vec<Split>) -> Self {
        Self { parts, done: 0 }
    }
}

impl Examples for Parts {
    fn total(&self) -> Option<usize> {
        Some(self.parts.iter().map(|part| part.images.count).sum())
    }

    fn next_block(
        &mut self,
        most: usize,
    ) -> Result<Option<Block>, vae_wgpu::data::DataError> {
        let mut done = self.done;
        for part in &self.parts {
            if done >= part.images.count {
                done -= part.images.count;
                continue;
            }
            let here = most.min(part.images.count - done);
            let numbers: Vec<_> = (done..done + here).collect();
            self.done += here;
            let chosen = part.chosen(&numbers);
            return Ok(Some(Block {
                images: chosen.images,
                labels: chosen.labels,
                names: None,
            }));
        }
        Ok(None)
    }
}
