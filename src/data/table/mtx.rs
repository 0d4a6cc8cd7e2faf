//! MatrixMarket files (`.mtx`) of counts or other numbers, sparse or not, as most programs for single cells write them.
//!
//! A file begins with `%%MatrixMarket matrix coordinate integer general`, comments behind `%`, and the numbers of rows,
//! columns and entries; then a line for each entry, its row and column from 1 and its value. With `array` in the place
//! of `coordinate` there are no places, and all values follow, column by column.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::str::FromStr;

use super::origin::Contents;
use super::{At, Origin, TableError};
use crate::data::{DataError, Dataset, Images, LoadOptions, Split, hold_out};

/// Bytes that a line may have.
const MOST_OF_A_LINE: u64 = 1 << 12;
/// Values that are written out for each that is there, beyond a matrix of [`ALWAYS`] bytes.
const VALUES_PER_ENTRY: u64 = 1_000;
/// Bytes of a matrix that are written out however sparse it is.
const ALWAYS: u64 = 1 << 26;

/// Loads a matrix of which each row is an example, or with [`LoadOptions::transpose`] each column, as where genes are
/// rows and cells columns.
///
/// # Errors
/// [`DataError`] if the file cannot be read or is no such matrix; the message names the line.
pub fn load_mtx(origin: &Origin, options: &LoadOptions) -> Result<Dataset, DataError> {
    let images = read_mtx(origin, options.transpose)?;
    let path = origin.path();
    let all = Split {
        images,
        labels: None,
        factors: None,
    };
    let (train, test) = hold_out::hold_out(all, path, options)?;
    Ok(Dataset {
        name: super::fit::name_of(path),
        notes: vec![hold_out::note(path, [&train, &test])],
        train,
        test,
        held_out: true,
        classes: Vec::new(),
        table: None,
    })
}

/// Reads a matrix as rows, or with `transpose` its columns as rows.
///
/// # Errors
/// As [`load_mtx`].
pub fn read_mtx(origin: &Origin, transpose: bool) -> Result<Images, DataError> {
    // Once to see what is there, and once to put it where it belongs: the entries need no memory of their own.
    let mut lines = Lines::open(origin)?;
    let header = Header::read(&mut lines)?;
    let mut there = 0;
    header.entries(&mut lines, |_, _, _| there += 1)?;
    let Header { rows, columns, .. } = header;
    let values = rows.checked_mul(columns);
    let sparse = || TableError::Format {
        path: origin.path().to_owned(),
        reason: format!(
            "{rows} x {columns} values, of which {there} are there, are too many to be written out as rows; choose \
             columns, such as the genes that vary most"
        ),
    };
    let most = (VALUES_PER_ENTRY * there).max(ALWAYS / size_of::<f32>() as u64);
    let len = values.filter(|&values| values <= most).ok_or_else(sparse)?;
    let len = usize::try_from(len).map_err(|_| sparse())?;
    let mut dense: Vec<f32> = Vec::new();
    let reserved = dense.try_reserve_exact(len);
    reserved.map_err(|_| DataError::Memory {
        path: origin.path().to_owned(),
        what: "values",
        bytes: len.saturating_mul(size_of::<f32>()),
    })?;
    dense.resize(len, 0.0);
    let [count, width] = if transpose {
        [columns, rows]
    } else {
        [rows, columns]
    };
    let mut lines = Lines::open(origin)?;
    Header::read(&mut lines)?.entries(&mut lines, |row, column, value| {
        let [row, column] = if transpose {
            [column, row]
        } else {
            [row, column]
        };
        // Entries of one place add up.
        if let Some(place) = dense.get_mut((row * width + column) as usize) {
            *place += value;
        }
    })?;
    Ok(Images {
        count: count as usize,
        height: 1,
        width: width as usize,
        channels: 1,
        pixels: dense.into(),
    })
}

/// What a file begins with.
struct Header {
    /// Whether entries have places.
    coordinates: bool,
    /// Whether entries have values; else each is 1.
    valued: bool,
    /// Whether each entry beside the diagonal stands for two.
    symmetric: bool,
    rows: u64,
    columns: u64,
    entries: u64,
}

