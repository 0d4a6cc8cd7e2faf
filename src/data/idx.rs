//! The IDX format: MNIST's files of images and labels, plain or compressed with gzip.
//!
//! A file of images is the numbers 0x00000803, count, height and width as big-endian `u32`, then
//! `count * height * width` bytes; a file of labels is 0x00000801 and count, then `count` bytes.
//! Compression is recognised by the contents, not by the name.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::{DataError, Images};

const IMAGES_MAGIC: u32 = 0x0000_0803;
const LABELS_MAGIC: u32 = 0x0000_0801;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// Bytes read at a time.
const BLOCK: usize = 1 << 16;

/// Reads a file of images.
///
/// # Errors
///
/// [`DataError`] naming the file and the byte, if it cannot be read, is no IDX file of images,
/// holds no pixel, or is shorter or longer than its header claims.
pub fn read_images(path: &Path) -> Result<Images, DataError> {
    images_from(open(path)?, path)
}

/// Reads a file of labels: one byte per image.
///
/// # Errors
///
/// As [`read_images`].
pub fn read_labels(path: &Path) -> Result<Vec<u8>, DataError> {
    labels_from(open(path)?, path)
}

/// Reads images from `reader`; errors call it `path`.
///
/// # Errors
///
/// As [`read_images`].
pub fn images_from(reader: impl Read, path: &Path) -> Result<Images, DataError> {
    let mut contents = Contents::new(reader, path)?;
    let [count, height, width] =
        contents.header("images", IMAGES_MAGIC, ["image count", "height", "width"])?;
    let bytes = payload_len(count, height, width).ok_or_else(|| DataError::TooLarge {
        path: path.to_owned(),
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
        pixels: contents.payload(bytes)?,
    })
}

/// Reads labels from `reader`; errors call it `path`.
///
/// # Errors
///
/// As [`read_images`].
pub fn labels_from(reader: impl Read, path: &Path) -> Result<Vec<u8>, DataError> {
    let mut contents = Contents::new(reader, path)?;
    let [count] = contents.header("labels", LABELS_MAGIC, ["label count"])?;
    contents.payload(count as usize)
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

/// `dir/name` or `dir/name.gz`, whichever is a file; the plain one if both are.
pub(super) fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    [dir.join(name), dir.join(format!("{name}.gz"))]
        .into_iter()
        .find(|path| path.is_file())
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

fn open(path: &Path) -> Result<File, DataError> {
    File::open(path).map_err(|cause| DataError::Read {
        path: path.to_owned(),
        cause,
    })
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

/// Bytes of a possibly compressed file, with their position for error messages.
struct Contents<'a> {
    reader: Box<dyn Read + 'a>,
    gzip: bool,
    offset: u64,
    path: &'a Path,
}

impl<'a> Contents<'a> {
    fn new(mut reader: impl Read + 'a, path: &'a Path) -> Result<Self, DataError> {
        let mut start = Vec::with_capacity(GZIP_MAGIC.len());
        (&mut reader)
            .take(GZIP_MAGIC.len() as u64)
            .read_to_end(&mut start)
            .map_err(|cause| DataError::Read {
                path: path.to_owned(),
                cause,
            })?;
        let gzip = start == GZIP_MAGIC;
        let raw = BufReader::with_capacity(BLOCK, io::Cursor::new(start).chain(reader));
        let reader: Box<dyn Read> = if gzip {
            Box::new(MultiGzDecoder::new(raw))
        } else {
            Box::new(raw)
        };
        Ok(Self {
            reader,
            gzip,
            offset: 0,
            path,
        })
    }

    /// Some bytes into `block`; 0 at the end.
    fn read(&mut self, block: &mut [u8]) -> Result<usize, DataError> {
        loop {
            match self.reader.read(block) {
                Ok(n) => {
                    self.offset += n as u64;
                    return Ok(n);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(self.failure(cause)),
            }
        }
    }

    fn failure(&self, cause: io::Error) -> DataError {
        let path = self.path.to_owned();
        // The decoder passes on what the operating system says; only its own complaints are about
        // the stream.
        let decoder = matches!(
            cause.kind(),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
        );
        if self.gzip && decoder {
            DataError::Gzip {
                path,
                offset: self.offset,
                cause,
            }
        } else {
            DataError::Read { path, cause }
        }
    }

    /// Fills `block` as far as the contents reach.
    fn fill(&mut self, block: &mut [u8]) -> Result<usize, DataError> {
        let mut filled = 0;
        while filled < block.len() {
            match self.read(&mut block[filled..])? {
                0 => break,
                n => filled += n,
            }
        }
        Ok(filled)
    }

    /// Checks the magic number and returns the dimensions, none of which is zero.
    fn header<const N: usize>(
        &mut self,
        what: &'static str,
        magic: u32,
        dimensions: [&'static str; N],
    ) -> Result<[u32; N], DataError> {
        let path = self.path.to_owned();
        let expected = 4 * (1 + N as u64);
        let Some(found) = self.number()? else {
            return Err(DataError::ShortHeader {
                path,
                what,
                expected,
                found: self.offset,
            });
        };
        // Before the dimensions: a text file should be called one, however short it is.
        if found != magic {
            return Err(DataError::Magic {
                path,
                what,
                expected: magic,
                found,
            });
        }
        let mut sizes = [0; N];
        for (size, dimension) in sizes.iter_mut().zip(dimensions) {
            let offset = self.offset;
            match self.number()? {
                None => {
                    return Err(DataError::ShortHeader {
                        path,
                        what,
                        expected,
                        found: self.offset,
                    });
                }
                Some(0) => {
                    return Err(DataError::Empty {
                        path,
                        dimension,
                        offset,
                    });
                }
                Some(found) => *size = found,
            }
        }
        Ok(sizes)
    }

    /// A big-endian number, or none where the contents end.
    fn number(&mut self) -> Result<Option<u32>, DataError> {
        let mut word = [0; 4];
        Ok((self.fill(&mut word)? == word.len()).then(|| u32::from_be_bytes(word)))
    }

    /// Exactly `len` bytes and then the end.
    fn payload(&mut self, len: usize) -> Result<Vec<u8>, DataError> {
        let expected = self.offset + len as u64;
        let mut payload = Vec::new();
        // Grows with what is really there: a header may claim anything.
        let mut block = vec![0; BLOCK];
        while payload.len() < len {
            let wanted = block.len().min(len - payload.len());
            match self.read(&mut block[..wanted])? {
                0 => {
                    return Err(DataError::Truncated {
                        path: self.path.to_owned(),
                        expected,
                        found: self.offset,
                    });
                }
                n => payload.extend_from_slice(&block[..n]),
            }
        }
        // Also makes the decoder check the sum at the end of the stream.
        match self.read(&mut block[..1])? {
            0 => Ok(payload),
            _ => Err(DataError::Trailing {
                path: self.path.to_owned(),
                expected,
            }),
        }
    }
}
