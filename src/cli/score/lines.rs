//! Where scores go: `-o`.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use vae_wgpu::checkpoint::CheckpointError;
use vae_wgpu::{atomic, plot};

use super::examples::Scored;
use crate::cli::console;
use crate::cli::failure::Usage;
use crate::cli::output;

/// What an `-o` names, by its ending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lines {
    Nowhere,
    /// A line for each example.
    Csv(PathBuf),
    /// An array of f32, `[n]`.
    Npy(PathBuf),
    /// Lines on standard output.
    Stdout,
}

impl Lines {
    /// What a path means; refused before anything is opened if it cannot be meant, or is a file that the run lives by.
    pub(super) fn parse(path: Option<&Path>, run: &Path) -> Result<Self, Usage> {
        let Some(path) = path else {
            return Ok(Self::Nowhere);
        };
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        output::check_spares_run(path, run)?;
        let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
        match ending.as_deref().and_then(|ending| ending.to_str()) {
            Some("csv") => Ok(Self::Csv(path.to_owned())),
            Some("npy") => Ok(Self::Npy(path.to_owned())),
            _ => Err(Usage(format!(
                "-o {} has none of the endings that scores can be written with: .csv is a line for each example, .npy \
                 an array of f32, - lines on standard output",
                path.display()
            ))),
        }
    }

    /// Whether standard output is for a program.
    pub(super) fn is_on_stdout(&self) -> bool {
        *self == Self::Stdout
    }

    /// Does the work that adds lines, and puts them in their place when it is done; where it fails, what was there before
    /// stays. `None` where whoever reads standard output has gone.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&mut Sink<'_>) -> anyhow::Result<T>,
    ) -> anyhow::Result<Option<T>> {
        match self {
            Self::Nowhere => work(&mut Sink::default()).map(Some),
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                let mut sink = Sink::of(&mut stdout);
                let done = work(&mut sink);
                let done = done.and_then(|done| Ok(sink.end().map(|()| done)?));
                match done {
                    Err(error) if is_closed_pipe(&error) => Ok(None),
                    done => done.map(Some),
                }
            }
            Self::Npy(path) => {
                check_folder(path)?;
                let mut sink = Sink::array();
                let done = work(&mut sink)?;
                let scores: Vec<f32> = sink.array.unwrap_or_default();
                plot::save_npy(&scores, &[scores.len()], path)?;
                Ok(Some(done))
            }
            Self::Csv(path) => {
                let mut done = None;
                let written = atomic::write(path, |file| -> anyhow::Result<()> {
                    let mut sink = Sink::of(file);
                    done = Some(work(&mut sink)?);
                    Ok(sink.end()?)
                });
                match written.map_err(anyhow::Error::downcast::<io::Error>) {
                    Ok(()) => Ok(done),
                    Err(Ok(cause)) => Err(write_error(path, cause).into()),
                    Err(Err(error)) => Err(error),
                }
            }
        }
    }

    /// Says where the scores of so many examples are.
    pub(super) fn report(&self, count: usize) {
        if let Self::Csv(path) | Self::Npy(path) = self {
            let count = console::thousands(count as f64);
            console::aside(&format!("scores of {count} examples in {}", path.display()));
        }
    }
}

/// Refuses a file in a folder that is not there, before anything is computed.
fn check_folder(path: &Path) -> Result<(), CheckpointError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => return Ok(()),
    };
    let stat = std::fs::metadata(folder);
    stat.map(drop).map_err(|cause| write_error(path, cause))
}

/// That a file cannot be written.
fn write_error(path: &Path, cause: io::Error) -> CheckpointError {
    let path = path.to_owned();
    CheckpointError::Write { path, cause }
}

/// Whether an error is that nobody reads any more.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// What lines are added to.
#[derive(Default)]
pub(super) struct Sink<'a> {
    to: Option<csv::Writer<&'a mut dyn Write>>,
    /// The scores, where they become an array.
    array: Option<Vec<f32>>,
    has_begun: bool,
}

impl<'a> Sink<'a> {
    fn of(to: &'a mut dyn Write) -> Self {
        Self {
            to: Some(csv::Writer::from_writer(to)),
            ..Self::default()
        }
    }

    fn array() -> Self {
        Self {
            array: Some(Vec::new()),
            ..Self::default()
        }
    }

    /// Adds a line for each example: its number, its name and label if it has one, its score in nats, and whether that is
    /// above the threshold.
    pub(super) fn add(
        &mut self,
        examples: &Scored<'_>,
        classes: &[String],
        threshold: f64,
    ) -> io::Result<()> {
        if let Some(array) = &mut self.array {
            array.extend(examples.scores.iter().map(|&score| score as f32));
            return Ok(());
        }
        let Some(to) = &mut self.to else {
            return Ok(());
        };
        if !self.has_begun {
            self.has_begun = true;
            let name = examples.names.map(|_| "name");
            let label = examples.labels.map(|_| "label");
            let of_row = ["example"].into_iter().chain(name).chain(label);
            to.write_record(of_row.chain(["score", "above"]))?;
        }
        for (index, (number, score)) in examples.numbers.iter().zip(examples.scores).enumerate() {
            to.write_field(number.to_string())?;
            if let Some(names) = examples.names {
                to.write_field(&names[index])?;
            }
            if let Some(labels) = examples.labels {
                to.write_field(label(labels[index], classes).as_bytes())?;
            }
            let above = if *score > threshold { "1" } else { "0" };
            to.write_record([&format!("{score:.4}"), above])?;
        }
        Ok(())
    }

    /// Writes what is still in memory; the names of columns alone, where there are no examples.
    fn end(&mut self) -> io::Result<()> {
        let Some(to) = &mut self.to else {
            return Ok(());
        };
        if !self.has_begun {
            to.write_record(["example", "score", "above"])?;
        }
        to.flush()
    }
}

/// A label's word, or its number.
pub(super) fn label(label: u8, classes: &[String]) -> Cow<'_, str> {
    match classes.get(usize::from(label)) {
        Some(word) => Cow::Borrowed(word),
        None => Cow::Owned(label.to_string()),
    }
}
