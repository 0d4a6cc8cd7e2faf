//! Records as one array in NumPy's format: all groups of a row beside each other.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};

use super::{Columns, Rows, Sink};
use crate::plot::npy_header;

/// Bytes that the header takes: it is written again at the end, when the number of rows is known.
const HEADER: usize = 128;

pub(super) struct Npy {
    out: BufWriter<File>,
    rows: usize,
}

impl Npy {
    /// Leaves room for the header.
    pub(super) fn begin(out: File, columns: &Columns) -> io::Result<Self> {
        let mut out = BufWriter::with_capacity(1 << 18, out);
        out.write_all(&header(0, columns)?)?;
        Ok(Self { out, rows: 0 })
    }
}

impl Sink for Npy {
    fn write(&mut self, columns: &Columns, rows: &Rows<'_>) -> io::Result<()> {
        let count = rows.count(columns);
        for row in 0..count {
            for (group, values) in columns.groups.iter().zip(rows.values) {
                let width = group.width();
                super::write_f32(&mut self.out, &values[row * width..][..width])?;
            }
        }
        self.rows += count;
        Ok(())
    }

    fn finish(&mut self, columns: &Columns) -> io::Result<()> {
        self.out.rewind()?;
        self.out.write_all(&header(self.rows, columns)?)?;
        self.out.flush()
    }
}

/// The header of so many rows, at the same length for any number of them.
fn header(rows: usize, columns: &Columns) -> io::Result<Vec<u8>> {
    let mut shape = vec![rows];
    match &columns.groups[..] {
        [one] => shape.extend(&one.shape),
        several => shape.push(several.iter().map(|group| group.width()).sum()),
    }
    let header = npy_header(&shape);
    match header.len() {
        HEADER => Ok(header),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "an array has too many dimensions for the header that was left for it",
        )),
    }
}
