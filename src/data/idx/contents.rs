//! The bytes of a file that may be compressed with gzip, and where they are in it.

use std::fs::File;
use std::io::{self, BufReader, Chain, Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::GzDecoder;

use super::element::Element;
use crate::data::{Buffer, Collector, DataError, Mapped, Number, Scratch};

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// Bytes read at a time.
pub(super) const BLOCK: usize = 1 << 16;
/// A compressed byte holds at most so many: deflate's shortest code for a match is two bits, one for
/// the length of 258 and one for the distance (<https://zlib.net/zlib_tech.html>).
const MOST_PER_COMPRESSED_BYTE: u64 = 1032;

/// Bytes of a possibly compressed file, with their position for error messages.
pub(super) struct Contents<R> {
    stream: Stream<R>,
    gzip: bool,
    /// Uncompressed bytes read so far.
    offset: u64,
    path: PathBuf,
    /// Bytes of the file as it is stored, where this is known.
    stored: Option<u64>,
    /// Whether bytes follow the gzip stream.
    ignored: bool,
}

/// The first bytes, which were looked at, and the rest.
type Raw<R> = Chain<Cursor<Vec<u8>>, BufReader<R>>;

enum Stream<R> {
    Plain(Raw<R>),
    /// One member of a gzip stream.
    Gzip(GzDecoder<Raw<R>>),
    Ended,
}

impl Contents<File> {
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        let refused = |cause| DataError::Read {
            path: path.to_owned(),
            cause: of_link(path, cause),
        };
        let file = File::open(path).map_err(refused)?;
        let metadata = file.metadata().map_err(refused)?;
        let mut contents = Self::new(file, path)?;
        // A pipe has no length, and the system's own files say 0.
        contents.stored = Some(metadata.len()).filter(|len| metadata.is_file() && *len > 0);
        Ok(contents)
    }
}

/// What the system said, and where the link leads if `path` is one: a link that leads nowhere is
/// there for whoever lists the folder.
pub(in crate::data) fn of_link(path: &Path, cause: io::Error) -> io::Error {
    match path.read_link() {
        Ok(target) if cause.kind() == io::ErrorKind::NotFound => io::Error::new(
            cause.kind(),
            format!("it is a link to {}: {cause}", target.display()),
        ),
        _ => cause,
    }
}

