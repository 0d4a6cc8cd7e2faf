//! Pictures as PNG files.

use std::io::Cursor;
use std::path::Path;

use image::DynamicImage;
use image::codecs::png::{PngDecoder, PngEncoder};

use super::PlotError;
use crate::checkpoint::write_whole;

/// The bytes of a PNG file of a picture, in grey or in colours.
///
/// # Errors
///
/// [`PlotError::Encode`] for a picture that PNG cannot hold (one without pixels).
pub fn encode_png(picture: &DynamicImage) -> Result<Vec<u8>, PlotError> {
    let mut bytes = Vec::new();
    // Of one format: `write_to` would bring the encoders of all others along.
    picture
        .write_with_encoder(PngEncoder::new(&mut bytes))
        .map_err(|error| PlotError::Encode {
            reason: error.to_string(),
        })?;
    Ok(bytes)
}

/// Width and height of a PNG file's picture; `None` of bytes that are none, whole to its last pixel.
pub fn png_size(bytes: &[u8]) -> Option<[u32; 2]> {
    let picture = DynamicImage::from_decoder(PngDecoder::new(Cursor::new(bytes)).ok()?).ok()?;
    Some([picture.width(), picture.height()])
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
