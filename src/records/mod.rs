//! Numbers of examples, written block by block: a row for each example, with its name and label where it has one.
//!
//! No more than a block is in memory, whatever the format. Files appear whole or not at all.
//!
//! | ending | |
//! |---|---|
//! | `.npy` | f32 `[n, …]`: all columns of a row beside each other; neither names nor labels |
//! | `.safetensors` | a tensor f32 `[n, …]` for each group of columns, `labels` u8 `[n]`, the classes' words as JSON in the metadata `classes`; no names |
//! | `.csv` | a line with the columns' names, then a line for each row: `name`, `label`, numbers in as many digits as tell them apart |
//! | `.parquet` | the columns of `.csv`; with the cargo feature `arrow` |

use std::io::{self, Write};
use std::path::{Path, PathBuf};

mod csv;
mod npy;
#[cfg(feature = "arrow")]
mod parquet;
mod safetensors;

use crate::atomic::Replacement;
use crate::checkpoint::CheckpointError;

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines of text.
    Csv,
    /// One array in NumPy's format.
    Npy,
    /// Columns, not compressed: needs the cargo feature `arrow`.
    Parquet,
    /// A tensor for each group of columns.
    Safetensors,
}

impl Format {
    /// That of a path, by its ending.
    pub fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_string_lossy().to_lowercase();
        Some(match ending.as_str() {
            "csv" => Self::Csv,
            "npy" => Self::Npy,
            "parquet" => Self::Parquet,
            "safetensors" => Self::Safetensors,
            _ => return None,
        })
    }

    /// Whether it has names of rows.
    pub fn has_names(self) -> bool {
        matches!(self, Self::Csv | Self::Parquet)
    }

    /// Whether it has labels of rows.
    pub fn has_labels(self) -> bool {
        self != Self::Npy
    }

    /// Whether this program was built with it.
    pub fn is_built(self) -> bool {
        self != Self::Parquet || cfg!(feature = "arrow")
    }
}

/// Columns that belong together, such as the dimensions of μ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What they are called. Where there are several, each has its number from 1 behind it: `mu_1`.
    pub name: String,
    /// Extents of a row's values, such as `[height, width]`; their product is the number of columns.
    pub shape: Vec<usize>,
}

impl Group {
    /// Values of a row.
    pub fn width(&self) -> usize {
        self.shape.iter().product()
    }

    /// The names of its columns.
    fn columns(&self) -> impl Iterator<Item = String> {
        let width = self.width();
        let name = move |number| match width {
            1 => self.name.clone(),
            _ => format!("{}_{number}", self.name),
        };
        (1..=width).map(name)
    }
}

/// What the rows have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// Whether each row has a name.
    pub names: bool,
    /// Whether each row has a label.
    pub labels: bool,
    /// The words for the labels; none where they are numbers.
    pub classes: Vec<String>,
    /// The numbers.
    pub groups: Vec<Group>,
}

impl Columns {
    /// The label as words, or as its number.
    fn label(&self, label: u8) -> String {
        let word = self.classes.get(usize::from(label));
        word.map_or_else(|| label.to_string(), String::clone)
    }
}

/// Some rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rows<'a> {
    /// A name for each, where the columns say so.
    pub names: Option<&'a [String]>,
    /// A label for each, where the columns say so.
    pub labels: Option<&'a [u8]>,
    /// Of each group its values, row by row.
    pub values: &'a [&'a [f32]],
}

impl Rows<'_> {
    /// How many there are.
    fn count(&self, columns: &Columns) -> usize {
        let first = self.values.first().zip(columns.groups.first());
        first.map_or(0, |(values, group)| values.len() / group.width().max(1))
    }
}

