//! The IDX format: MNIST's files of images and labels, plain or compressed with gzip.
//!
//! A file of images is the numbers 0x00000803, count, height and width as big-endian `u32`, then
//! `count * height * width` bytes; a file of labels is 0x00000801 and count, then `count` bytes. Images in
//! colours have 0x00000804 and a fourth size, the number of channels, and as many bytes for each pixel. With
//! another kind of number in the place of the 8, images are numbers and no grey: they are read as `f32`.
//! Compression is recognised by the contents, not by the name. What follows a whole gzip stream is
//! ignored, as gunzip does.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use super::{DataError, ImageSize, Images, Pixels, Scratch};
pub(super) use contents::of_link;
use contents::{BLOCK, Contents, append_bytes};
use element::Element;
pub use stream::IdxExamples;

mod contents;
mod element;
mod stream;

/// Reads a file of images.
///
/// # Errors
///
/// [`DataError`] naming the file and the byte, if it cannot be read, is no IDX file of images,
/// holds no pixel, is shorter or longer than its header claims, or needs more memory than there is;
/// naming the image, row and column, if a pixel is no finite number.
pub fn read_images(path: &Path) -> Result<Images, DataError> {
    images_of(&mut Contents::open(path)?, None)
}

/// [`read_images`] of a file that may have more than memory holds; also says what was ignored.
pub(super) fn read_images_noting(
    path: &Path,
    notes: &mut Vec<String>,
    scratch: &Scratch,
) -> Result<Images, DataError> {
    let mut contents = Contents::open(path)?;
    let images = images_of(&mut contents, Some(scratch))?;
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
    images_of(&mut Contents::new(reader, path)?, None)
}

/// What the header of a file of images says.
struct Form {
    element: Element,
    count: usize,
    size: ImageSize,
}

impl Form {
    /// Reads a header; the images are known to be addressable.
    fn read<R: Read>(contents: &mut Contents<R>) -> Result<Self, DataError> {
        let dimensions = ["image count", "height", "width", "number of channels"];
        let (element, sizes) = contents.header("images", &Element::ALL, 3, dimensions)?;
        if payload_len(&sizes, element).is_none() {
            let size = |of: usize| sizes.get(of).copied().unwrap_or(1);
            return Err(DataError::TooLarge {
                path: contents.path().to_owned(),
                count: size(0),
                height: size(1),
                width: size(2),
                channels: size(3),
            });
        }
        // Lossless: the product fits a usize and no factor is zero.
        let size = |of: usize| sizes.get(of).map_or(1, |&size| size as usize);
        Ok(Self {
            element,
            count: size(0),
            size: ImageSize {
                height: size(1),
                width: size(2),
                channels: size(3),
            },
        })
    }

    /// So many images of these values, of which the first is the `first` of the file.
    fn images(
        &self,
        pixels: Pixels,
        (first, count): (usize, usize),
        path: &Path,
    ) -> Result<Images, DataError> {
        let ImageSize {
            height,
            width,
            channels,
        } = self.size;
        if let Pixels::Floats(floats) = &pixels
            && let Some(index) = floats.position(|float| !float.is_finite())
        {
            let pixel = index % self.size.dim() / channels;
            return Err(DataError::NonFinite {
                path: path.to_owned(),
                image: first + index / self.size.dim(),
                row: pixel / width,
                column: pixel % width,
                value: floats[index],
            });
        }
        Ok(Images {
            count,
            height,
            width,
            channels,
            pixels,
        })
    }
}

/// Images of which more bytes than `scratch` says go to a file, or stay in theirs; `None` are all in memory.
fn images_of<R: Read>(
    contents: &mut Contents<R>,
    scratch: Option<&Scratch>,
) -> Result<Images, DataError> {
    let form = Form::read(contents)?;
    let (element, count) = (form.element, form.count);
    let len = count * form.size.dim();
    let size = (len, element.size());
    let decode = |bytes: &[u8], floats: &mut Vec<f32>| element.decode(bytes, floats);
    let pixels = match (element, scratch) {
        (Element::U8, Some(scratch)) => contents.stored_payload(len, scratch)?.into(),
        (Element::U8, None) => contents.payload("pixels", size, append_bytes)?.into(),
        (_, Some(scratch)) => contents
            .payload_within("pixels", size, decode, scratch)?
            .into(),
        (_, None) => contents.payload("pixels", size, decode)?.into(),
    };
    form.images(pixels, (0, count), contents.path())
}

/// Reads labels from `reader`; errors call it `path`.
///
/// # Errors
///
/// As [`read_images`].
pub fn labels_from(reader: impl Read, path: &Path) -> Result<Vec<u8>, DataError> {
    labels_of(&mut Contents::new(reader, path)?)
}

fn labels_of<R: Read>(contents: &mut Contents<R>) -> Result<Vec<u8>, DataError> {
    let (_, sizes) = contents.header("labels", &[Element::U8], 1, ["label count"])?;
    let count = sizes.first().map_or(0, |&count| count as usize);
    contents.payload("labels", (count, 1), append_bytes)
}

/// Writes images as a plain IDX file: of unsigned bytes, or of `f32`.
///
/// # Errors
///
/// [`DataError::Inconsistent`] if `pixels` is not `count * height * width * channels` long or a size
/// exceeds the format's 32 bits; [`DataError::Write`] if the file cannot be written.
pub fn write_images(path: &Path, images: &Images) -> Result<(), DataError> {
    let &Images {
        count,
        height,
        width,
        channels,
        ref pixels,
    } = images;
    let sizes = [vec![count], images.size().into()].concat();
    let mut product = sizes.iter().copied();
    let fits = product.try_fold(1, usize::checked_mul) == Some(pixels.len());
    let numbers: Result<Vec<u32>, _> = sizes.iter().map(|&size| size.try_into()).collect();
    let (true, Ok(numbers)) = (fits, numbers) else {
        return Err(DataError::Inconsistent {
            path: path.to_owned(),
            count,
            height,
            width,
            channels,
            len: pixels.len(),
        });
    };
    let header = |element: Element| [vec![element.magic(numbers.len())], numbers.clone()].concat();
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
            channels: 1,
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
fn payload_len(sizes: &[u32], element: Element) -> Option<usize> {
    // Four sizes of 32 bits.
    let mut sizes = sizes.iter().map(|&size| u128::from(size));
    let len = sizes.try_fold(1, u128::checked_mul)?;
    // `isize::MAX` bytes are the longest vector there can be; asking for more would abort.
    let size_of_pixel = match element {
        Element::U8 => size_of::<u8>(),
        _ => element.size().max(size_of::<f32>()),
    };
    let bytes = len.checked_mul(size_of_pixel as u128)?;
    isize::try_from(bytes).ok()?;
    len.try_into().ok()
}
