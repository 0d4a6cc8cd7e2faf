//! Numbers as lines of text with commas between them.

use std::path::Path;

use crate::checkpoint::{CheckpointError, write_whole};

/// Saves a line of names and then `rows`, atomically. Values are written as they are: they have no commas,
/// quotes or line breaks.
///
/// # Errors
///
/// [`CheckpointError::NoRoom`] and [`CheckpointError::Write`]; then `path` is as it was.
pub fn save_csv<'a>(
    path: &Path,
    names: &[String],
    rows: impl IntoIterator<Item = &'a [String]>,
) -> Result<(), CheckpointError> {
    let mut text = names.join(",");
    text.push('\n');
    for row in rows {
        text.push_str(&row.join(","));
        text.push('\n');
    }
    write_whole(path, text.len() as u64, |file| {
        file.write_all(text.as_bytes())
    })
}