impl Header {
    fn read(lines: &mut Lines) -> Result<Self, DataError> {
        let wrong = "the first line of a matrix is `%%MatrixMarket matrix coordinate integer general`, or `array` and \
                     `real` in it, or `symmetric`";
        let first = lines.next()?.unwrap_or_default().to_lowercase();
        let words: Vec<_> = first.split_whitespace().collect();
        let ["%%matrixmarket", "matrix", form, field, symmetry] = words[..] else {
            return Err(lines.wrong(wrong));
        };
        let known = matches!(form, "coordinate" | "array")
            && matches!(field, "integer" | "real" | "double" | "pattern")
            && matches!(symmetry, "general" | "symmetric")
            && !(form == "array" && (field == "pattern" || symmetry == "symmetric"));
        if !known {
            return Err(lines.wrong(wrong));
        }
        let sizes = loop {
            match lines.next()? {
                Some(line) if line.starts_with('%') || line.trim().is_empty() => {}
                Some(line) => break line.to_owned(),
                None => return Err(lines.wrong("the file ends before the sizes of the matrix")),
            }
        };
        let coordinates = form == "coordinate";
        let sizes: Option<Vec<u64>> = sizes.split_whitespace().map(|n| n.parse().ok()).collect();
        let (rows, columns, entries) = match sizes.as_deref() {
            Some(&[rows, columns, entries]) if coordinates => (rows, columns, entries),
            Some(&[rows, columns]) if !coordinates => (rows, columns, rows.saturating_mul(columns)),
            _ => {
                return Err(lines.wrong(
                    "here should be the numbers of rows, columns and, of coordinates, entries",
                ));
            }
        };
        if rows == 0 || columns == 0 {
            return Err(lines.wrong("the matrix has no values"));
        }
        Ok(Self {
            coordinates,
            valued: field != "pattern",
            symmetric: symmetry == "symmetric",
            rows,
            columns,
            entries,
        })
    }

    /// Hands every value that is there to `each`, with its row and column from 0.
    fn entries(
        &self,
        lines: &mut Lines,
        mut each: impl FnMut(u64, u64, f32),
    ) -> Result<(), DataError> {
        let mut done = 0;
        while let Some(line) = lines.next()? {
            if line.trim().is_empty() {
                continue;
            }
            let entry = self.entry(line, done);
            let Some((row, column, value)) = entry else {
                return Err(lines.wrong(
                    "here should be an entry: of coordinates its row and column, within the sizes that the file \
                     says, and then a finite number",
                ));
            };
            if done == self.entries {
                return Err(lines.wrong("more entries follow than the file says that it has"));
            }
            done += 1;
            each(row, column, value);
            if self.symmetric && row != column {
                each(column, row, value);
            }
        }
        if done < self.entries {
            let entries = self.entries;
            return Err(lines.wrong(&format!(
                "the file ends after {done} of the {entries} entries that it says it has"
            )));
        }
        Ok(())
    }

    fn entry(&self, line: &str, done: u64) -> Option<(u64, u64, f32)> {
        fn next<'a, T: FromStr>(words: &mut impl Iterator<Item = &'a str>) -> Option<T> {
            words.next()?.parse().ok()
        }
        let mut words = line.split_whitespace();
        let (row, column) = match self.coordinates {
            true => {
                let row = next::<u64>(&mut words)?.checked_sub(1)?;
                (row, next::<u64>(&mut words)?.checked_sub(1)?)
            }
            false => (done % self.rows, done / self.rows),
        };
        let value: f32 = if self.valued { next(&mut words)? } else { 1.0 };
        let is_entry = words.next().is_none()
            && value.is_finite()
            && (!self.coordinates || (row < self.rows && column < self.columns));
        is_entry.then_some((row, column, value))
    }
}

/// The lines of a file.
struct Lines {
    reader: BufReader<Contents>,
    path: PathBuf,
    text: String,
    number: u64,
}

impl Lines {
    fn open(origin: &Origin) -> Result<Self, DataError> {
        Ok(Self {
            reader: BufReader::with_capacity(1 << 16, origin.open()?),
            path: origin.path().to_owned(),
            text: String::new(),
            number: 0,
        })
    }

    /// The next line, without its end.
    fn next(&mut self) -> Result<Option<&str>, DataError> {
        self.number += 1;
        let mut bytes = std::mem::take(&mut self.text).into_bytes();
        bytes.clear();
        let read = self
            .reader
            .by_ref()
            .take(MOST_OF_A_LINE)
            .read_until(b'\n', &mut bytes);
        let read = read.map_err(|cause| self.reader.get_ref().blame(&self.path, cause))?;
        if read == 0 {
            return Ok(None);
        }
        let whole = read < MOST_OF_A_LINE as usize || bytes.ends_with(b"\n");
        match String::from_utf8(bytes) {
            Ok(text) if whole => self.text = text,
            _ => return Err(self.wrong("this is no line of text that a matrix has")),
        }
        Ok(Some(self.text.trim_end()))
    }

    /// That the last line is not as it should be.
    fn wrong(&self, reason: &str) -> DataError {
        let at = At {
            path: self.path.clone(),
            line: Some(self.number),
            row: 0,
        };
        TableError::Matrix {
            at,
            reason: reason.to_owned(),
        }
        .into()
    }
}
