//! From cells to a model's row, and back.

use std::collections::HashMap;
use std::sync::Arc;

use super::cell::{self, Read};
use super::{Cell, Kind, Layout, Place, Schema};

/// Turns the cells of a schema's columns into a model's rows, and back.
#[derive(Clone, Debug)]
pub struct Codec {
    schema: Arc<Schema>,
    layout: Layout,
    places: Vec<Place>,
    /// The numbers of each column's words.
    words: Vec<HashMap<String, usize>>,
}

/// Why a text is no cell of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// A word that the column does not have.
    Unknown,
    /// A number that is not finite.
    NonFinite,
    /// No number, count or date, which the column is of.
    Other(&'static str),
}

impl Codec {
    /// Of this schema.
    pub fn new(schema: Arc<Schema>) -> Self {
        let words = schema.columns.iter().map(|column| match &column.kind {
            Kind::Category { words } => words.iter().cloned().zip(0..).collect(),
            _ => HashMap::new(),
        });
        Self {
            layout: schema.layout(),
            places: schema.places(),
            words: words.collect(),
            schema,
        }
    }

    /// The schema.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// How its rows are put together.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Reads a cell of a column from its text.
    pub(super) fn read(&self, column: usize, text: &str) -> Result<Cell, Unread> {
        if cell::is_missing(text) {
            return Ok(Cell::Missing);
        }
        let form = self.schema.columns[column].seen.form;
        match &self.schema.columns[column].kind {
            Kind::Category { .. } => {
                let words = &self.words[column];
                let number = words.get(text).or_else(|| words.get(cell::word(text)));
                number
                    .map(|&number| Cell::Word(number))
                    .ok_or(Unread::Unknown)
            }
            Kind::Number { .. } if form.is_date() => match cell::read(text) {
                Some(Read::Date(seconds, _)) => Ok(Cell::Number(seconds)),
                _ => Err(Unread::Other("date as YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS")),
            },
            kind => match cell::read(text) {
                Some(Read::Number(number, _)) => {
                    let is_count = number >= 0.0 && number.fract() == 0.0;
                    match kind {
                        Kind::Count if !is_count => {
                            Err(Unread::Other("count, a whole number from 0 on"))
                        }
                        _ => Ok(Cell::Number(number)),
                    }
                }
                Some(Read::NonFinite) => Err(Unread::NonFinite),
                _ => Err(Unread::Other("number")),
            },
        }
    }

    /// Appends the row of a model, [`Layout::width`] values, of a cell for each column of the schema, in its order.
    /// A word beyond the column's counts as a missing cell, as does a cell of the other kind.
    pub fn encode(&self, cells: &[Cell], rows: &mut Vec<f32>) {
        let start = rows.len();
        rows.resize(start + self.layout.width(), 0.0);
        let row = &mut rows[start..];
        for ((column, place), cell) in self.schema.columns.iter().zip(&self.places).zip(cells) {
            let there = match (&column.kind, *cell) {
                (Kind::Number { mean, deviation }, Cell::Number(number)) => {
                    row[place.start] = ((number - mean) / deviation) as f32;
                    true
                }
                (Kind::Count, Cell::Number(number)) => {
                    row[place.start] = number as f32;
                    true
                }
                (Kind::Category { words }, Cell::Word(word)) if word < words.len() => {
                    row[place.start + word] = 1.0;
                    true
                }
                _ => false,
            };
            if self.layout.masked && there {
                row[self.layout.values() + place.number] = 1.0;
            }
        }
    }

    /// The cells of a model's row, in the order of the schema's columns: numbers in the table's units, counts whole and
    /// not below 0, of a category the word of the greatest value. `row` has [`Layout::values`] values or, with those
    /// that say which cells are there, [`Layout::width`]; then cells that are not are [`Cell::Missing`].
    ///
    /// # Panics
    /// Where the row is shorter.
    pub fn decode(&self, row: &[f32]) -> Vec<Cell> {
        let values = self.layout.values();
        let mask = Some(&row[values..]).filter(|mask| mask.len() == self.layout.columns());
        let columns = self.schema.columns.iter().zip(&self.places);
        columns
            .map(|(column, place)| {
                if mask.is_some_and(|mask| mask[place.number] == 0.0) {
                    return Cell::Missing;
                }
                let value = row[place.start];
                match &column.kind {
                    Kind::Number { mean, deviation } => {
                        Cell::Number(f64::from(value) * deviation + mean)
                    }
                    Kind::Count => Cell::Number(f64::from(value).round().max(0.0)),
                    Kind::Category { words } => {
                        let values = &row[place.start..][..words.len()];
                        let mut best = 0;
                        for (word, value) in values.iter().enumerate() {
                            if *value > values[best] {
                                best = word;
                            }
                        }
                        Cell::Word(best)
                    }
                }
            })
            .collect()
    }

    /// Appends a cell of a column as the table writes it; nothing of one that is missing.
    pub fn write(&self, column: usize, cell: Cell, text: &mut String) {
        let column = &self.schema.columns[column];
        match (&column.kind, cell) {
            (Kind::Category { words }, Cell::Word(word)) => {
                text.push_str(words.get(word).map_or("", String::as_str));
            }
            (Kind::Count, Cell::Number(number)) => super::Form::Decimals(0).write(number, text),
            (Kind::Number { .. }, Cell::Number(number)) => column.seen.form.write(number, text),
            _ => {}
        }
    }
}