impl<R: Read> Contents<R> {
    pub(super) fn new(reader: R, path: &Path) -> Result<Self, DataError> {
        let mut raw = BufReader::with_capacity(BLOCK, reader);
        let start = start_of(&mut raw).map_err(|cause| DataError::Read {
            path: path.to_owned(),
            cause,
        })?;
        let gzip = start == GZIP_MAGIC;
        let raw = Cursor::new(start).chain(raw);
        let stream = if gzip {
            Stream::Gzip(GzDecoder::new(raw))
        } else {
            Stream::Plain(raw)
        };
        Ok(Self {
            stream,
            gzip,
            offset: 0,
            path: path.to_owned(),
            stored: None,
            ignored: false,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What was ignored, once the end has been reached.
    pub(super) fn note(&self) -> Option<String> {
        self.ignored.then(|| {
            format!(
                "{}: bytes that follow the gzip stream are ignored",
                self.path.display()
            )
        })
    }

    /// Some bytes into `block`, which is not empty; 0 at the end.
    pub(super) fn read(&mut self, block: &mut [u8]) -> Result<usize, DataError> {
        loop {
            let read = match &mut self.stream {
                Stream::Plain(raw) => raw.read(block),
                Stream::Gzip(decoder) => decoder.read(block),
                Stream::Ended => Ok(0),
            };
            match read {
                Ok(0) => {
                    if !self.begin_next_member()? {
                        return Ok(0);
                    }
                }
                Ok(n) => {
                    self.offset += n as u64;
                    return Ok(n);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(self.failure(cause)),
            }
        }
    }

    /// Goes on to the gzip member that follows one that has ended, if one does.
    fn begin_next_member(&mut self) -> Result<bool, DataError> {
        let Stream::Gzip(decoder) = std::mem::replace(&mut self.stream, Stream::Ended) else {
            return Ok(false);
        };
        let (_, mut raw) = decoder.into_inner().into_inner();
        let start = start_of(&mut raw).map_err(|cause| self.failure(cause))?;
        if start != GZIP_MAGIC {
            self.ignored = !start.is_empty();
            return Ok(false);
        }
        self.stream = Stream::Gzip(GzDecoder::new(Cursor::new(start).chain(raw)));
        Ok(true)
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

    /// Checks the magic number and returns what numbers follow, one of `accepted`, and the sizes of the dimensions, none
    /// of which is zero. There are at least `least` of the dimensions that are named. An error names the first of
    /// `accepted`, of the least dimensions.
    pub(super) fn header<const N: usize>(
        &mut self,
        what: &'static str,
        accepted: &[Element],
        least: usize,
        dimensions: [&'static str; N],
    ) -> Result<(Element, Vec<u32>), DataError> {
        let path = self.path.to_owned();
        let expected = 4 * (1 + least as u64);
        let Some(found) = self.number()? else {
            return Err(DataError::ShortHeader {
                path,
                what,
                expected,
                found: self.offset,
            });
        };
        // Before the dimensions: a text file should be called one, however short it is.
        let mut forms = (least..=N).flat_map(|count| accepted.iter().map(move |of| (of, count)));
        let of_magic = |form: &(&Element, usize)| form.0.magic(form.1) == found;
        let Some((&element, count)) = forms.find(of_magic) else {
            return Err(DataError::Magic {
                path,
                what,
                expected: accepted.first().map_or(0, |element| element.magic(least)),
                found,
            });
        };
        let expected = 4 * (1 + count as u64);
        let mut sizes = Vec::with_capacity(count);
        for &dimension in &dimensions[..count] {
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
                Some(found) => sizes.push(found),
            }
        }
        Ok((element, sizes))
    }

    /// A big-endian number, or none where the contents end.
    fn number(&mut self) -> Result<Option<u32>, DataError> {
        let mut word = [0; 4];
        Ok((self.fill(&mut word)? == word.len()).then(|| u32::from_be_bytes(word)))
    }

    /// Exactly `len` numbers of `what`, of `size` bytes each, and then the end; `decode` appends those of
    /// some bytes.
    ///
    /// Memory is asked for once, as much as the header claims, but no more than the file can hold: a
    /// header may claim anything.
    pub(super) fn payload<T>(
        &mut self,
        what: &'static str,
        (len, size): (usize, usize),
        decode: impl Fn(&[u8], &mut Vec<T>),
    ) -> Result<Vec<T>, DataError> {
        let no_memory = |_| no_memory::<T>(&self.path, what, len);
        let mut payload = Vec::new();
        let can_hold = self.stored.map_or(0, |stored| {
            let most = if self.gzip {
                MOST_PER_COMPRESSED_BYTE
            } else {
                1
            };
            stored.saturating_mul(most) / size as u64
        });
        let reserved = usize::try_from(can_hold).map_or(len, |can_hold| len.min(can_hold));
        payload.try_reserve_exact(reserved).map_err(no_memory)?;
        let end = self.offset + (len * size) as u64;
        self.append(&mut payload, what, (len, size), end, decode)?;
        self.end(end)?;
        Ok(payload)
    }

    /// [`Contents::payload`] of numbers that go to a file where they are too many for memory.
    pub(super) fn payload_within<T: Number>(
        &mut self,
        what: &'static str,
        (len, size): (usize, usize),
        decode: impl Fn(&[u8], &mut Vec<T>),
        scratch: &Scratch,
    ) -> Result<Buffer<T>, DataError> {
        if (len * size_of::<T>()) as u64 <= scratch.memory {
            return Ok(self.payload(what, (len, size), decode)?.into());
        }
        let end = self.offset + (len * size) as u64;
        let mut collector = Collector::new(scratch, len);
        let mut numbers = Vec::new();
        for first in (0..len).step_by(BLOCK) {
            numbers.clear();
            let len = BLOCK.min(len - first);
            self.append(&mut numbers, what, (len, size), end, &decode)?;
            collector.extend(&numbers)?;
        }
        self.end(end)?;
        collector.finish()
    }

    /// Exactly `len` pixels of a byte each, and then the end. Too many for memory stay where they are if the file has
    /// them as they are, and else go to a file.
    pub(super) fn stored_payload(
        &mut self,
        len: usize,
        scratch: &Scratch,
    ) -> Result<Buffer<u8>, DataError> {
        let end = self.offset + len as u64;
        // What is shorter or longer is read, to say so.
        let is_stored = !self.gzip && self.stored == Some(end);
        if !is_stored || len as u64 <= scratch.memory {
            return self.payload_within("pixels", (len, 1), append_bytes, scratch);
        }
        let mapped = File::open(&self.path).and_then(|file| Mapped::new(&file, self.offset, len));
        let mapped = mapped.map_err(|cause| DataError::Read {
            path: self.path.clone(),
            cause,
        })?;
        Ok(mapped.into())
    }

    /// Appends exactly `len` numbers of `what`, of `size` bytes each; the contents should go on to `end`.
    pub(super) fn append<T>(
        &mut self,
        payload: &mut Vec<T>,
        what: &'static str,
        (len, size): (usize, usize),
        end: u64,
        decode: impl Fn(&[u8], &mut Vec<T>),
    ) -> Result<(), DataError> {
        let wanted_len = payload.len() + len;
        // Whole numbers: no size is other than a power of two.
        let mut block = vec![0; BLOCK];
        while payload.len() < wanted_len {
            let wanted = block.len().min((wanted_len - payload.len()) * size);
            if self.fill(&mut block[..wanted])? < wanted {
                return Err(DataError::Truncated {
                    path: self.path.to_owned(),
                    expected: end,
                    found: self.offset,
                });
            }
            // Asks for more only where the length of the file is not known.
            payload
                .try_reserve(wanted / size)
                .map_err(|_| no_memory::<T>(&self.path, what, wanted_len))?;
            decode(&block[..wanted], payload);
        }
        Ok(())
    }

    /// Checks that nothing follows, and the sum at the end of a stream that is compressed.
    pub(super) fn end(&mut self, end: u64) -> Result<(), DataError> {
        match self.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(DataError::Trailing {
                path: self.path.to_owned(),
                expected: end,
            }),
        }
    }

    /// Bytes that were read so far, uncompressed.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }
}

/// That there is no memory for so many values.
fn no_memory<T>(path: &Path, what: &'static str, len: usize) -> DataError {
    DataError::Memory {
        path: path.to_owned(),
        what,
        bytes: len * size_of::<T>(),
    }
}

/// Bytes are numbers as they are.
pub(super) fn append_bytes(bytes: &[u8], all: &mut Vec<u8>) {
    all.extend_from_slice(bytes);
}

/// The first bytes of what is left, as many as tell a gzip stream, or fewer at the end.
fn start_of(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(GZIP_MAGIC.len());
    reader
        .take(GZIP_MAGIC.len() as u64)
        .read_to_end(&mut start)?;
    Ok(start)
}
