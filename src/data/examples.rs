//! Examples that arrive block by block, for whoever goes through data once and keeps none of them.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::table::Schema;
use super::{DataError, Dataset, Images, LoadOptions, Progress, Source, Split, load, path};

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

    /// What was left out so far, in a sentence: what is broken, where that was asked for, or words that nobody knows.
    fn left_out(&self) -> Option<String> {
        None
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
        }
    }

    /// A part of a data set in memory.
    fn of(data: Dataset, part: Part) -> Self {
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
    fn total(&self) -> Option<usize> {
        self.examples.total()
    }

    fn next_block(&mut self, most: usize) -> Result<Option<Block>, DataError> {
        let mut block = self.examples.next_block(most)?;
        if let (true, Some(block)) = (self.transpose, &mut block) {
            block.images.transpose();
        }
        Ok(block)
    }

    fn left_out(&self) -> Option<String> {
        self.examples.left_out()
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
