//! All pictures of a store in memory, one behind the other.

use super::decode::decode;
use super::layout::Item;
use super::raster::Raster;
use super::store::Store;
use super::{Flaw, PictureOptions};
use crate::data::{DataError, ImageSize, Progress, Unit};
use crate::threads;

/// Pictures that are decoded at once, by all threads.
const BLOCK: usize = 64;
/// Broken files that a note names.
const NAMED: usize = 5;

/// The pictures of both parts.
pub(super) struct Collected {
    pub(super) size: ImageSize,
    /// How many of each part there are.
    pub(super) counts: [usize; 2],
    /// Those of both, `[count, height, width, channels]`.
    pub(super) pixels: Vec<u8>,
    /// The labels of each part, where it has some.
    pub(super) labels: [Option<Vec<u8>>; 2],
    /// What was left out.
    pub(super) broken: Broken,
}

/// Decodes both parts. Pictures become grey or coloured as the first ones are, and coloured where a later one is.
pub(super) fn collect(
    store: &Store,
    parts: [&[Item]; 2],
    options: &PictureOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Collected, DataError> {
    let file = store.path.display().to_string();
    let total = parts.iter().map(|part| part.len()).sum::<usize>();
    let mut joined = Joined::default();
    let mut broken = Broken::new(total);
    let mut counts = [0; 2];
    let mut labels = [None, None];
    let mut done = 0;
    for (part, (items, labels)) in parts.iter().zip(&mut labels).enumerate() {
        for block in items.chunks(BLOCK) {
            progress(Progress {
                file: &file,
                done: done as u64,
                total: Some(total as u64),
                unit: Unit::Pictures,
            });
            for (item, read) in block.iter().zip(read(store, block, options)) {
                let Some(raster) = broken.sift(store, item, read, options)? else {
                    continue;
                };
                joined.push(store, item, raster, total)?;
                counts[part] += 1;
                if let Some(label) = item.label {
                    labels.get_or_insert_with(Vec::new).push(label);
                }
            }
            done += block.len();
        }
    }
    // Nothing to train on is an error, even where broken files may be left out.
    let size = joined.size().filter(|_| counts[0] > 0);
    let Some(size) = size else {
        return Err(broken.into_error(store));
    };
    Ok(Collected {
        size,
        counts,
        pixels: joined.pixels,
        labels,
        broken,
    })
}

/// Reads and decodes pictures on all threads.
pub(super) fn read(
    store: &Store,
    items: &[Item],
    options: &PictureOptions,
) -> Vec<Result<Raster, Flaw>> {
    threads::map(items, |item| {
        let (bytes, inflated) = store.read(item.entry, options.decode_limit)?;
        decode(&bytes, inflated, options)
    })
}

/// Pictures of one size behind each other.
#[derive(Default)]
struct Joined {
    /// The first one's number among the store's files and its size.
    first: Option<(usize, [u32; 2])>,
    channels: usize,
    pixels: Vec<u8>,
}

impl Joined {
    fn size(&self) -> Option<ImageSize> {
        let (_, [width, height]) = self.first?;
        Some(ImageSize {
            height: height as usize,
            width: width as usize,
            channels: self.channels,
        })
    }

    /// Appends a picture, of which there are so many in all.
    fn push(
        &mut self,
        store: &Store,
        item: &Item,
        raster: Raster,
        total: usize,
    ) -> Result<(), DataError> {
        let first = check_size(store, &mut self.first, item, &raster)?;
        let coloured = match first {
            true => {
                self.channels = raster.channels;
                true
            }
            false => raster.channels > self.channels,
        };
        let dim = |channels: usize| raster.width as usize * raster.height as usize * channels;
        if coloured {
            // All at once: the number of pictures is known.
            let len = dim(raster.channels).saturating_mul(total);
            let more = len.saturating_sub(self.pixels.len());
            self.pixels
                .try_reserve_exact(more)
                .map_err(|_| DataError::Memory {
                    path: store.path.clone(),
                    what: "pixels",
                    bytes: len,
                })?;
        }
        if raster.channels > self.channels {
            repeat_each(&mut self.pixels, raster.channels);
            self.channels = raster.channels;
        }
        match raster.channels == self.channels {
            true => self.pixels.extend_from_slice(&raster.pixels),
            false => {
                let channels = self.channels;
                let grey = raster.pixels.iter();
                self.pixels
                    .extend(grey.flat_map(|&grey| std::iter::repeat_n(grey, channels)));
            }
        }
        Ok(())
    }
}

/// Grey values as colours, in place.
fn repeat_each(values: &mut Vec<u8>, channels: usize) {
    let len = values.len();
    values.resize(len * channels, 0);
    for index in (0..len).rev() {
        let value = values[index];
        values[index * channels..(index + 1) * channels].fill(value);
    }
}

/// Whether a picture is the first one; if not, it has to be of that one's size.
pub(super) fn check_size(
    store: &Store,
    first: &mut Option<(usize, [u32; 2])>,
    item: &Item,
    raster: &Raster,
) -> Result<bool, DataError> {
    let size = [raster.width, raster.height];
    match *first {
        None => {
            *first = Some((item.entry, size));
            Ok(true)
        }
        Some((_, of_first)) if of_first == size => Ok(false),
        Some((entry, of_first)) => Err(DataError::MixedSizes {
            first: store.path_of(entry),
            of_first,
            other: store.path_of(item.entry),
            of_other: size,
        }),
    }
}

/// Files that could not be read.
#[derive(Debug)]
pub(super) struct Broken {
    of: usize,
    count: usize,
    /// The first of them, by their numbers among the store's files.
    first: Vec<(usize, String, Flaw)>,
}

impl Broken {
    /// None of so many files yet.
    pub(super) fn new(of: usize) -> Self {
        Self {
            of,
            count: 0,
            first: Vec::new(),
        }
    }

    /// A picture, or `None` where it is broken and left out.
    pub(super) fn sift(
        &mut self,
        store: &Store,
        item: &Item,
        read: Result<Raster, Flaw>,
        options: &PictureOptions,
    ) -> Result<Option<Raster>, DataError> {
        match read {
            Ok(raster) => Ok(Some(raster)),
            Err(flaw) if options.skip_broken => {
                self.count += 1;
                if self.first.len() < NAMED {
                    let name = store.entries[item.entry].name.clone();
                    self.first.push((item.entry, name, flaw));
                }
                Ok(None)
            }
            Err(flaw) => Err(DataError::Picture {
                path: store.path_of(item.entry),
                flaw,
            }),
        }
    }

    /// What was left out, in a sentence.
    pub(super) fn note(&self) -> Option<String> {
        let named = self.first.iter();
        let named: Vec<_> = named
            .map(|(_, name, flaw)| format!("{name}: {flaw}"))
            .collect();
        let more = match self.count - self.first.len() {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        (self.count > 0).then(|| {
            format!(
                "{} of {} pictures are broken and left out ({}{more})",
                self.count,
                self.of,
                named.join("; ")
            )
        })
    }

    /// That nothing is left: the first one's fault.
    fn into_error(self, store: &Store) -> DataError {
        match self.first.into_iter().next() {
            Some((entry, _, flaw)) => DataError::Picture {
                path: store.path_of(entry),
                flaw,
            },
            None => DataError::NoPictures {
                path: store.path.clone(),
                others: store.ignored,
            },
        }
    }
}
