//! Examples that arrive block by block, for whoever goes through data once and keeps none of them.

use super::{DataError, Images, Split};

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
}

/// Examples that lie in memory.
#[derive(Debug)]
pub struct InMemory<'a> {
    split: &'a Split,
    /// Examples that have been handed out.
    done: usize,
}

impl<'a> From<&'a Split> for InMemory<'a> {
    fn from(split: &'a Split) -> Self {
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
