//! The IDX format: MNIST's files of images and labels, plain or compressed with gzip.
//!
//! A file of images is the numbers 0x00000803, count, height and width as big-endian `u32`, then
//! `count * height * width` bytes; a file of labels is 0x00000801 and count, then `count` bytes. With
//! another kind of number in the place of the 8, images are numbers and no grey: they are read as `f32`.
//! Compression is recognised by the contents, not by the name. What follows a whole gzip stream is
//! ignored, as gunzip does.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use super::{DataError, Images, Pixels};
pub(super) use contents::of_link;
use contents::{BLOCK, Contents};
use element::Element;

mod contents;
mod element;

/// Reads a file of images.
///
/// # Errors
///
/// [`DataError`] naming the file and the byte, if it cannot be read, is no IDX file of images,
/// holds no pixel, is shorter or longer than its header claims, or needs more memory than there is;
/// naming the image, row and column, if a pixel is no finite number.
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
    let dimensions = ["image count", "height", "width"];
    let (element, sizes) = contents.header("images", &Element::ALL, dimensions)?;
    let [count, height, width] = sizes;
    let len = payload_len(sizes, element).ok_or_else(|| DataError::TooLarge {
        path: contents.path().to_owned(),
        count,
        height,
        width,
    })?;
    // Lossless: the product fits a usize and no factor is zero.
    let [count, height, width] = sizes.map(|size| size as usize);
    let size = (len, element.size());
    let pixels = match element {
        Element::U8 => Pixels::Bytes(contents.payload("pixels", size, append_bytes)?),
        _ => Pixels::Floats(contents.payload("pixels", size, |bytes, floats| {
            element.decode(bytes, floats);
        })?),
    };
    let floats = pixels.as_floats().unwrap_or_default();
    if let Some(index) = floats.iter().position(|float| !float.is_finite()) {
        return Err(DataError::NonFinite {
            path: contents.path().to_owned(),
            image: index / (height * width),
            row: index / width % height,
            column: index % width,
            value: floats[index],
        });
    }
    Ok(Images {
        channels: 1,
        count,
        height,
        width,
        pixels,
    })
}

/// Bytes are numbers as they are.
fn append_bytes(bytes: &[u8], all: &mut Vec<u8>) {
    all.extend_from_slice(bytes);
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
    let (_, [count]) = contents.header("labels", &[Element::U8], ["label count"])?;
    contents.payload("labels", (count as usize, 1), append_bytes)
}

/// Writes images as a plain IDX file: of unsigned bytes, or of `f32`.
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
        ..
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
    let header = |element: Element| [element.magic(3), count, height, width];
    match pixels {
        Pixels::Bytes(bytes) => write(path, &header(Element::U8), bytes),
        Pixels::Floats(floats) => {
            let bytes: Vec<u8> = floats
                .iter()
                .flat_map(|float| float.to_be_bytes())
                .collect();
            write(path, &header(Element::F32), &bytes)
        }
    }
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
    write(path, &[Element::U8.magic(1), count], labels)
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

/// How many numbers there are; none where their vector could not be that long.
fn payload_len([count, height, width]: [u32; 3], element: Element) -> Option<usize> {
    let len = u128::from(count) * u128::from(height) * u128::from(width);
    // `isize::MAX` bytes are the longest vector there can be; asking for more would abort.
    let size_of_pixel = match element {
        Element::U8 => size_of::<u8>(),
        _ => element.size().max(size_of::<f32>()),
    };
    let bytes = len * size_of_pixel as u128;
    isize::try_from(bytes).ok()?;
    len.try_into().ok()
}
