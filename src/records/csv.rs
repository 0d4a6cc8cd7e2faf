//! Records as lines of text with commas between the columns (RFC 4180).

use std::fmt::Write as _;
use std::io::{self, Write};

use super::{Columns, Rows, Sink};

pub(super) struct Csv<W: Write> {
    writer: ::csv::Writer<W>,
    /// A number as text.
    text: String,
}

impl<W: Write> Csv<W> {
    /// Writes the line with the names.
    pub(super) fn begin(out: W, columns: &Columns) -> io::Result<Self> {
        let of_row = [(columns.names, "name"), (columns.labels, "label")];
        let of_row = of_row.into_iter().filter(|(is_there, _)| *is_there);
        let of_groups = columns.groups.iter().flat_map(|group| group.columns());
        let mut writer = ::csv::Writer::from_writer(out);
        writer.write_record(of_row.map(|(_, name)| name.to_owned()).chain(of_groups))?;
        Ok(Self {
            writer,
            text: String::new(),
        })
    }
}

impl<W: Write> Sink for Csv<W> {
    fn write(&mut self, columns: &Columns, rows: &Rows<'_>) -> io::Result<()> {
        for row in 0..rows.count(columns) {
            if let Some(names) = rows.names {
                self.writer.write_field(&names[row])?;
            }
            if let Some(labels) = rows.labels {
                self.writer.write_field(columns.label(labels[row]))?;
            }
            for (group, values) in columns.groups.iter().zip(rows.values) {
                let width = group.width();
                for value in &values[row * width..][..width] {
                    self.text.clear();
                    // The fewest digits that read back as the same f32; writing to a string does not fail.
                    let _ = write!(self.text, "{value:?}");
                    self.writer.write_field(&self.text)?;
                }
            }
            self.writer.write_record(None::<&[u8]>)?;
        }
        Ok(())
    }

    fn finish(&mut self, _columns: &Columns) -> io::Result<()> {
        self.writer.flush()
    }
}
