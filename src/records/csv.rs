//! Records as lines of text with commas between the columns (RFC 4180).

use std::fmt::Write as _;
use std::io::{self, Write};

use super::{Columns, Rows, Sink};

pub(super) struct Csv<W> {
    out: W,
    line: String,
}

impl<W: Write> Csv<W> {
    /// Writes the line with the names.
    pub(super) fn begin(out: W, columns: &Columns) -> io::Result<Self> {
        let of_row = [(columns.names, "name"), (columns.labels, "label")];
        let of_row = of_row.into_iter().filter(|(is_there, _)| *is_there);
        let of_groups = columns.groups.iter().flat_map(|group| group.columns());
        let names = of_row.map(|(_, name)| name.to_owned()).chain(of_groups);
        let mut csv = Self {
            out,
            line: String::new(),
        };
        for name in names {
            csv.cell(&name);
        }
        csv.end()?;
        Ok(csv)
    }

    /// Adds a cell to the line, in quotes where it would be taken for several or for another's part.
    fn cell(&mut self, text: &str) {
        self.separate();
        match text.contains([',', '"', '\n', '\r']) {
            true => {
                self.line.push('"');
                self.line.push_str(&text.replace('"', "\"\""));
                self.line.push('"');
            }
            false => self.line.push_str(text),
        }
    }

    fn separate(&mut self) {
        if !self.line.is_empty() {
            self.line.push(',');
        }
    }

    fn end(&mut self) -> io::Result<()> {
        self.line.push('\n');
        self.out.write_all(self.line.as_bytes())?;
        self.line.clear();
        Ok(())
    }
}

impl<W: Write> Sink for Csv<W> {
    fn write(&mut self, columns: &Columns, rows: &Rows<'_>) -> io::Result<()> {
        for row in 0..rows.count(columns) {
            if let Some(names) = rows.names {
                self.cell(&names[row]);
            }
            if let Some(labels) = rows.labels {
                self.cell(&columns.label(labels[row]));
            }
            for (group, values) in columns.groups.iter().zip(rows.values) {
                let width = group.width();
                for value in &values[row * width..][..width] {
                    self.separate();
                    // The fewest digits that read back as the same f32; writing to a string does not fail.
                    let _ = write!(self.line, "{value:?}");
                }
            }
            self.end()?;
        }
        Ok(())
    }

    fn finish(&mut self, _columns: &Columns) -> io::Result<()> {
        self.out.flush()
    }
}
