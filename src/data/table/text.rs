//! Tables as text: cells between commas, semicolons, tabs or bars, quoted or not.

use std::io::{self, Cursor, Read};
use std::path::PathBuf;

use csv::{ErrorKind, ReaderBuilder, StringRecord, Trim};

use super::reader::Records;
use super::sniff::{self, Sniffed};
use super::{At, Origin, TableError, TableOptions};
use crate::data::DataError;
use crate::data::table::origin::Contents;

/// Bytes that are looked at before the file is read.
const LOOK: usize = 1 << 16;
/// Bytes that a row may have.
const MOST_OF_A_ROW: usize = 1 << 24;
/// The mark that some programs begin text with.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Rows of text, below the header where there is one.
pub(super) struct Lines {
    reader: csv::Reader<Watched>,
    path: PathBuf,
    /// The first row, until it is asked for.
    first: Option<StringRecord>,
    delimiter: u8,
    /// The line in which the last row began.
    line: u64,
    row: u64,
}

impl Lines {
    /// Opens a table; gives the names in its header, if it has one, and the number of its columns.
    pub(super) fn open(
        origin: &Origin,
        options: &TableOptions,
    ) -> Result<(Self, Option<Vec<String>>, usize), DataError> {
        let path = origin.path().to_owned();
        let mut contents = origin.open()?;
        let mut start = Vec::new();
        let looked = contents.by_ref().take(LOOK as u64).read_to_end(&mut start);
        looked.map_err(|cause| contents.blame(&path, cause))?;
        if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
            return Err(TableError::NotText {
                at: At {
                    path,
                    line: Some(1),
                    row: 0,
                },
                byte: 0,
                utf16: true,
            }
            .into());
        }
        if start.starts_with(BYTE_ORDER_MARK) {
            start.drain(..BYTE_ORDER_MARK.len());
        }
        let whole = start.len() < LOOK - BYTE_ORDER_MARK.len();
        let Sniffed { delimiter, header } = sniff::sniff(&start, whole, &origin.ending(), options);
        let watched = Watched {
            start: Cursor::new(start),
            rest: contents,
            since: 0,
        };
        let reader = builder(delimiter).from_reader(watched);
        let mut lines = Self {
            reader,
            path,
            first: None,
            delimiter,
            line: 0,
            row: 0,
        };
        let mut first = StringRecord::new();
        if !lines.read(&mut first)? {
            return Err(TableError::Empty {
                path: lines.path,
                header: false,
            }
            .into());
        }
        let width = first.len();
        let names = header.then(|| first.iter().map(str::to_owned).collect());
        if !header {
            lines.first = Some(first);
        }
        Ok((lines, names, width))
    }

    /// Reads a row, whatever it has; `false` at the end.
    fn read(&mut self, record: &mut StringRecord) -> Result<bool, DataError> {
        let begun = self.reader.position().line();
        self.reader.get_mut().since = 0;
        let read = self.reader.read_record(record);
        // Empty lines before a row are passed over.
        self.line = record.position().map_or(begun, csv::Position::line);
        read.map_err(|error| {
            let at = |line| At {
                path: self.path.clone(),
                line: Some(line),
                row: self.row,
            };
            let text = error.to_string();
            match error.into_kind() {
                ErrorKind::Io(cause) if cause.kind() == io::ErrorKind::FileTooLarge => {
                    TableError::LongRow {
                        at: at(begun),
                        most: MOST_OF_A_ROW,
                    }
                    .into()
                }
                ErrorKind::Io(cause) => self.reader.get_ref().rest.blame(&self.path, cause),
                ErrorKind::Utf8 { pos, err } => TableError::NotText {
                    at: at(pos.map_or(begun, |position| position.line())),
                    byte: err.valid_up_to() + 1,
                    utf16: false,
                }
                .into(),
                _ => TableError::Format {
                    path: self.path.clone(),
                    reason: text,
                }
                .into(),
            }
        })
    }
}

impl Records for Lines {
    fn next(&mut self, record: &mut StringRecord) -> Result<bool, DataError> {
        self.row += 1;
        match self.first.take() {
            Some(first) => *record = first,
            None => return self.read(record),
        }
        Ok(true)
    }

    fn at(&self) -> At {
        At {
            path: self.path.clone(),
            line: Some(self.line),
            row: self.row,
        }
    }

    fn delimiter(&self) -> u8 {
        self.delimiter
    }
}

/// How text is read that has this delimiter. Rows of any length, which the table's reader checks.
pub(super) fn builder(delimiter: u8) -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    builder
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(1 << 16);
    // Tabs and spaces that separate cells are no space around them.
    if !delimiter.is_ascii_whitespace() {
        builder.trim(Trim::All);
    }
    builder
}

/// The bytes of the file, as long as no row has too many of them.
struct Watched {
    /// What was looked at already.
    start: Cursor<Vec<u8>>,
    rest: Contents,
    /// Bytes since the last row.
    since: usize,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.start.read(buffer)? {
            0 => self.rest.read(buffer)?,
            read => read,
        };
        self.since += read;
        if self.since > MOST_OF_A_ROW {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(read)
    }
}
