//! Images of an IDX file block by block.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::contents::Contents;
use super::element::Element;
use super::{Form, append_bytes, read_labels};
use crate::data::{Block, DataError, Examples, ImageSize, Pixels};

/// The images of a file in their order; none is kept.
pub struct IdxExamples<R = File> {
    contents: Contents<R>,
    form: Form,
    labels: Option<Vec<u8>>,
    /// Images that have been read.
    done: usize,
    /// Where the last one ends.
    end: u64,
}

impl IdxExamples {
    /// The images of a file.
    ///
    /// # Errors
    /// As [`super::read_images`], as far as the header goes.
    pub fn open(images: &Path) -> Result<Self, DataError> {
        Self::of(Contents::open(images)?)
    }
}

impl<R: Read> IdxExamples<R> {
    /// The images of a reader; errors call it `path`.
    ///
    /// # Errors
    /// As [`IdxExamples::open`].
    pub fn from_reader(reader: R, path: &Path) -> Result<Self, DataError> {
        Self::of(Contents::new(reader, path)?)
    }

    /// Reads the labels of the images from a file, all at once; they stay without any where that fails.
    ///
    /// # Errors
    /// As [`super::read_labels`], and [`DataError::LabelCount`].
    pub fn read_labels(&mut self, path: &Path) -> Result<(), DataError> {
        let labels = read_labels(path)?;
        if labels.len() != self.form.count {
            return Err(DataError::LabelCount {
                images_path: self.contents.path().to_owned(),
                labels_path: path.to_owned(),
                images: self.form.count,
                labels: labels.len(),
            });
        }
        self.labels = Some(labels);
        Ok(())
    }

    /// How large an image is.
    pub fn size(&self) -> ImageSize {
        self.form.size
    }

    /// Whether values are unsigned bytes, which are seen as 0 to 1.
    pub fn is_of_bytes(&self) -> bool {
        self.form.element == Element::U8
    }

    fn of(mut contents: Contents<R>) -> Result<Self, DataError> {
        let form = Form::read(&mut contents)?;
        let bytes = form.count * form.size.dim() * form.element.size();
        Ok(Self {
            end: contents.offset() + bytes as u64,
            contents,
            form,
            labels: None,
            done: 0,
        })
    }
}

impl<R: Read> Examples for IdxExamples<R> {
    fn total(&self) -> Option<usize> {
        Some(self.form.count)
    }

    fn next_block(&mut self, most: usize) -> Result<Option<Block>, DataError> {
        let count = most.max(1).min(self.form.count - self.done);
        if count == 0 {
            return Ok(None);
        }
        let (element, end) = (self.form.element, self.end);
        let size = (count * self.form.size.dim(), element.size());
        let pixels = match element {
            Element::U8 => {
                let mut bytes = Vec::new();
                let contents = &mut self.contents;
                contents.append(&mut bytes, "pixels", size, end, append_bytes)?;
                Pixels::from(bytes)
            }
            _ => {
                let mut floats = Vec::new();
                let decode = |bytes: &[u8], floats: &mut Vec<f32>| element.decode(bytes, floats);
                let contents = &mut self.contents;
                contents.append(&mut floats, "pixels", size, end, decode)?;
                Pixels::from(floats)
            }
        };
        let place = (self.done, count);
        let images = self.form.images(pixels, place, self.contents.path())?;
        let labels = self.labels.as_deref();
        let labels = labels.map(|labels| labels[self.done..][..count].to_vec());
        self.done += count;
        if self.done == self.form.count {
            self.contents.end(end)?;
        }
        Ok(Some(Block {
            images,
            labels,
            names: None,
        }))
    }
}
