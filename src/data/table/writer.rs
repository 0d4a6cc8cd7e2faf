//! Rows written as the table has them.

use std::io::{self, Write};
use std::sync::Arc;

use super::{Cell, Codec, Schema};

/// Writes rows as text with a header, each cell in the column's own units and words; a missing cell is empty.
pub struct Writer<W: Write> {
    codec: Codec,
    writer: csv::Writer<W>,
    text: String,
}

impl<W: Write> Writer<W> {
    /// Writes the header: the columns of the schema in its order, and after them those named in `more`.
    ///
    /// # Errors
    /// The operating system's.
    pub fn new(schema: Arc<Schema>, delimiter: u8, more: &[&str], writer: W) -> io::Result<Self> {
        let mut writer = csv::WriterBuilder::new()
            .delimiter(delimiter)
            .from_writer(writer);
        let names = schema.columns.iter().map(|column| column.name.as_str());
        writer.write_record(names.chain(more.iter().copied()))?;
        Ok(Self {
            codec: Codec::new(schema),
            writer,
            text: String::new(),
        })
    }

    /// Writes a row: a cell for each of the schema's columns, and texts for those after them.
    ///
    /// # Errors
    /// The operating system's, and where the number of cells and texts is not that of the header.
    pub fn write(&mut self, cells: &[Cell], more: &[&str]) -> io::Result<()> {
        for (column, cell) in cells.iter().enumerate() {
            self.text.clear();
            self.codec.write(column, *cell, &mut self.text);
            self.writer.write_field(&self.text)?;
        }
        for text in more {
            self.writer.write_field(text)?;
        }
        Ok(self.writer.write_record(None::<&[u8]>)?)
    }

    /// Writes the rows of a model, `[rows, width]`, of which each has [`Layout::values`](super::Layout::values) values
    /// or, with those that say which cells are there, [`Layout::width`](super::Layout::width).
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn write_rows(&mut self, rows: &[f32], width: usize) -> io::Result<()> {
        for row in rows.chunks_exact(width.max(1)) {
            let cells = self.codec.decode(row);
            self.write(&cells, &[])?;
        }
        Ok(())
    }

    /// Hands on what is not written yet, and gives back what it was written to.
    ///
    /// # Errors
    /// The operating system's.
    pub fn finish(self) -> io::Result<W> {
        self.writer.into_inner().map_err(|error| error.into_error())
    }
}

/// Writes rows as a file had them, with some cells in the place of others: every column in the file's own order.
pub struct Filler<W: Write> {
    codec: Codec,
    /// The number in the file of each of the schema's columns.
    places: Vec<usize>,
    writer: csv::Writer<W>,
    text: String,
}

impl<W: Write> Filler<W> {
    /// For the rows of a file, of which `rows` says what its columns are; writes its header, where it has one.
    ///
    /// # Errors
    /// The operating system's.
    pub fn new(rows: &super::Rows, writer: W) -> io::Result<Self> {
        let delimiter = rows.delimiter();
        let mut writer = csv::WriterBuilder::new()
            .delimiter(delimiter)
            .from_writer(writer);
        if rows.has_header() {
            writer.write_record(rows.columns())?;
        }
        Ok(Self {
            codec: rows.codec().clone(),
            places: rows.places().to_vec(),
            writer,
            text: String::new(),
        })
    }

    /// Writes a row of the file, `texts`, with the cells of the schema's columns that are [`Some`] in the place of its
    /// own.
    ///
    /// # Errors
    /// The operating system's.
    pub fn write(&mut self, texts: &[String], cells: &[Option<Cell>]) -> io::Result<()> {
        let mut texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut filled = Vec::new();
        for (column, cell) in cells.iter().enumerate() {
            if let Some(cell) = cell {
                self.text.clear();
                self.codec.write(column, *cell, &mut self.text);
                filled.push((self.places[column], self.text.clone()));
            }
        }
        for (place, text) in &filled {
            texts[*place] = text;
        }
        Ok(self.writer.write_record(texts)?)
    }

    /// Hands on what is not written yet, and gives back what it was written to.
    ///
    /// # Errors
    /// The operating system's.
    pub fn finish(self) -> io::Result<W> {
        self.writer.into_inner().map_err(|error| error.into_error())
    }
}
