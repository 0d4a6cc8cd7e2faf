//! The rows of a table as text, whatever its format.

use std::collections::HashMap;
use std::path::PathBuf;

use csv::StringRecord;

use super::text::Lines;
use super::{At, Origin, TableError, TableOptions, sniff};
use crate::data::DataError;

/// Columns that a table may have.
const MOST_COLUMNS: usize = 1 << 16;

/// Rows that follow one another, each with its cells as text.
pub(super) trait Records {
    /// Puts the next row into `record`; `false` at the end.
    fn next(&mut self, record: &mut StringRecord) -> Result<bool, DataError>;

    /// Where the last row is.
    fn at(&self) -> At;

    /// What separates the cells of text.
    fn delimiter(&self) -> u8 {
        b','
    }
}

/// A table that is read from its beginning to its end.
pub(super) struct Reader {
    records: Box<dyn Records + Send>,
    path: PathBuf,
    /// The columns' names; without a header, their numbers from 1.
    pub(super) names: Vec<String>,
    /// Whether the names are the file's own.
    pub(super) header: bool,
    /// What separates the cells of text.
    pub(super) delimiter: u8,
}

impl Reader {
    /// Opens a table, of which format its ending says.
    pub(super) fn open(origin: &Origin, options: &TableOptions) -> Result<Self, DataError> {
        let path = origin.path().to_owned();
        let (records, names, width): (Box<dyn Records + Send>, _, _) =
            match origin.ending().as_str() {
                #[cfg(feature = "arrow")]
                "parquet" | "arrow" | "feather" | "ipc" => {
                    let (columns, names) = super::arrow::Columns::open(origin)?;
                    let width = names.len();
                    (Box::new(columns), Some(names), width)
                }
                #[cfg(not(feature = "arrow"))]
                ending @ ("parquet" | "arrow" | "feather" | "ipc") => {
                    let format = if ending == "parquet" {
                        "Parquet"
                    } else {
                        "Arrow"
                    };
                    return Err(TableError::WithoutArrow { path, format }.into());
                }
                _ => {
                    let (lines, names, width) = Lines::open(origin, options)?;
                    (Box::new(lines), names, width)
                }
            };
        if width > MOST_COLUMNS {
            return Err(TableError::ManyColumns {
                path,
                found: width,
                most: MOST_COLUMNS,
            }
            .into());
        }
        let header = names.is_some();
        let mut names = names.unwrap_or_else(|| vec![String::new(); width]);
        for (index, name) in names.iter_mut().enumerate() {
            if name.is_empty() {
                *name = (index + 1).to_string();
            }
        }
        let mut numbers = HashMap::new();
        for (index, name) in names.iter().enumerate() {
            if let Some(first) = numbers.insert(name.as_str(), index) {
                return Err(TableError::SameName {
                    path,
                    name: name.clone(),
                    numbers: [first + 1, index + 1],
                }
                .into());
            }
        }
        Ok(Self {
            delimiter: records.delimiter(),
            records,
            path,
            names,
            header,
        })
    }

    /// Puts the next row into `record`, which has a cell for each column; `false` at the end.
    pub(super) fn next(&mut self, record: &mut StringRecord) -> Result<bool, DataError> {
        if !self.records.next(record)? {
            return Ok(false);
        }
        if record.len() != self.names.len() {
            return Err(TableError::Ragged {
                at: self.records.at(),
                found: record.len(),
                expected: self.names.len(),
                delimiter: char::from(self.delimiter),
            }
            .into());
        }
        // Where commas are decimal, semicolons separate.
        if self.delimiter == b';'
            && record
                .iter()
                .any(|cell| sniff::decimal_comma(cell).is_some())
        {
            let pointed =
                |cell: &str| sniff::decimal_comma(cell).unwrap_or_else(|| cell.to_owned());
            *record = record.iter().map(pointed).collect();
        }
        Ok(true)
    }

    /// Where the last row is.
    pub(super) fn at(&self) -> At {
        self.records.at()
    }

    /// The number of the column of a name.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|own| own == name)
    }

    /// That two columns, by their numbers from 0, are to be labels.
    pub(super) fn two_labels(&self, [first, second]: [usize; 2]) -> DataError {
        TableError::TwoLabels {
            path: self.path.clone(),
            columns: [&self.names[first], &self.names[second]].map(String::clone),
        }
        .into()
    }

    /// That a setting is for a column which is not there.
    pub(super) fn no_column(&self, name: &str) -> DataError {
        TableError::NoColumn {
            path: self.path.clone(),
            name: name.to_owned(),
            columns: self.names.clone(),
        }
        .into()
    }
}
