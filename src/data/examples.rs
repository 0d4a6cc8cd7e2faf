//! Examples that arrive block by block, for whoever goes through data once and keeps none of them.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::table::Schema;
use super::{
    DataError, Dataset, Images, Labels, LabelsError, LoadOptions, Progress, Source, Split, load,
    path,
};

/// Which examples of a data set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// Those to train on.
    Train,
    /// Those to measure with.
    Test,
    /// All: those to train on, then those to measure with, where the data have both; where they have not, all in their
    /// order, and nothing is held out.
    #[default]
    All,
}

/// Some examples that follow one another.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Their values.
    pub images: Images,
    /// A class for each, where the data have labels.
    pub labels: Option<Vec<u8>>,
    /// What each is called, such as its file's path within a folder, where it has a name.
    pub names: Option<Vec<String>>,
}

/// Examples in the order in which the data have them.
pub trait Examples {
    /// How many there are in all, where the data say it before they are read.
    fn total(&self) -> Option<usize>;

    /// The next examples, at most so many and at least one; `None` at the end.
    ///
    /// # Errors
    /// Where they cannot be read, or are none that the data's beginning promised.
    fn next_block(&mut self, most: usize) -> Result<Option<Block>, DataError>;

    /// What the user should be told of those that were read until now, a sentence each.
    fn remarks(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The examples of a [`Source`], and what is known of them all.
///
/// It is [`Examples`] itself.
pub struct Stream {
    /// What to call the data: the name of the set, or of the folder or file.
    pub name: String,
    /// What the user should be told of them: a sentence each.
    pub notes: Vec<String>,
    /// The words for the classes of the labels; none where the data number them.
    pub classes: Vec<String>,
    /// What the columns of the rows mean, where they are those of a table.
    pub table: Option<Arc<Schema>>,
    pub(super) examples: Box<dyn Examples + Send>,
    /// Whether rows and columns of the images are exchanged.
    pub(super) transpose: bool,
    /// Of which labels examples are handed out, where not of all.
    pub(super) kept: Option<[bool; 256]>,
}

impl Block {
    /// The examples at these places of the block, in their order.
    ///
    /// # Panics
    /// Where there are fewer examples.
    #[must_use]
    pub fn chosen(&self, places: &[usize]) -> Self {
        let labels = self.labels.as_ref();
        let names = self.names.as_ref();
        Self {
            images: self.images.chosen(places),
            labels: labels.map(|labels| places.iter().map(|&at| labels[at]).collect()),
            names: names.map(|names| places.iter().map(|&at| names[at].clone()).collect()),
        }
    }

    /// Which of its examples have one of these labels; none where there are no labels.
    pub fn of_labels(&self, chosen: &[bool; 256]) -> Vec<usize> {
        let labels = self.labels.iter().flatten().enumerate();
        let of = labels.filter(|(_, label)| chosen[usize::from(**label)]);
        of.map(|(place, _)| place).collect()
    }
}

impl Stream {
    /// Examples of data of this name, of which nothing else is to be said.
    pub fn new(name: String, examples: Box<dyn Examples + Send>) -> Self {
        Self {
            name,
            notes: Vec::new(),
            classes: Vec::new(),
            table: None,
            examples,
            transpose: false,
            kept: None,
        }
    }

    /// Hands out the examples of these labels alone, from now on; those of data without labels are none of them.
    ///
    /// # Errors
    /// Where a word is no label of the data.
    pub fn keep_only(&mut self, labels: &Labels) -> Result<(), LabelsError> {
        self.kept = Some(labels.chosen(&self.name, &self.classes)?);
        Ok(())
    }

    /// A part of a data set in memory.
    pub fn of(data: Dataset, part: Part) -> Self {
        let splits = match part {
            Part::Train => vec![data.train],
            Part::Test => vec![data.test],
            Part::All => vec![data.train, data.test],
        };
        Self {
            notes: data.notes,
            classes: data.classes,
            table: data.table,
            ..Self::new(data.name, Box::new(Chain::of_splits(splits)))
        }
    }
}

impl Examples for Stream {
    /// Of some labels alone it is not known.
    fn total(&self) -> Option<usize> {
        let total = self.examples.total();
        total.filter(|_| self.kept.is_none())
    }

    fn next_block(&mut self, most: usize) -> Result<Option<Block>, DataError> {
        loop {
            let Some(mut block) = self.examples.next_block(most)? else {
                return Ok(None);
            };
            if let Some(kept) = &self.kept {
                let places = block.of_labels(kept);
                if places.is_empty() {
                    continue;
                }
                block = block.chosen(&places);
            }
            if self.transpose {
                block.images.transpose();
            }
            return Ok(Some(block));
        }
    }

    fn remarks(&self) -> Vec<String> {
        self.examples.remarks()
    }
}

// The examples are not read to be shown.
impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("name", &self.name)
            .field("total", &self.total())
            .finish_non_exhaustive()
    }
}

