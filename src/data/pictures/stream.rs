//! Pictures block by block.

use super::collect::{Broken, check_size, read};
use super::decode::is_in_colours;
use super::layout::{Item, Layout};
use super::store::Store;
use super::{Colours, PictureOptions};
use crate::data::{Block, DataError, Examples, Images, Stream};
use crate::threads;

/// Pictures in the order of their paths, which are their names. Each block is decoded when it is asked for, on all threads.
pub struct PictureExamples {
    store: Store,
    items: Vec<Item>,
    classes: Vec<String>,
    labelled: bool,
    options: PictureOptions,
    /// The first one's number among the store's files and its size.
    first: Option<(usize, [u32; 2])>,
    /// Pictures that have been read.
    done: usize,
    broken: Broken,
    notes: Vec<String>,
    /// What the data are called.
    name: String,
}

impl PictureExamples {
    pub(super) fn new(
        store: Store,
        layout: Layout,
        (name, notes): (String, Vec<String>),
        mut options: PictureOptions,
    ) -> Self {
        let classes = layout.classes.clone();
        let items = layout.into_all();
        let labelled = items.iter().all(|item| item.label.is_some());
        let colours = match options.colours {
            Some(colours) => colours,
            None => colours_of(&store, &items, &options),
        };
        options.colours = Some(colours);
        Self {
            broken: Broken::new(items.len()),
            store,
            items,
            classes,
            labelled,
            options,
            first: None,
            done: 0,
            notes,
            name,
        }
    }

    /// The words of the labels, that of class n being the n-th.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Files that are passed over, as the user should be told, a sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl From<PictureExamples> for Stream {
    fn from(examples: PictureExamples) -> Self {
        Self {
            notes: examples.notes.clone(),
            classes: examples.classes.clone(),
            ..Self::new(examples.name.clone(), Box::new(examples))
        }
    }
}

impl Examples for PictureExamples {
    fn total(&self) -> Option<usize> {
        // How many are broken is known at the end.
        (!self.options.skip_broken).then_some(self.items.len())
    }

    fn next_block(&mut self, most: usize) -> Result<Option<Block>, DataError> {
        while self.done < self.items.len() {
            let end = self.items.len().min(self.done + most.max(1));
            let items = &self.items[self.done..end];
            self.done = end;
            let mut block = Taken::default();
            for (item, read) in items.iter().zip(read(&self.store, items, &self.options)) {
                let sifted = self.broken.sift(&self.store, item, read, &self.options)?;
                let Some(raster) = sifted else {
                    continue;
                };
                check_size(&self.store, &mut self.first, item, &raster)?;
                block.pixels.extend_from_slice(&raster.pixels);
                block.labels.extend(item.label);
                block
                    .names
                    .push(self.store.entries[item.entry].name.clone());
            }
            let Some((_, [width, height])) = self.first else {
                continue;
            };
            if block.names.is_empty() {
                continue;
            }
            return Ok(Some(Block {
                images: Images {
                    count: block.names.len(),
                    height: height as usize,
                    width: width as usize,
                    channels: self.options.colours.map_or(1, Colours::channels),
                    pixels: block.pixels.into(),
                },
                labels: self.labelled.then_some(block.labels),
                names: Some(block.names),
            }));
        }
        Ok(None)
    }

    fn remarks(&self) -> Vec<String> {
        self.broken.note().into_iter().collect()
    }
}

/// The pictures of a block.
#[derive(Default)]
struct Taken {
    pixels: Vec<u8>,
    labels: Vec<u8>,
    names: Vec<String>,
}

/// In grey where all files are, else in colours. What is broken is said when its turn comes.
fn colours_of(store: &Store, items: &[Item], options: &PictureOptions) -> Colours {
    /// Files that are looked at before anyone asks whether one is in colours.
    const BLOCK: usize = 256;
    for block in items.chunks(BLOCK) {
        let found = threads::map(block, |item| {
            let (bytes, _) = store.read(item.entry, options.decode_limit)?;
            is_in_colours(&bytes, options)
        });
        if found.into_iter().any(|found| found.unwrap_or(false)) {
            return Colours::Rgb;
        }
    }
    Colours::Grey
}
