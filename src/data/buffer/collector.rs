//! Values on their way from a source, of which nobody needs to know whether memory holds them all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

use super::{Buffer, Mapped, Number};
use crate::data::DataError;

/// Where values go that are too many for memory.
#[derive(Clone, Debug)]
pub(in crate::data) struct Scratch {
    /// The most bytes of values that are kept in memory.
    pub(in crate::data) memory: u64,
    /// The folder of the file that more of them go to. The file has no name there, and is gone with the last that
    /// reads it.
    pub(in crate::data) folder: PathBuf,
}

/// Takes a known number of values one after the other: into memory if they are few, else into a file.
pub(in crate::data) struct Collector<'a, T> {
    scratch: &'a Scratch,
    /// Whether they go to a file.
    are_many: bool,
    /// Those that are in no file yet.
    values: Vec<T>,
    file: Option<File>,
    /// Values in the file.
    written: usize,
}

/// Bytes that go to the file at a time.
const PIECE: usize = 1 << 22;

impl<'a, T: Number> Collector<'a, T> {
    /// None so far of `len`.
    pub(in crate::data) fn new(scratch: &'a Scratch, len: usize) -> Self {
        Self {
            scratch,
            are_many: (len as u64).saturating_mul(size_of::<T>() as u64) > scratch.memory,
            values: Vec::new(),
            file: None,
            written: 0,
        }
    }

    /// Adds values.
    pub(in crate::data) fn extend(&mut self, values: &[T]) -> Result<(), DataError> {
        self.values.extend_from_slice(values);
        match self.are_many && size_of_val(self.values.as_slice()) > PIECE {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// All of them.
    pub(in crate::data) fn finish(mut self) -> Result<Buffer<T>, DataError> {
        if self.are_many {
            self.flush()?;
        }
        let Some(file) = &self.file else {
            return Ok(self.values.into());
        };
        let mapped = Mapped::new(file, 0, self.written);
        Ok(mapped.map_err(|cause| self.unwritten(cause))?.into())
    }

    /// Moves what is in memory to the file.
    fn flush(&mut self) -> Result<(), DataError> {
        let written = self.write();
        written.map_err(|cause| self.unwritten(cause))
    }

    fn write(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                fs::create_dir_all(&self.scratch.folder)?;
                none.insert(tempfile::tempfile_in(&self.scratch.folder)?)
            }
        };
        file.write_all(bytemuck::cast_slice(&self.values))?;
        self.written += self.values.len();
        self.values.clear();
        self.values.shrink_to(PIECE / size_of::<T>());
        Ok(())
    }

    fn unwritten(&self, cause: io::Error) -> DataError {
        DataError::Scratch {
            folder: self.scratch.folder.clone(),
            cause,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_stay_in_memory_and_many_go_to_a_file_without_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let values: Vec<f32> = (0..3_000_000).map(|number| number as f32).collect();
        for (memory, is_mapped) in [(u64::MAX, false), (12_000_000, false), (11_999_999, true)] {
            let scratch = Scratch {
                memory,
                folder: folder.path().join("scratch"),
            };
            let mut collector = Collector::new(&scratch, values.len());
            for block in values.chunks(70_001) {
                collector.extend(block).unwrap();
            }
            let buffer = collector.finish().unwrap();
            assert_eq!(buffer.is_mapped(), is_mapped, "{memory}");
            assert!(*buffer == values[..]);
        }
        let left = fs::read_dir(folder.path().join("scratch")).unwrap();
        assert_eq!(left.count(), 0);
    }

    #[test]
    fn a_folder_that_cannot_be_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let scratch = Scratch {
            memory: 0,
            folder: file.path().join("scratch"),
        };
        let mut collector = Collector::new(&scratch, 3);
        collector.extend(&[0_u8; 3]).unwrap();
        let Err(error) = collector.finish() else {
            unreachable!("a file is no folder")
        };
        assert!(error.to_string().contains("scratch"), "{error}");
    }
}
