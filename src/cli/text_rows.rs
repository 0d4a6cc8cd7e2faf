//! Where rows of a table go, as text: a file that is replaced whole, or standard output.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use vae_wgpu::atomic;
use vae_wgpu::checkpoint::CheckpointError;

use super::output::check_spares_run;

/// A place for rows as text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextRows<'a>(&'a Path);

impl<'a> TextRows<'a> {
    /// What a path means; refused where it would replace a file that the run lives by.
    pub(crate) fn parse(path: &'a Path, run: &Path) -> anyhow::Result<Self> {
        if path != Path::new("-") {
            check_spares_run(path, run)?;
        }
        Ok(Self(path))
    }

    /// Whether it is standard output.
    pub(crate) fn is_stdout(self) -> bool {
        self.0 == Path::new("-")
    }

    /// What separates cells there: tabs in a file whose name ends with .tsv, else commas.
    pub(crate) fn delimiter(self) -> u8 {
        let ending = self.0.extension().map(|ending| ending.to_ascii_lowercase());
        match ending.as_deref().and_then(|ending| ending.to_str()) {
            Some("tsv" | "tab") => b'\t',
            _ => b',',
        }
    }

    /// Writes what `content` writes. Whoever closes the pipe of standard output has read enough.
    pub(crate) fn write(
        self,
        content: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        if self.is_stdout() {
            let mut stdout = BufWriter::new(io::stdout().lock());
            let written = content(&mut stdout).and_then(|()| Ok(stdout.flush()?));
            return written.or_else(|error| match error.downcast_ref::<io::Error>() {
                Some(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                _ => Err(error),
            });
        }
        let written = atomic::write(self.0, content);
        written.map_err(|error| match error.downcast::<io::Error>() {
            Ok(cause) => CheckpointError::Write {
                path: self.0.to_owned(),
                cause,
            }
            .into(),
            Err(error) => error,
        })
    }
}
