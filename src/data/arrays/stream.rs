//! The examples of a file of arrays, block by block.

use std::path::Path;

use super::place::Place;
use super::reader::Reader;
use super::{Arrays, Format};
use crate::data::{Block, DataError, Examples, LoadOptions, Stream, examples::Chain, table};

/// All examples of a file in its order: those to train on, then those to measure with, where it has both.
pub(in crate::data) fn examples(
    path: &Path,
    format: Format,
    options: &LoadOptions,
) -> Result<Stream, DataError> {
    let arrays = Arrays::open(Place::file(path), format, options)?;
    let mut notes = Vec::new();
    let (train, test) = arrays.readers()?;
    let mut of = |reader: Reader, labels| -> Result<ArrayExamples, DataError> {
        let labels = arrays.labels(labels, reader.count, &mut notes)?;
        Ok(ArrayExamples {
            reader,
            labels,
            done: 0,
        })
    };
    let mut parts = vec![of(train, arrays.chosen.train_labels)?];
    if let Some(test) = test {
        parts.push(of(test, arrays.chosen.test_labels)?);
    }
    let parts = parts.into_iter().map(|part| Box::new(part) as _);
    let stream = Stream {
        notes,
        ..Stream::new(arrays.name(), Box::new(Chain::of(parts.collect())))
    };
    Ok(table::stream_of_arrays(stream, &options.table, path))
}

/// The examples of an array, with the labels of another.
struct ArrayExamples {
    reader: Reader,
    labels: Option<Vec<u8>>,
    done: usize,
}

impl Examples for ArrayExamples {
    fn total(&self) -> Option<usize> {
        Some(self.reader.count)
    }

    fn next_block(&mut self, most: usize) -> Result<Option<Block>, DataError> {
        let images = self.reader.next(most)?;
        if images.count == 0 {
            return Ok(None);
        }
        let labels = self.labels.as_deref();
        let labels = labels.map(|labels| labels[self.done..][..images.count].to_vec());
        self.done += images.count;
        Ok(Some(Block {
            images,
            labels,
            names: None,
        }))
    }
}