/// Opens the examples of a source, to be read block by block in the order in which the data have them; `progress` hears
/// of downloads only.
///
/// Of [`Part::All`] of pictures or of a file of arrays no more than a block is in memory at a time. The other parts, the sets with a
/// name and IDX files are loaded as [`load`] does.
///
/// ```
/// use vae_wgpu::data::{Examples, LoadOptions, Part, Source, examples};
///
/// let mut digits = examples(&Source::Digits, &LoadOptions::default(), Part::Test, &mut |_| {})?;
/// let mut count = 0;
/// while let Some(block) = digits.next_block(256)? {
///     count += block.images.count;
/// }
/// assert_eq!(Some(count), digits.total());
/// # Ok::<(), vae_wgpu::data::DataError>(())
/// ```
///
/// # Errors
/// As [`load`].
pub fn examples(
    source: &Source,
    options: &LoadOptions,
    part: Part,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Stream, DataError> {
    match (source, part) {
        (Source::Path(path), Part::All) => {
            let mut stream = path::examples(path, options, progress)?;
            stream.transpose = options.transpose && source.has_images();
            Ok(stream)
        }
        _ => Ok(Stream::of(load(source, options, progress)?, part)),
    }
}

/// Examples that lie in memory.
#[derive(Debug)]
pub struct InMemory<'a> {
    split: Cow<'a, Split>,
    /// Examples that have been handed out.
    done: usize,
}

impl<'a> From<&'a Split> for InMemory<'a> {
    fn from(split: &'a Split) -> Self {
        let split = Cow::Borrowed(split);
        Self { split, done: 0 }
    }
}

impl From<Split> for InMemory<'_> {
    fn from(split: Split) -> Self {
        let split = Cow::Owned(split);
        Self { split, done: 0 }
    }
}

impl Examples for InMemory<'_> {
    fn total(&self) -> Option<usize> {
        Some(self.split.images.count)
    }

    fn next_block(&mut self, most: usize) -> Result<Option<Block>, DataError> {
        let here = most.min(self.split.images.count - self.done);
        if here == 0 {
            return Ok(None);
        }
        let numbers: Vec<_> = (self.done..self.done + here).collect();
        let labels = self.split.labels.as_deref();
        let block = Block {
            images: self.split.images.chosen(&numbers),
            labels: labels.map(|labels| labels[self.done..][..here].to_vec()),
            names: None,
        };
        self.done += here;
        Ok(Some(block))
    }
}

/// Examples of several parts, one after the other.
pub(super) struct Chain {
    parts: Vec<Box<dyn Examples + Send>>,
    /// Parts that have ended.
    done: usize,
}

impl Chain {
    /// Of these parts.
    pub(super) fn of(parts: Vec<Box<dyn Examples + Send>>) -> Self {
        Self { parts, done: 0 }
    }

    /// Of parts in memory.
    pub(super) fn of_splits(splits: Vec<Split>) -> Self {
        let parts = splits.into_iter();
        Self::of(
            parts
                .map(|split| Box::new(InMemory::from(split)) as _)
                .collect(),
        )
    }
}

impl Examples for Chain {
    fn total(&self) -> Option<usize> {
        self.parts.iter().map(|part| part.total()).sum()
    }

    fn next_block(&mut self, most: usize) -> Result<Option<Block>, DataError> {
        while let Some(part) = self.parts.get_mut(self.done) {
            if let Some(block) = part.next_block(most)? {
                return Ok(Some(block));
            }
            self.done += 1;
        }
        Ok(None)
    }
}
