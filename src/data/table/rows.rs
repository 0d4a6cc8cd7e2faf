//! The rows of a table as a model reads them, block by block.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use csv::StringRecord;

use super::codec::Unread;
use super::kinds::shortened;
use super::reader::Reader;
use super::{Cell, Codec, Origin, Schema, TableError, TableOptions, cell};
use crate::data::{Block, DataError, Examples, Images};

/// Rows of a table, in its order, as a model reads them whose table had this schema.
///
/// Columns are found by their names, in any order; others are passed over. A word that a column of categories does not
/// have counts as a missing cell.
pub struct Rows {
    reader: Reader,
    codec: Codec,
    /// The number in the file of each of the schema's columns.
    places: Vec<usize>,
    label: Option<(usize, HashMap<String, u8>)>,
    names: Option<usize>,
    extra: Vec<String>,
    /// Of columns with words that nobody knows, how many cells, and the first of the words.
    unknown: BTreeMap<usize, (u64, String)>,
    record: StringRecord,
    cells: Vec<Cell>,
}

/// Some rows that follow one another.
#[derive(Clone, Debug, PartialEq)]
pub struct RowBlock {
    /// As a model reads them.
    pub block: Block,
    /// As the file has them, a text for each of its columns.
    pub texts: Vec<Vec<String>>,
}

impl Rows {
    /// Opens a table.
    ///
    /// # Errors
    /// Where it cannot be read, or lacks columns of the schema.
    pub fn open(
        origin: &Origin,
        options: &TableOptions,
        schema: Arc<Schema>,
    ) -> Result<Self, DataError> {
        let options = TableOptions {
            schema: Some(Arc::clone(&schema)),
            ..options.clone()
        };
        let reader = Reader::open(origin, &options)?;
        let mut found: HashMap<&str, usize> =
            reader.names.iter().map(String::as_str).zip(0..).collect();
        let mut places = Vec::new();
        let mut missing = Vec::new();
        for column in &schema.columns {
            match found.remove(column.name.as_str()) {
                Some(index) => places.push(index),
                None => missing.push(column.name.clone()),
            }
        }
        if !missing.is_empty() {
            return Err(TableError::MissingColumns {
                path: origin.path().to_owned(),
                missing,
                columns: reader.names,
                header: reader.header,
            }
            .into());
        }
        let label = schema.label.as_ref().and_then(|label| {
            let words = label.words.iter().cloned().zip(0..=u8::MAX);
            Some((found.remove(label.name.as_str())?, words.collect()))
        });
        let names = schema.names.as_deref().and_then(|name| found.remove(name));
        for name in &schema.ignored {
            found.remove(name.as_str());
        }
        let mut extra: Vec<_> = found.into_iter().collect();
        extra.sort_unstable_by_key(|&(_, index)| index);
        let extra = extra.into_iter().map(|(name, _)| name.to_owned()).collect();
        Ok(Self {
            codec: Codec::new(schema),
            places,
            label,
            names,
            extra,
            unknown: BTreeMap::new(),
            record: StringRecord::new(),
            cells: Vec::new(),
            reader,
        })
    }

    /// The names of the file's own columns, in its order.
    pub fn columns(&self) -> &[String] {
        &self.reader.names
    }

    /// Whether the file has a header.
    pub fn has_header(&self) -> bool {
        self.reader.header
    }

    /// What separates the file's cells; a comma where it is no text.
    pub fn delimiter(&self) -> u8 {
        self.reader.delimiter
    }

    /// The number in the file, from 0, of each of the schema's columns.
    pub fn places(&self) -> &[usize] {
        &self.places
    }

    /// What turns the schema's cells into rows.
    pub fn codec(&self) -> &Codec {
        &self.codec
    }

