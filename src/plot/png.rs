//! Pictures as PNG files.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageFormat};

use super::PlotError;
use crate::checkpoint::write_whole;

/// The bytes of a PNG file of a picture, in grey or in colours.
///
/// # Errors
///
/// [`PlotError::Encode`] for a picture that PNG cannot hold (one without pixels).
pub fn encode_png(picture: &DynamicImage) -> Result<Vec<u8>, PlotError> {
    let mut bytes = Vec::new();
    picture
        .write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)
        .map_err(|error| PlotError::Encode {
            reason: error.to_string(),
        })?;
    Ok(bytes)
}

/// Saves a picture as PNG, atomically.
///
/// # Errors
///
/// [`PlotError::Write`], which names the file, the cause and the remedy; [`PlotError::Encode`] as [`encode_png`].
pub fn save_png(picture: &DynamicImage, path: &Path) -> Result<(), PlotError> {
    let bytes = encode_png(picture)?;
    write_whole(path, bytes.len() as u64, |file| file.write_all(&bytes))?;
    Ok(())
}
