//! Files with z, read block by block.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::Context;
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
    reader: BufReader<File>,
    /// Lines that were read.
    number: usize,
    /// A line that was read to see whether it has names, and has none.
    first: Option<String>,
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
            reader: BufReader::new(file),
            number: 0,
            first: None,
            z: Vec::new(),
            label: None,
            cells: 0,
        };
        let Some(first) = lines.line()? else {
            return Err(Usage(format!("{} is empty: it has no z", path.display())).into());
        };
        let cells = split(&first);
        lines.cells = cells.len();
        if cells.iter().all(|cell| cell.trim().parse::<f32>().is_ok()) {
            check_width(path, cells.len(), width)?;
            lines.z = (0..width).collect();
            lines.first = Some(first);
            return Ok(lines);
        }
        let place = |name: &str| cells.iter().position(|cell| cell.trim() == name);
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

    /// The next line that is not empty.
    fn line(&mut self) -> anyhow::Result<Option<String>> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        loop {
            let mut line = String::new();
            let read = self.reader.read_line(&mut line);
            let read = read.with_context(|| format!("cannot read {}", self.path.display()))?;
            self.number += 1;
            match (read, line.trim_end_matches(['\n', '\r'])) {
                (0, _) => return Ok(None),
                (_, "") => {}
                (_, text) => return Ok(Some(text.to_owned())),
            }
        }
    }

    fn next(&mut self, most: usize) -> anyhow::Result<Option<Block>> {
        let (mut z, mut labels) = (Vec::new(), Vec::new());
        for _ in 0..most {
            let Some(line) = self.line()? else {
                break;
            };
            let wrong = |what: String| {
                Usage(format!(
                    "{}: line {}, {what}",
                    self.path.display(),
                    self.number
                ))
            };
            let cells = split(&line);
            if cells.len() != self.cells {
                let what = format!(
                    "has {} cells and the first line {}",
                    cells.len(),
                    self.cells
                );
                return Err(wrong(what).into());
            }
            for &place in &self.z {
                let cell = cells[place].trim();
                match cell.parse::<f32>() {
                    Ok(number) if number.is_finite() => z.push(number),
                    _ => {
                        let what = format!("column {}: `{cell}` is no finite number", place + 1);
                        return Err(wrong(what).into());
                    }
                }
            }
            if let Some(place) = self.label {
                labels.push(cells[place].trim().parse().ok());
            }
        }
        // Labels that are words say nothing to a decoder.
        let labels: Option<Vec<u8>> = labels.into_iter().collect();
        let labels = labels.filter(|labels| !labels.is_empty());
        Ok((!z.is_empty()).then_some((z, labels)))
    }
}

/// The cells of a line; in quotes a comma separates nothing, and two quotes are one.
fn split(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut is_quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        let last = cells.len() - 1;
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cells[last].push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => cells.push(String::new()),
            c => cells[last].push(c),
        }
    }
    cells
}