    /// What the user should be told of what was read until now: columns that were passed over, words that nobody
    /// knows.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.extra.is_empty() {
            let extra: Vec<_> = self
                .extra
                .iter()
                .take(8)
                .map(|name| format!("`{name}`"))
                .collect();
            let more = match self.extra.len() - extra.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            notes.push(format!(
                "{} that the model does not know: {}{more}",
                if self.extra.len() == 1 {
                    "a column is passed over"
                } else {
                    "columns are passed over"
                },
                extra.join(", ")
            ));
        }
        notes.extend(self.unknown_words());
        notes
    }

    /// A sentence for each column that had words which nobody knows.
    fn unknown_words(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for (&column, (cells, word)) in &self.unknown {
            notes.push(format!(
                "{cells} {} of column `{}` {} words that the model does not know, such as `{word}`: counted as missing",
                if *cells == 1 { "cell" } else { "cells" },
                self.codec.schema().columns[column].name,
                if *cells == 1 { "has" } else { "have" },
            ));
        }
        notes
    }

    /// The cells of the next row, one for each of the schema's columns, in its order; `None` at the end.
    ///
    /// # Errors
    /// Where they cannot be read, or one is not what its column's are.
    pub fn next_cells(&mut self) -> Result<Option<&[Cell]>, DataError> {
        if !self.reader.next(&mut self.record)? {
            return Ok(None);
        }
        self.cells.clear();
        for (column, &place) in self.places.iter().enumerate() {
            let text = &self.record[place];
            let cell = match self.codec.read(column, text) {
                Ok(cell) => cell,
                Err(Unread::Unknown) => {
                    let unknown = self.unknown.entry(column);
                    unknown.or_insert_with(|| (0, shortened(text))).0 += 1;
                    Cell::Missing
                }
                Err(unread) => return Err(self.wrong(column, text, unread)),
            };
            self.cells.push(cell);
        }
        Ok(Some(&self.cells))
    }

    /// Appends the next row to `values`; at the end nothing, and `None`. What it gives is the class of its label.
    pub(super) fn append(
        &mut self,
        values: &mut Vec<f32>,
    ) -> Result<Option<Option<u8>>, DataError> {
        if self.next_cells()?.is_none() {
            return Ok(None);
        }
        let missing = self.cells.iter().position(|cell| *cell == Cell::Missing);
        if let Some(column) = missing.filter(|_| !self.codec.layout().masked) {
            let text = &self.record[self.places[column]];
            return Err(TableError::Missing {
                at: self.reader.at(),
                column: self.codec.schema().columns[column].name.clone(),
                word: (!cell::is_missing(text)).then(|| shortened(text)),
            }
            .into());
        }
        self.codec.encode(&self.cells, values);
        Ok(Some(self.class()?))
    }

    /// The class of the last row.
    fn class(&self) -> Result<Option<u8>, DataError> {
        let Some((place, classes)) = &self.label else {
            return Ok(None);
        };
        let text = &self.record[*place];
        let column = &self.reader.names[*place];
        if cell::is_missing(text) {
            return Err(TableError::NoLabel {
                at: self.reader.at(),
                column: column.clone(),
            }
            .into());
        }
        let class = classes.get(cell::word(text)).or_else(|| classes.get(text));
        class.map(|&class| Some(class)).ok_or_else(|| {
            TableError::Cell {
                at: self.reader.at(),
                column: column.clone(),
                cell: shortened(text),
                wanted: "label that the run knows",
                remedy: "leave the row out, or the whole column",
            }
            .into()
        })
    }

    /// That a cell is not what its column's are.
    fn wrong(&self, column: usize, text: &str, unread: Unread) -> DataError {
        let (at, cell) = (self.reader.at(), shortened(text));
        let column = self.codec.schema().columns[column].name.clone();
        let remedy = "repair the cell, or leave it empty to say that it is missing";
        match unread {
            Unread::Other(wanted) => TableError::Cell {
                at,
                column,
                cell,
                wanted,
                remedy,
            },
            _ => TableError::NonFinite { at, column, cell },
        }
        .into()
    }

    /// The next rows, at most so many, with their texts; `None` at the end.
    ///
    /// # Errors
    /// Where they cannot be read, or a cell is not what its column's are.
    pub fn next_rows(&mut self, most: usize) -> Result<Option<RowBlock>, DataError> {
        let mut texts = Vec::new();
        let block = self.block(most, |record| {
            texts.push(record.iter().map(str::to_owned).collect());
        })?;
        Ok(block.map(|block| RowBlock { block, texts }))
    }

    fn block(
        &mut self,
        most: usize,
        mut each: impl FnMut(&StringRecord),
    ) -> Result<Option<Block>, DataError> {
        let mut values = Vec::new();
        let (mut labels, mut names) = (Vec::new(), Vec::new());
        let mut count = 0;
        while count < most {
            let Some(class) = self.append(&mut values)? else {
                break;
            };
            count += 1;
            labels.extend(class);
            names.extend(self.names.map(|place| self.record[place].to_owned()));
            each(&self.record);
        }
        if count == 0 {
            return Ok(None);
        }
        Ok(Some(Block {
            images: Images {
                count,
                height: 1,
                width: self.codec.layout().width(),
                channels: 1,
                pixels: values.into(),
            },
            labels: self.label.is_some().then_some(labels),
            names: self.names.is_some().then_some(names),
        }))
    }
}

impl Examples for Rows {
    fn total(&self) -> Option<usize> {
        None
    }

    fn next_block(&mut self, most: usize) -> Result<Option<Block>, DataError> {
        self.block(most, |_| {})
    }

    fn remarks(&self) -> Vec<String> {
        self.unknown_words()
    }
}
