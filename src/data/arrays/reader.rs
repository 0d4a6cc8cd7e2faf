//! The examples of one array, a few at a time.

use std::io::{self, Read};

use super::ArrayError;
use super::element::Element;
use super::list::Entry;
use super::place::Place;
use crate::data::Images;

mod whole;

/// Bytes read at a time: a multiple of every element's size.
const BLOCK: usize = 1 << 16;
/// As many bytes are unpacked without asking how many were packed; as f32 they are 64 MB at the most.
const SMALL: u64 = 1 << 24;
/// Times as many bytes as a file has that are unpacked: images of a few shapes on black have 115 (dSprites), and a file
/// that is made to fill a memory has up to 1032.
const MOST_TIMES: u64 = 250;

/// Reads an array from its first example to its last.
pub(super) struct Reader {
    place: Place,
    name: Option<String>,
    element: Element,
    /// Examples in all.
    pub(super) count: usize,
    /// Height, width and channels of an example.
    pub(super) size: [usize; 3],
    /// Dimensions of the array.
    dimensions: usize,
    /// Whether NaN says that a number is not known, as in a table; else it is refused.
    pub(super) holes: bool,
    /// Examples that have been read.
    done: usize,
    /// Where in the file its first number lies, where it is not compressed.
    stored_at: Option<u64>,
    bytes: Box<dyn Read + Send>,
    block: Vec<u8>,
}

impl Reader {
    /// The examples of an array: rows of numbers `[N, D]`, images `[N, H, W]` or `[N, H, W, C]`.
    pub(super) fn of_examples(place: &Place, entry: &Entry) -> Result<Self, ArrayError> {
        let size = match entry.shape[..] {
            [_, width] => [1, width, 1],
            [_, height, width] => [height, width, 1],
            [_, height, width, channels @ 1..=4] => [height, width, channels],
            // As PyTorch has grey images, in the same order.
            [_, 1, height, width] => [height, width, 1],
            [_, 2..=4, _, _] => {
                return Err(entry.unshaped(
                    place,
                    "its second dimension looks like channels, which are read where they come last: save it as \
                     numpy.moveaxis(a, 1, -1)",
                ));
            }
            [_, _, _, _] => {
                let reason =
                    "the last of four dimensions is that of channels, of which there are 1 to 4";
                return Err(entry.unshaped(place, reason));
            }
            _ => {
                let reason = "examples are rows of numbers (N, D), grey images (N, H, W), or images with channels \
                              (N, H, W, C): reshape it";
                return Err(entry.unshaped(place, reason));
            }
        };
        Self::new(place, entry, size)
    }

    /// The single numbers of an array `[N]` or `[N, 1]`.
    pub(super) fn of_numbers(place: &Place, entry: &Entry) -> Result<Self, ArrayError> {
        match entry.shape[..] {
            [_] | [_, 1] => Self::new(place, entry, [1, 1, 1]),
            _ => Err(entry.unshaped(place, "labels are one number for each example")),
        }
    }

    fn new(place: &Place, entry: &Entry, size: [usize; 3]) -> Result<Self, ArrayError> {
        let Some(element) = entry.element else {
            return Err(ArrayError::Type {
                path: place.path.clone(),
                array: entry.name.clone(),
                found: entry.found.clone(),
            });
        };
        if entry.is_fortran {
            return Err(ArrayError::Fortran {
                path: place.path.clone(),
                array: entry.name.clone(),
            });
        }
        if entry.shape.contains(&0) {
            return Err(entry.unshaped(place, "it holds nothing to learn from"));
        }
        let bytes = entry
            .shape
            .iter()
            .try_fold(element.size() as u64, |bytes, &extent| {
                bytes.checked_mul(extent as u64)
            });
        // The longest vector there can be, of the f32 that the numbers become.
        let most = (isize::MAX as u64 / 4).min(u64::MAX - entry.before);
        let Some(bytes) = bytes.filter(|bytes| *bytes <= most) else {
            let reason = "it claims more numbers than this machine can address";
            return Err(entry.unshaped(place, reason));
        };
        let whole = entry.before + bytes;
        let packed = entry.part.len;
        if entry.part.deflated.is_none() && packed != whole {
            let name = entry
                .name
                .as_ref()
                .map_or_else(String::new, |name| format!("the array {name}: "));
            let is = if packed < whole {
                "cut short"
            } else {
                "too long"
            };
            return Err(place.damaged(format!(
                "{name}{is}: the header claims {whole} bytes and there are {packed}"
            )));
        }
        if entry.part.deflated.is_some() && whole > SMALL && whole / MOST_TIMES > packed {
            return Err(ArrayError::Bomb {
                path: place.path.clone(),
                array: entry.name.clone(),
                packed,
                unpacked: whole,
                limit: MOST_TIMES,
            });
        }
        let mut reader = place.open_part(entry.part)?;
        let skipped = io::copy(&mut reader.by_ref().take(entry.before), &mut io::sink());
        skipped.map_err(|cause| place.refused(cause))?;
        Ok(Self {
            place: place.clone(),
            name: entry.name.clone(),
            element,
            count: entry.shape[0],
            size,
            dimensions: entry.shape.len(),
            holes: false,
            done: 0,
            stored_at: entry
                .part
                .deflated
                .is_none()
                .then_some(entry.part.start + entry.before),
            bytes: reader,
            block: vec![0; BLOCK],
        })
    }

