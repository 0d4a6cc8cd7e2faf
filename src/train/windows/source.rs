//! Images of a split, of which some at a time become rows of a pass.

use std::ops::Range;

use crate::data::{Pixels, Split};
use crate::executor::{Rows, Values};
use crate::rng::{self, Stream};
use crate::train::Scaling;

/// A split whose images are seen one window at a time.
#[derive(Debug)]
pub(in crate::train) struct Source {
    pub(super) split: Split,
    pub(super) scaling: Scaling,
    /// Whether rows have labels.
    pub(super) is_labelled: bool,
    /// The key and the stream that pixels are drawn from, where they are drawn once.
    pub(super) binarize: Option<(u64, Stream)>,
}

impl Source {
    /// The images of these numbers as an executor takes them, one range behind the other.
    pub(super) fn rows(&self, numbers: &[Range<usize>]) -> Rows<'static> {
        let dim = self.split.images.dim();
        let len = dim * numbers.iter().map(Range::len).sum::<usize>();
        let (mut bytes, mut floats) = (Vec::new(), Vec::new());
        for range in numbers {
            let values = range.start * dim..range.end * dim;
            match self.seen(values.clone()) {
                Values::Bytes(seen) => append(&mut bytes, &seen, len),
                Values::Floats(seen) => append(&mut floats, &seen, len),
            }
            match &self.split.images.pixels {
                Pixels::Bytes(stored) => stored.forget(values),
                Pixels::Floats(stored) => stored.forget(values),
            }
        }
        let rows = match floats.is_empty() {
            true => Rows::new(bytes, dim),
            false => Rows::new(floats, dim),
        };
        match self.split.labels.as_deref().filter(|_| self.is_labelled) {
            Some(labels) => {
                let labels = numbers.iter().flat_map(|range| &labels[range.clone()]);
                rows.with_labels(labels.copied().collect::<Vec<_>>())
            }
            None => rows,
        }
    }

    /// Stored values as the model sees them.
    fn seen(&self, stored: Range<usize>) -> Values<'_> {
        let first = stored.start;
        let values = match &self.split.images.pixels {
            Pixels::Bytes(bytes) => bytes[stored].into(),
            Pixels::Floats(floats) => floats[stored].into(),
        };
        match (self.scaling.rows(values), self.binarize) {
            (Values::Bytes(bytes), Some((seed, stream))) => {
                let mut bytes = bytes.into_owned();
                rng::binarize_part(&mut bytes, first, seed, stream);
                bytes.into()
            }
            (Values::Floats(floats), Some((seed, stream))) => {
                rng::binarized_part(&floats, first, seed, stream).into()
            }
            (values, None) => values,
        }
    }
}

/// Adds values to those of which there will be `len`: memory is asked for once.
fn append<T: Copy>(all: &mut Vec<T>, values: &[T], len: usize) {
    if all.is_empty() {
        all.reserve_exact(len);
    }
    all.extend_from_slice(values);
}
