//! Rows of a table, drawn.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use rand::RngExt;

use crate::data::DataError;
use crate::data::table::{Cell, Rows, Schema};
use crate::rng::Philox;

/// Rows of a table, drawn without replacement, and which rows there are in all.
#[derive(Clone, Debug)]
pub struct Sample {
    /// `[drawn, columns]`.
    cells: Vec<Cell>,
    columns: usize,
    rows: u64,
    /// Of every row, what tells it from others.
    all: HashSet<u64>,
    /// Rows that are the same as a row of the real table: of that table itself, as an earlier one.
    copies: u64,
}

impl Sample {
    /// Goes through a table and keeps at most `most` rows, each with the same probability; counts the rows that `real`
    /// has too.
    ///
    /// # Errors
    /// Where the table cannot be read.
    pub fn read(
        table: &mut Rows,
        most: usize,
        rng: &mut Philox,
        real: Option<&Self>,
    ) -> Result<Self, DataError> {
        let schema = table.codec().schema().clone();
        let columns = schema.columns.len();
        let mut sample = Self {
            cells: Vec::new(),
            columns,
            rows: 0,
            all: HashSet::new(),
            copies: 0,
        };
        while let Some(cells) = table.next_cells()? {
            sample.add(&schema, cells, most, rng, real);
        }
        Ok(sample)
    }

    /// Of these rows, `[rows, columns]`, all of which are kept.
    #[cfg(test)]
    pub(super) fn of(schema: &Schema, cells: &[Cell], real: Option<&Self>) -> Self {
        let columns = schema.columns.len();
        let mut sample = Self {
            cells: Vec::new(),
            columns,
            rows: 0,
            all: HashSet::new(),
            copies: 0,
        };
        let mut rng = Philox::new(0, crate::rng::Stream::Comparison, 0);
        for row in cells.chunks(columns) {
            sample.add(schema, row, usize::MAX, &mut rng, real);
        }
        sample
    }

    fn add(
        &mut self,
        schema: &Schema,
        cells: &[Cell],
        most: usize,
        rng: &mut Philox,
        real: Option<&Self>,
    ) {
        let print = fingerprint(schema, cells);
        let is_copy = match real {
            Some(real) => real.all.contains(&print),
            None => !self.all.insert(print),
        };
        self.copies += u64::from(is_copy);
        self.rows += 1;
        if self.drawn() < most {
            self.cells.extend_from_slice(cells);
            return;
        }
        // Vitter's algorithm R.
        let place = rng.random_range(0..self.rows) as usize;
        if place < most {
            self.cells[place * self.columns..][..self.columns].copy_from_slice(cells);
        }
    }

    /// Rows of the table.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows that were kept.
    pub fn drawn(&self) -> usize {
        self.cells.len() / self.columns.max(1)
    }

    /// Share of all rows that are the same as a row of the real table: of that table itself, as an earlier one.
    pub(super) fn copies(&self) -> f64 {
        self.copies as f64 / (self.rows as f64).max(1.0)
    }

    /// The cells of a column.
    pub(super) fn column(&self, column: usize) -> impl Iterator<Item = Cell> + Clone {
        self.cells
            .iter()
            .skip(column)
            .step_by(self.columns)
            .copied()
    }
}

/// What tells a row from others, with its numbers as they are written.
fn fingerprint(schema: &Schema, cells: &[Cell]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (cell, column) in cells.iter().zip(&schema.columns) {
        match cell {
            Cell::Missing => 0_u8.hash(&mut hasher),
            Cell::Number(number) => {
                // As an f32, which is all that a model's rows have; + 0 makes one of both zeros.
                let number = column.seen.form.round(*number) as f32 + 0.0;
                (1_u8, number.to_bits()).hash(&mut hasher);
            }
            Cell::Word(word) => (2_u8, *word).hash(&mut hasher),
        }
    }
    hasher.finish()
}
