//! What the chunks of a WebP file claim, before its decoder believes them.

use super::Flaw;

/// Bytes before the first chunk: RIFF, the length, WEBP.
const HEADER: usize = 12;
/// Bytes before a chunk's contents: its name and their length.
const CHUNK: usize = 8;
/// The bit of an extended header that says that there are several frames.
const ANIMATED: u8 = 0x02;

/// The most pixels that a frame in the file has by its own header, which may say other than the file's.
///
/// # Errors
/// [`Flaw::CutShort`] where a chunk is longer than the file, and [`Flaw::Animation`].
pub(super) fn most_pixels(bytes: &[u8]) -> Result<u64, Flaw> {
    let mut rest = bytes.get(HEADER..).ok_or(Flaw::CutShort)?;
    let mut most = 0;
    while let Some((header, contents)) = rest.split_at_checked(CHUNK) {
        let (name, length) = header.split_at(CHUNK / 2);
        let length = little_endian(length) as usize;
        let chunk = contents.get(..length).ok_or(Flaw::CutShort)?;
        let pixels = match (name, chunk) {
            (b"VP8X", [flags, ..]) if flags & ANIMATED != 0 => return Err(Flaw::Animation),
            (b"ANIM" | b"ANMF", _) => return Err(Flaw::Animation),
            (b"VP8 ", [_, _, _, _, _, _, sizes @ ..]) if sizes.len() >= 4 => {
                let side = |of: &[u8]| u64::from(little_endian(of) & 0x3fff);
                side(&sizes[..2]) * side(&sizes[2..4])
            }
            (b"VP8L", [_, sizes @ ..]) if sizes.len() >= 4 => {
                let sizes = little_endian(&sizes[..4]);
                let side = |of: u32| u64::from(of & 0x3fff) + 1;
                side(sizes) * side(sizes >> 14)
            }
            _ => 0,
        };
        most = most.max(pixels);
        // Chunks begin at even places; the last one's filling byte may be missing.
        let end = (length + length % 2).min(contents.len());
        rest = &contents[end..];
    }
    Ok(most)
}

/// A number of at most four bytes.
fn little_endian(bytes: &[u8]) -> u32 {
    let bytes = bytes.iter().rev();
    bytes.fold(0, |number, &byte| number << 8 | u32::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_say_their_own_size() {
        let file = |chunk: &[u8]| [&b"RIFF\x20\0\0\0WEBP"[..], chunk].concat();
        // 16383x2 of a lossy frame, 3x5 of a lossless one.
        let lossy = file(b"VP8 \x0a\0\0\0\0\0\0\x9d\x01\x2a\xff\x3f\x02\x00");
        assert_eq!(most_pixels(&lossy).unwrap(), 16383 * 2);
        let lossless = file(b"VP8L\x05\0\0\0\x2f\x02\x00\x01\x00\0");
        assert_eq!(most_pixels(&lossless).unwrap(), 15);
        let short = most_pixels(&lossless[..lossless.len() - 2]);
        assert!(matches!(short, Err(Flaw::CutShort)));
        let animated = file(b"VP8X\x0a\0\0\0\x02\0\0\0\0\0\0\0\0\0");
        assert!(matches!(most_pixels(&animated), Err(Flaw::Animation)));
    }
}