    /// Values of an example.
    fn dim(&self) -> usize {
        self.size.iter().product()
    }

    /// Whether its images are of grey bytes, and not of numbers.
    pub(super) fn is_of_bytes(&self) -> bool {
        self.element.is_byte()
    }

    /// The next examples, at most so many; none at the end.
    pub(super) fn next(&mut self, most: usize) -> Result<Images, ArrayError> {
        let count = most.min(self.count - self.done);
        let pixels = match self.is_of_bytes() {
            true => {
                let element = self.element;
                let bytes = self.numbers(count, |of, all| element.append_bytes(of, all))?;
                bytes.into()
            }
            false => self.floats(count)?.into(),
        };
        self.end_of(count)?;
        let [height, width, channels] = self.size;
        Ok(Images {
            count,
            height,
            width,
            channels,
            pixels,
        })
    }

    /// All numbers as f32, whatever they are.
    pub(super) fn all_floats(mut self) -> Result<Vec<f32>, ArrayError> {
        let floats = self.floats(self.count)?;
        self.end_of(self.count)?;
        Ok(floats)
    }

    /// The numbers of the next examples as f32, all of them finite, or NaN where there may be holes.
    fn floats(&mut self, count: usize) -> Result<Vec<f32>, ArrayError> {
        let (element, holes) = (self.element, self.holes);
        let mut bad = None;
        let floats = self.numbers(count, |of, all: &mut Vec<f32>| {
            let before = all.len();
            element.append_floats(of, all);
            let odd = all[before..]
                .iter()
                .position(|float| !(float.is_finite() || holes && float.is_nan()));
            if let (None, Some(odd)) = (&bad, odd) {
                let number = &of[odd * element.size()..][..element.size()];
                bad = Some((before + odd, element.text(number)));
            }
        })?;
        let Some((index, value)) = bad else {
            return Ok(floats);
        };
        Err(ArrayError::Value {
            path: self.place.path.clone(),
            array: self.name.clone(),
            value,
            place: self.place_of(index),
        })
    }

    /// Where a number of the examples after those that have been read stands.
    fn place_of(&self, index: usize) -> String {
        let dim = self.dim();
        let [_, width, channels] = self.size;
        let (example, within) = (self.done + index / dim, index % dim);
        let (row, column) = (within / channels / width, within / channels % width);
        match self.dimensions {
            1 => format!("row {example}"),
            2 => format!("row {example}, column {column}"),
            _ if channels == 1 => format!("image {example}, row {row}, column {column}"),
            _ => format!(
                "image {example}, row {row}, column {column}, channel {}",
                within % channels
            ),
        }
    }

    /// The numbers of the next examples; `append` makes something of some bytes, which have whole numbers.
    ///
    /// Memory is asked for at once: how much the file can hold was seen before.
    fn numbers<T>(
        &mut self,
        count: usize,
        mut append: impl FnMut(&[u8], &mut Vec<T>),
    ) -> Result<Vec<T>, ArrayError> {
        let len = count * self.dim();
        let no_memory = |place: &Place| ArrayError::Memory {
            path: place.path.clone(),
            bytes: len.saturating_mul(size_of::<T>()),
        };
        let mut numbers = Vec::new();
        let reserved = numbers.try_reserve_exact(len);
        reserved.map_err(|_| no_memory(&self.place))?;
        while numbers.len() < len {
            let wanted = BLOCK.min((len - numbers.len()) * self.element.size());
            let block = &mut self.block[..wanted];
            self.bytes
                .read_exact(block)
                .map_err(|cause| self.place.refused(cause))?;
            append(block, &mut numbers);
        }
        Ok(numbers)
    }

    /// Counts examples that have been read; behind the last, the contents end.
    fn end_of(&mut self, count: usize) -> Result<(), ArrayError> {
        self.done += count;
        if count == 0 || self.done < self.count {
            return Ok(());
        }
        // Also makes a decoder compare its checksum.
        match self.bytes.read(&mut self.block[..1]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self
                .place
                .damaged("more bytes follow than its header claims")),
            Err(cause) => Err(self.place.refused(cause)),
        }
    }
}

impl Entry {
    fn unshaped(&self, place: &Place, reason: &'static str) -> ArrayError {
        ArrayError::Shape {
            path: place.path.clone(),
            array: self.name.clone(),
            shape: self.shape.clone(),
            reason,
        }
    }
}
