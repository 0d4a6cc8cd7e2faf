//! Files with z, read block by block.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;
use csv::StringRecord;
use vae_wgpu::data::{self, Examples, LoadOptions, Part, Pixels, Source, Stream};

use crate::cli::console;
use crate::cli::failure::Usage;

/// Latents `[count, Z]`, and the label of each where there are some.
pub(super) type Block = (Vec<f32>, Option<Vec<u8>>);

/// A file with z.
pub(super) struct Latents {
    rows: Rows,
    /// Dimensions of z.
    width: usize,
}

enum Rows {
    /// An array, of whose rows the first numbers are taken.
    Array(PathBuf, Stream),
    Csv(Lines),
}

impl Latents {
    /// Opens a file of z with so many dimensions.
    pub(super) fn open(path: &Path, width: usize) -> anyhow::Result<Self> {
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        let rows = if ending == "csv" {
            Rows::Csv(Lines::open(path, width)?)
        } else {
            let options = LoadOptions {
                // What `vae encode` calls μ.
                array: (ending == "safetensors").then(|| "mu".to_owned()),
                ..LoadOptions::default()
            };
            let source = Source::Path(path.to_owned());
            let stream = data::examples(&source, &options, Part::All, &mut |_| {})?;
            Rows::Array(path.to_owned(), stream)
        };
        Ok(Self { rows, width })
    }

    /// Dimensions of z.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// How many there are, where the file says so.
    pub(super) fn total(&self) -> Option<usize> {
        match &self.rows {
            Rows::Array(_, stream) => stream.total(),
            Rows::Csv(_) => None,
        }
    }

    /// The next ones, at most so many; none at the end.
    pub(super) fn next(&mut self, most: usize) -> anyhow::Result<Option<Block>> {
        match &mut self.rows {
            Rows::Csv(lines) => lines.next(most),
            Rows::Array(path, stream) => {
                let Some(block) = stream.next_block(most)? else {
                    return Ok(None);
                };
                let found = block.images.dim();
                check_width(path, found, self.width)?;
                let numbers = match block.images.pixels {
                    // Whole numbers, and no grey.
                    Pixels::Bytes(bytes) => bytes.iter().map(|&byte| f32::from(byte)).collect(),
                    Pixels::Floats(floats) => floats,
                };
                let first = numbers.chunks(found).flat_map(|row| &row[..self.width]);
                Ok(Some((first.copied().collect(), block.labels)))
            }
        }
    }
}

/// Rows are z, or μ and log σ² as `vae encode` writes them beside each other.
fn check_width(path: &Path, found: usize, width: usize) -> Result<(), Usage> {
    if found == 2 * width {
        console::note(&format!(
            "{} has {found} numbers in each row: the first {width} are taken for z, as those of μ before log σ²",
            path.display()
        ));
    } else if found != width {
        return Err(Usage(format!(
            "{} has {found} numbers in each row, and z of this run has {width}; give rows of that width",
            path.display()
        )));
    }
    Ok(())
}

/// Lines of text, after the one with the names of the columns.
struct Lines {
    path: PathBuf,
    reader: csv::Reader<File>,
    record: StringRecord,
    /// Whether the record is a line that was read to see whether it has names, and has none.
    is_first: bool,
    /// Which cells are z.
    z: Vec<usize>,
    /// Which cell is the label.
    label: Option<usize>,
    /// Cells of a line.
    cells: usize,
}

impl Lines {
    fn open(path: &Path, width: usize) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut lines = Self {
            path: path.to_owned(),
            reader: csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .trim(csv::Trim::All)
                .from_reader(file),
            record: StringRecord::new(),
            is_first: false,
            z: Vec::new(),
            label: None,
            cells: 0,
        };
        if !lines.advance()? {
            return Err(Usage(format!("{} is empty: it has no z", path.display())).into());
        }
        let cells = lines.record.clone();
        lines.cells = cells.len();
        if cells.iter().all(|cell| cell.parse::<f32>().is_ok()) {
            check_width(path, cells.len(), width)?;
            lines.z = (0..width).collect();
            lines.is_first = true;
            return Ok(lines);
        }
        let place = |name: &str| cells.iter().position(|cell| cell == name);
        lines.label = place("label");
        let of = |prefix: &str| -> Option<Vec<usize>> {
            let single = (width == 1).then(|| place(prefix)).flatten();
            let numbered = || (1..=width).map(|number| place(&format!("{prefix}_{number}")));
            single.map(|one| vec![one]).or_else(|| numbered().collect())
        };
        // Names that say nothing of z leave the order of the columns.
        let others: Vec<_> = (0..cells.len())
            .filter(|&cell| Some(cell) != lines.label)
            .collect();
        lines.z = match of("mu").or_else(|| of("z")) {
            Some(z) => z,
            None => {
                check_width(path, others.len(), width)?;
                others[..width].to_vec()
            }
        };
        Ok(lines)
    }

    /// Goes to the next line; false at the end.
    fn advance(&mut self) -> anyhow::Result<bool> {
        if std::mem::take(&mut self.is_first) {
            return Ok(true);
        }
        let read = self.reader.read_record(&mut self.record);
        read.with_context(|| format!("cannot read {}", self.path.display()))
    }

    fn next(&mut self, most: usize) -> anyhow::Result<Option<Block>> {
        let (mut z, mut labels) = (Vec::new(), Vec::new());
        for _ in 0..most {
            if !self.advance()? {
                break;
            }
            let cells = &self.record;
            let line = cells.position().map_or(0, csv::Position::line);
            let wrong =
                |what: String| Usage(format!("{}: line {line}, {what}", self.path.display()));
            if cells.len() != self.cells {
                let what = format!(
                    "{} cells, and the first line has {}",
                    cells.len(),
                    self.cells
                );
                return Err(wrong(what).into());
            }
            for &place in &self.z {
                let cell = &cells[place];
                match cell.parse::<f32>() {
                    Ok(number) if number.is_finite() => z.push(number),
                    _ => {
                        let what = format!("column {}: `{cell}` is no finite number", place + 1);
                        return Err(wrong(what).into());
                    }
                }
            }
            if let Some(place) = self.label {
                labels.push(cells[place].parse().ok());
            }
        }
        // Labels that are words say nothing to a decoder.
        let labels: Option<Vec<u8>> = labels.into_iter().collect();
        let labels = labels.filter(|labels| !labels.is_empty());
        Ok((!z.is_empty()).then_some((z, labels)))
    }
}