/// What writes a format.
trait Sink {
    /// Writes some rows.
    fn write(&mut self, columns: &Columns, rows: &Rows<'_>) -> io::Result<()>;

    /// Writes what comes at the end. A file's beginning may be written only now.
    fn finish(&mut self, columns: &Columns) -> io::Result<()>;
}

/// Where records go, opened before anything is computed.
#[derive(Debug)]
pub struct Target {
    path: PathBuf,
    format: Format,
    /// The file that is written; none for standard output.
    file: Option<Replacement>,
}

impl Target {
    /// A file that will be replaced at the end; `path` is not touched before.
    ///
    /// # Errors
    /// [`CheckpointError::Write`] where there can be no file at this path, and for a format that this program was built
    /// without.
    pub fn file(path: &Path, format: Format) -> Result<Self, CheckpointError> {
        let begun = match format.is_built() {
            true => Replacement::begin(path),
            false => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "this program was built without the cargo feature arrow, which writes Parquet: build it with that, or \
                 write .csv",
            )),
        };
        let file = begun.map_err(|cause| CheckpointError::write(path, 0, cause))?;
        Ok(Self {
            path: path.to_owned(),
            format,
            file: Some(file),
        })
    }

    /// Lines of text on standard output.
    pub fn stdout() -> Self {
        Self {
            path: PathBuf::from("standard output"),
            format: Format::Csv,
            file: None,
        }
    }

    /// How they are written.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Begins to write rows of these columns.
    ///
    /// # Errors
    /// [`CheckpointError::Write`] and [`CheckpointError::NoRoom`].
    pub fn begin(self, columns: Columns) -> Result<Writer, CheckpointError> {
        let Self { path, format, file } = self;
        let sink = || -> io::Result<Box<dyn Sink>> {
            let Some(file) = &file else {
                let stdout = io::BufWriter::new(io::stdout().lock());
                return Ok(Box::new(csv::Csv::begin(stdout, &columns)?));
            };
            let out = file.file().try_clone()?;
            Ok(match format {
                Format::Csv => Box::new(csv::Csv::begin(
                    io::BufWriter::with_capacity(1 << 18, out),
                    &columns,
                )?),
                Format::Npy => Box::new(npy::Npy::begin(out, &columns)?),
                Format::Safetensors => {
                    Box::new(safetensors::Safetensors::begin(out, file, &columns)?)
                }
                #[cfg(feature = "arrow")]
                Format::Parquet => Box::new(parquet::Parquet::begin(out, &columns)?),
                #[cfg(not(feature = "arrow"))]
                Format::Parquet => return Err(io::ErrorKind::Unsupported.into()),
            })
        };
        match sink() {
            Ok(sink) => Ok(Writer {
                path,
                columns,
                sink,
                file,
                count: 0,
            }),
            Err(cause) => Err(CheckpointError::write(&path, 0, cause)),
        }
    }
}

/// Writes records. Without [`Writer::finish`] no file appears.
pub struct Writer {
    path: PathBuf,
    columns: Columns,
    sink: Box<dyn Sink>,
    file: Option<Replacement>,
    /// Rows that are written.
    count: usize,
}

impl Writer {
    /// Writes some rows.
    ///
    /// # Errors
    /// [`CheckpointError::Write`], for a pipe that is closed with the kind [`io::ErrorKind::BrokenPipe`] as its cause,
    /// and where the rows are none of the columns that were begun with; [`CheckpointError::NoRoom`].
    pub fn write(&mut self, rows: &Rows<'_>) -> Result<(), CheckpointError> {
        let count = rows.count(&self.columns);
        let groups = self
            .columns
            .groups
            .iter()
            .map(|group| group.width() * count);
        let is_whole = groups.eq(rows.values.iter().map(|values| values.len()))
            && rows.names.map(<[String]>::len) == self.columns.names.then_some(count)
            && rows.labels.map(<[u8]>::len) == self.columns.labels.then_some(count);
        let written = match is_whole {
            true => self.sink.write(&self.columns, rows),
            false => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "rows have other columns than those before them",
            )),
        };
        self.count += count;
        written.map_err(|cause| CheckpointError::write(&self.path, 0, cause))
    }

    /// Writes the end, puts the file in its place and says how many rows it has.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub fn finish(mut self) -> Result<usize, CheckpointError> {
        let mut end = || {
            self.sink.finish(&self.columns)?;
            match self.file.take() {
                Some(file) => file.commit(),
                None => io::stdout().lock().flush(),
            }
        };
        match end() {
            Ok(()) => Ok(self.count),
            Err(cause) => Err(CheckpointError::write(&self.path, 0, cause)),
        }
    }
}

/// Numbers as little-endian bytes.
fn write_f32(out: &mut dyn Write, values: &[f32]) -> io::Result<()> {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    out.write_all(&bytes)
}
