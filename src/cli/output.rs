//! Where pictures go: `-o`.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Component, Path, PathBuf};

use anyhow::Context;
use image::DynamicImage;
use vae_wgpu::checkpoint::{CheckpointError, RunDir};
use vae_wgpu::data::ImageSize;
use vae_wgpu::plot;
use vae_wgpu::train::Scaling;

use super::console;
use super::failure::Usage;

/// What an `-o` names, by its ending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// One picture of all images.
    Png(PathBuf),
    /// One picture of all images, on standard output.
    Stdout,
    /// An array.
    Npy(PathBuf),
    /// A picture for each image.
    Folder(PathBuf),
}

impl Output {
    /// What a path means; refused before anything is opened if it cannot be meant, or would replace a file that the run
    /// lives by.
    pub(crate) fn parse(path: &Path, run: &Path) -> Result<Self, Usage> {
        let text = path.to_string_lossy();
        if text == "-" {
            check_stdout()?;
            return Ok(Self::Stdout);
        }
        let ending = path
            .extension()
            .map(|ending| ending.to_string_lossy().to_lowercase());
        let output = if text.ends_with(std::path::is_separator) || path.is_dir() {
            Self::Folder(path.to_owned())
        } else {
            match ending.as_deref() {
                Some("png") => Self::Png(path.to_owned()),
                Some("npy") => Self::Npy(path.to_owned()),
                _ => {
                    return Err(Usage(format!(
                        "-o {text} has none of the endings that can be written: .png is one picture, .npy an array of \
                         f32, a folder or {text}/ a PNG for each image, - a PNG on standard output"
                    )));
                }
            }
        };
        check_spares_run(path, run)?;
        Ok(output)
    }

    /// What a path means where one picture is all that there is to write.
    pub(crate) fn picture(path: &Path, run: &Path) -> Result<Self, Usage> {
        match Self::parse(path, run)? {
            Self::Npy(_) | Self::Folder(_) => Err(Usage(format!(
                "-o {} is no place for one picture: name a file that ends with .png, or - for standard output",
                path.display()
            ))),
            output => Ok(output),
        }
    }

    /// The picture `name` in the run's own folder for such.
    pub(crate) fn among_samples(run: &RunDir, name: &str) -> Result<Self, CheckpointError> {
        Ok(Self::Png(run.make_samples()?.join(name)))
    }

    /// Writes one picture, in grey or in colours.
    pub(crate) fn write_picture(&self, picture: &DynamicImage) -> anyhow::Result<()> {
        match self {
            Self::Png(path) => Ok(plot::save_png(picture, path)?),
            _ => to_stdout(&plot::encode_png(picture)?),
        }
    }

    /// Writes images `[count, height * width * channels]`, with values as their model has them, one by one, where they do not go
    /// into one picture; else `false`.
    pub(crate) fn write_images(
        &self,
        images: &[f32],
        scaling: &Scaling,
        size: ImageSize,
    ) -> anyhow::Result<bool> {
        let dim = size.dim();
        let count = images.len() / dim;
        match self {
            Self::Png(_) | Self::Stdout => return Ok(false),
            Self::Npy(path) => {
                // Of one channel as [count, height, width].
                let shape = [vec![count], size.into()].concat();
                plot::save_npy(&scaling.data_values(images), &shape, path)?;
            }
            Self::Folder(folder) => {
                let last = count.saturating_sub(1);
                Self::write_singly(folder, images, (scaling, size), (0, last))?;
            }
        }
        Ok(true)
    }

    /// Writes images one by one into a folder, which is made where it is not there. Their names are numbers from `first` on,
    /// of as many digits as `last` has.
    pub(crate) fn write_singly(
        folder: &Path,
        images: &[f32],
        (scaling, size): (&Scaling, ImageSize),
        (first, last): (usize, usize),
    ) -> anyhow::Result<()> {
        fs::create_dir_all(folder).map_err(|cause| CheckpointError::Write {
            path: folder.to_owned(),
            cause,
        })?;
        let digits = last.to_string().len().max(4);
        for (number, image) in (first..).zip(scaling.shades(images).chunks(size.dim())) {
            let picture = plot::picture(image, size)?;
            plot::save_png(&picture, &folder.join(format!("{number:0digits$}.png")))?;
        }
        Ok(())
    }

    /// Says what was written and where; beside standard output where that has the picture.
    pub(crate) fn report(&self, what: &str, adapter: &str) {
        match self {
            Self::Png(path) | Self::Npy(path) | Self::Folder(path) => {
                console::line(&format!("{what} in {}, drawn on {adapter}", path.display()));
            }
            Self::Stdout => console::aside(&format!("{what}, drawn on {adapter}")),
        }
    }
}

/// Refuses a terminal that would be sent a picture's bytes.
pub(crate) fn check_stdout() -> Result<(), Usage> {
    if !io::stdout().is_terminal() {
        return Ok(());
    }
    let message = "-o - writes a picture's bytes to standard output, which is a terminal; send it to a file or a \
                   program, or name a file";
    Err(Usage(message.to_owned()))
}

/// Bytes on standard output, for a program.
pub(crate) fn to_stdout(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(bytes)
        .and_then(|()| stdout.flush())
        .context("cannot write to standard output")
}

/// Refuses to write where a file of the run would be replaced.
pub(crate) fn check_spares_run(path: &Path, run: &Path) -> Result<(), Usage> {
    if !is_a_runs_own(path, run) {
        return Ok(());
    }
    Err(Usage(format!(
        "-o {} lies among the files that the run {} lives by; choose another path",
        path.display(),
        run.display()
    )))
}

/// Whether a path, or what a link there leads to, is a file that the run consists of, or lies in its checkpoints.
fn is_a_runs_own(path: &Path, run: &Path) -> bool {
    let Ok(run) = fs::canonicalize(run) else {
        return false;
    };
    let name = path.file_name().unwrap_or_default();
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // What is not there yet lies where its folder is.
    let in_folder = || fs::canonicalize(folder).map(|folder| folder.join(name));
    let Ok(path) = fs::canonicalize(path).or_else(|_| in_folder()) else {
        return false;
    };
    let Ok(within) = path.strip_prefix(&run) else {
        return false;
    };
    let first = within.components().next();
    let Some(Component::Normal(first)) = first else {
        return false;
    };
    [
        "config.toml",
        "metrics.jsonl",
        "eval.json",
        "threshold.json",
        "checkpoints",
    ]
    .iter()
    .any(|own| first == *own)
}
