//! Values of a file that is mapped into memory.

use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::ops::{Deref, Range};
use std::sync::Arc;

use memmap2::{Mmap, MmapOptions};

use super::Number;

/// Values of a file, in the byte order of this machine. A copy is another look at the same ones.
///
/// The file must stay as it is while the program runs: what is written to it may be seen or not, and where it is cut
/// off the system ends the process (SIGBUS), as it does where the disk fails. A file that is replaced by another one of
/// its name stays whole.
#[derive(Clone)]
pub struct Mapped<T> {
    map: Arc<Mmap>,
    len: usize,
    values: PhantomData<T>,
}

impl<T: Number> Mapped<T> {
    /// The `len` values from byte `offset` of a file on.
    ///
    /// # Errors
    /// Where the file is shorter, its values do not begin at a multiple of their size, or the system maps no such
    /// file, as of a pipe.
    pub fn new(file: &File, offset: u64, len: usize) -> io::Result<Self> {
        let unfit = |reason: &str| io::Error::new(io::ErrorKind::InvalidInput, reason.to_owned());
        let size = size_of::<T>();
        let bytes = len.checked_mul(size);
        let bytes = bytes.ok_or_else(|| unfit("more values than memory has addresses"))?;
        if !offset.is_multiple_of(size as u64) {
            return Err(unfit("values between two places of a number"));
        }
        if file.metadata()?.len() < offset.saturating_add(bytes as u64) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut options = MmapOptions::new();
        options.offset(offset).len(bytes);
        // SAFETY: nothing in this program writes to the file. That no other one does while this one runs is what the
        // type's documentation asks for, and what every program that maps a file relies on: the values are plain
        // numbers, of which any bytes are some, so that a change could show wrong ones but none that is invalid.
        let map = unsafe { options.map(file)? };
        Ok(Self {
            map: Arc::new(map),
            len,
            values: PhantomData,
        })
    }

    /// The first of them, or all where there are fewer.
    #[must_use]
    pub fn head(&self, len: usize) -> Self {
        Self {
            map: Arc::clone(&self.map),
            len: len.min(self.len),
            values: PhantomData,
        }
    }

    /// Tells the system that these values are not read again soon.
    ///
    /// # Panics
    /// Where there are no such values.
    pub(super) fn forget(&self, values: Range<usize>) {
        #[cfg(unix)]
        {
            use memmap2::UncheckedAdvice;

            /// Where a page is read the system brings those around it along, so many bytes of them.
            const AROUND: usize = 1 << 16;
            assert!(values.end <= self.len, "values of another file");
            let [start, end] = [values.start, values.end].map(|value| value * size_of::<T>());
            let start = start / AROUND * AROUND;
            let bytes = start..end.next_multiple_of(AROUND).min(self.map.len());
            // SAFETY: the map is of a file, shared and never written to, so that what is dropped from memory is read
            // again with the same values.
            let forgotten = unsafe {
                let advice = UncheckedAdvice::DontNeed;
                self.map
                    .unchecked_advise_range(advice, bytes.start, bytes.len())
            };
            // Advice that the system does not take costs memory at most.
            let _ = forgotten;
        }
        #[cfg(not(unix))]
        let _ = values;
    }
}

impl<T: Number> Deref for Mapped<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &bytemuck::cast_slice(&self.map)[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::Buffer;
    use super::*;

    #[test]
    fn values_are_those_of_the_file_in_whole_and_in_pieces() {
        let mut file = tempfile::tempfile().unwrap();
        let floats: Vec<f32> = (0..100_000).map(|number| number as f32 / 7.0).collect();
        file.write_all(&[1; 12]).unwrap();
        file.write_all(bytemuck::cast_slice(&floats)).unwrap();
        let mapped = Buffer::from(Mapped::<f32>::new(&file, 12, floats.len()).unwrap());
        assert!(mapped.is_mapped());
        assert!(*mapped == floats[..]);
        for len in [1 << 20, 30_001] {
            assert!(mapped.pieces(len).flatten().eq(&floats), "{len}");
        }
        mapped.forget(17..50_000);
        let mut changed = mapped.clone();
        changed.to_mut()[3] = 0.5;
        assert!(!changed.is_mapped());
        let Buffer::Mapped(of_file) = &mapped else {
            unreachable!("it was just mapped");
        };
        assert!(*of_file.head(7) == floats[..7] && of_file.head(usize::MAX).len() == floats.len());
        assert!(*mapped == floats[..] && changed[3] == 0.5 && changed[4] == floats[4]);
    }

    #[test]
    fn what_the_file_does_not_have_is_an_error() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[0; 64]).unwrap();
        assert!(Mapped::<f32>::new(&file, 0, 16).is_ok());
        assert!(Mapped::<f32>::new(&file, 4, 16).is_err());
        assert!(Mapped::<f32>::new(&file, 2, 1).is_err());
        assert!(Mapped::<f32>::new(&file, 0, usize::MAX).is_err());
        assert!(Mapped::<u8>::new(&file, u64::MAX, 1).is_err());
    }
}
