//! The IDX format: MNIST's files of images and labels, plain or compressed with gzip.
//!
//! A file of images is the numbers 0x00000803, count, height and width as big-endian `u32`, then
//! `count * height * width` bytes; a file of labels is 0x00000801 and count, then `count` bytes.
//! Compression is recognised by the contents, not by the name. What follows a whole gzip stream is
//! ignored, as gunzip does.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use super::{DataError, Images};
pub(super) use contents::of_link;
use contents::{BLOCK, Contents};

mod contents;

const IMAGES_MAGIC: u32 = 0x0000_0803;
const LABELS_MAGIC: u32 = 0x0000_0801;

/// Reads a file of images.
///
/// # Errors
///
/// [`DataError`] naming the file and the byte, if it cannot be read, is no IDX file of images,
/// holds no pixel, is shorter or longer than its header claims, or needs more memory than there is.
pub fn read_images(path: &Path) -> Result<Images, DataError> {
    read_images_noting(path, &mut Vec::new())
}

/// [`read_images`], which also says what was ignored.
pub(super) fn read_images_noting(
    path: &Path,
    notes: &mut Vec<String>,
) -> Result<Images, DataError> {
    let mut contents = Contents::open(path)?;
    let images = images_of(&mut contents)?;
    notes.extend(contents.note());
    Ok(images)
}

/// Reads a file of labels: one byte per image.
///
/// # Errors
///
/// As [`read_images`].
pub fn read_labels(path: &Path) -> Result<Vec<u8>, DataError> {
    read_labels_noting(path, &mut Vec::new())
}

/// [`read_labels`], which also says what was ignored.
pub(super) fn read_labels_noting(
    path: &Path,
    notes: &mut Vec<String>,
) -> Result<Vec<u8>, DataError> {
    let mut contents = Contents::open(path)?;
    let labels = labels_of(&mut contents)?;
    notes.extend(contents.note());
    Ok(labels)
}

/// Reads images from `reader`; errors call it `path`.
///
/// # Errors
///
/// As [`read_images`].
pub fn images_from(reader: impl Read, path: &Path) -> Result<Images, DataError> {
    images_of(&mut Contents::new(reader, path)?)
}

fn images_of<R: Read>(contents: &mut Contents<'_, R>) -> Result<Images, DataError> {
    let [count, height, width] =
        contents.header("images", IMAGES_MAGIC, ["image count", "height", "width"])?;
    let bytes = payload_len(count, height, width).ok_or_else(|| DataError::TooLarge {
        path: contents.path().to_owned(),
        count,
        height,
        width,
    })?;
    // Lossless: the product fits a usize and no factor is zero.
    let [count, height, width] = [count as usize, height as usize, width as usize];
    Ok(Images {
        count,
        height,
        width,
        pixels: contents.payload("pixels", bytes)?,
    })
}

/// Reads labels from `reader`; errors call it `path`.
///
/// # Errors
///
/// As [`read_images`].
pub fn labels_from(reader: impl Read, path: &Path) -> Result<Vec<u8>, DataError> {
    labels_of(&mut Contents::new(reader, path)?)
}

fn labels_of<R: Read>(contents: &mut Contents<'_, R>) -> Result<Vec<u8>, DataError> {
    let [count] = contents.header("labels", LABELS_MAGIC, ["label count"])?;
    contents.payload("labels", count as usize)
}

/// Writes images as a plain IDX file.
///
/// # Errors
///
/// [`DataError::Inconsistent`] if `pixels` is not `count * height * width` long or a size exceeds
/// the format's 32 bits; [`DataError::Write`] if the file cannot be written.
pub fn write_images(path: &Path, images: &Images) -> Result<(), DataError> {
    let &Images {
        count,
        height,
        width,
        ref pixels,
    } = images;
    let sizes = [count, height, width].map(u32::try_from);
    let fits = count.checked_mul(height).and_then(|n| n.checked_mul(width)) == Some(pixels.len());
    let (true, [Ok(count), Ok(height), Ok(width)]) = (fits, sizes) else {
        return Err(DataError::Inconsistent {
            path: path.to_owned(),
            count,
            height,
            width,
            len: pixels.len(),
        });
    };
    write(path, &[IMAGES_MAGIC, count, height, width], pixels)
}

/// Writes labels as a plain IDX file.
///
/// # Errors
///
/// As [`write_images`].
pub fn write_labels(path: &Path, labels: &[u8]) -> Result<(), DataError> {
    let Ok(count) = u32::try_from(labels.len()) else {
        let (count, len) = (labels.len(), labels.len());
        return Err(DataError::Inconsistent {
            path: path.to_owned(),
            count,
            height: 1,
            width: 1,
            len,
        });
    };
    write(path, &[LABELS_MAGIC, count], labels)
}

/// Hands the uncompressed contents of `reader` to `each`, block by block; errors call it `path`.
pub(super) fn for_each_block(
    reader: impl Read,
    path: &Path,
    mut each: impl FnMut(&[u8]),
) -> Result<(), DataError> {
    let mut contents = Contents::new(reader, path)?;
    let mut block = vec![0; BLOCK];
    loop {
        match contents.read(&mut block)? {
            0 => return Ok(()),
            n => each(&block[..n]),
        }
    }
}

fn write(path: &Path, header: &[u32], payload: &[u8]) -> Result<(), DataError> {
    let write = || {
        let mut file = BufWriter::new(File::create(path)?);
        for number in header {
            file.write_all(&number.to_be_bytes())?;
        }
        file.write_all(payload)?;
        file.flush()
    };
    write().map_err(|cause| DataError::Write {
        path: path.to_owned(),
        cause,
    })
}

fn payload_len(count: u32, height: u32, width: u32) -> Option<usize> {
    // `isize::MAX` is the longest vector there can be; asking for more would abort.
    let bytes = u128::from(count) * u128::from(height) * u128::from(width);
    isize::try_from(bytes).ok()?.try_into().ok()
}
