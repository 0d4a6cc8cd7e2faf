//! The examples that are scored, block by block.

use vae_wgpu::data::{Block, Examples, Part, Stream};
use vae_wgpu::eval::Scorer;
use vae_wgpu::train::{self, TrainError};

use crate::cli::options::DataOptions;
use crate::cli::progress::Counting;
use crate::cli::run::TrainedRun;

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

impl From<WhichPart> for Part {
    fn from(part: WhichPart) -> Self {
        match part {
            WhichPart::Train => Self::Train,
            WhichPart::Test => Self::Test,
            WhichPart::All => Self::All,
        }
    }
}

/// Examples that are scored, and what is known of them all.
pub(super) struct Opened {
    pub(super) examples: Stream,
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

impl Opened {
    /// Opens a part of the data that the options name, else of those that the run was trained on, with all labels that
    /// the options do not leave out.
    pub(super) fn open(
        run: &mut TrainedRun,
        mut options: DataOptions,
        part: Option<WhichPart>,
    ) -> anyhow::Result<Self> {
        let only = options.only.take();
        options.all_labels = true;
        let examples = run.examples(options, part.map(Part::from))?;
        let kept = only.map(|only| only.chosen(&examples.name, &examples.classes));
        let kept = kept.transpose()?;
        Ok(Self { examples, kept })
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
        let bar = Counting::begin(self.examples.total(), what)?;
        let mut first = 0;
        while let Some(block) = self.examples.next_block(most)? {
            let count = block.images.count;
            check_size(run, &block)?;
            let mut kept = match &self.kept {
                Some(kept) => block.of_labels(kept),
                None => (0..count).collect(),
            };
            kept.retain(|example| (first + example).is_multiple_of(every));
            let block = match kept.len() == count {
                true => block,
                false => block.chosen(&kept),
            };
            let numbers: Vec<_> = kept.iter().map(|example| first + example).collect();
            first += count;
            bar.advance(count)?;
            if numbers.is_empty() {
                continue;
            }
            let values = train::scored_values(
                &run.config.training,
                &run.scaling,
                &block.images.pixels,
                run.config.data.image,
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
        Ok(())
    }
}

/// Refuses images of another size than the model's.
fn check_size(run: &TrainedRun, block: &Block) -> Result<(), TrainError> {
    let (found, expected) = (block.images.size(), run.config.data.image);
    match found == expected {
        true => Ok(()),
        false => Err(TrainError::ImageSize {
            found: found.to_string(),
            expected: expected.to_string(),
        }),
    }
}
