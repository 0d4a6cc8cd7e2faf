//! Where data lie, as a run records it.

use std::path::{Path, PathBuf};

use vae_wgpu::data::Source;

use super::failure::Usage;

/// Whether the data set lies where `--data-dir` says.
pub(super) fn is_named(source: &Source) -> bool {
    !source.is_built_in() && !matches!(source, Source::Path(_))
}

/// Refuses data whose place a run could not record, so that it could never be resumed: TOML is UTF-8.
pub(super) fn check_recordable(source: &Source, data_dir: Option<&Path>) -> Result<(), Usage> {
    let place = match source {
        Source::Path(path) => Some(path.as_path()),
        named => data_dir.filter(|_| is_named(named)),
    };
    match place.map(absolute) {
        Some(path) if path.to_str().is_none() => Err(Usage(format!(
            "the path {} is not UTF-8, so that the run could not record where its data lie; rename \
             the folder, or name it by a link whose path is UTF-8",
            path.display()
        ))),
        _ => Ok(()),
    }
}

/// The same source, whatever the working directory.
pub(super) fn absolute_source(source: &Source) -> Source {
    match source {
        Source::Path(path) => Source::Path(absolute(path)),
        named => named.clone(),
    }
}

pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
