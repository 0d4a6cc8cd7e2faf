//! TFRecord's frames: length, checksum of the length, content, checksum of the content.
//!
//! ```text
//! u64  length of the content    all numbers have their lowest byte first
//! u32  masked CRC-32C of these eight bytes
//! u8   content, so many times
//! u32  masked CRC-32C of the content
//! ```
//!
//! The checksum is CRC-32C (Castagnoli), turned by 15 bits and with a constant added, since a checksum of bytes that hold
//! checksums would be weak: <https://www.tensorflow.org/tutorials/load_data/tfrecord>.

/// Bytes before the content.
const HEADER: usize = 12;
/// Bytes behind the content.
const FOOTER: usize = 4;

/// Appends a record with this content to `bytes`.
pub fn push(bytes: &mut Vec<u8>, content: &[u8]) {
    let length = (content.len() as u64).to_le_bytes();
    bytes.extend(length);
    bytes.extend(masked_crc(&length).to_le_bytes());
    bytes.extend(content);
    bytes.extend(masked_crc(content).to_le_bytes());
}

/// The contents of the records that are whole, up to the end or to the first that is not: of a process that was killed,
/// the last record may be a part of one.
pub fn contents(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (content, rest) = first(bytes)?;
        bytes = rest;
        Some(content)
    })
}

/// The content of the first record, and what comes behind it.
fn first(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, rest) = bytes.split_first_chunk::<HEADER>()?;
    let (length, crc) = header.split_first_chunk::<8>()?;
    if crc != masked_crc(length).to_le_bytes() {
        return None;
    }
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (content, rest) = rest.split_at_checked(length)?;
    let (crc, rest) = rest.split_first_chunk::<FOOTER>()?;
    (*crc == masked_crc(content).to_le_bytes()).then_some((content, rest))
}

/// CRC-32C, turned right by 15 bits, plus a constant.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
        .rotate_right(15)
        .wrapping_add(0xA282_EAD8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appendix B.4 of RFC 3720 (iSCSI), whose bytes are printed in the order of the wire.
    #[test]
    fn the_checksum_has_its_known_answers() {
        let ascending: Vec<u8> = (0..32).collect();
        let descending: Vec<u8> = (0..32).rev().collect();
        for (bytes, crc) in [
            (&[0; 32][..], 0x8A91_36AA),
            (&[0xFF; 32], 0x62A8_AB43),
            (&ascending, 0x46DD_794E),
            (&descending, 0x113F_DB5C),
            (b"123456789", 0xE306_9283),
        ] {
            assert_eq!(crc32c::crc32c(bytes), crc);
            // Masking loses nothing.
            let unmasked = masked_crc(bytes).wrapping_sub(0xA282_EAD8).rotate_left(15);
            assert_eq!(unmasked, crc);
        }
    }

    /// The frame of an event file's first record as TensorFlow and PyTorch write it: 24 bytes of a time and of
    /// `brain.Event:2`, whose length and its checksum all event files begin with.
    #[test]
    fn a_record_is_framed_as_others_frame_it() {
        let content = b"\x09\0\0\0\0\0\0\xf0\x3f\x1a\x0dbrain.Event:2";
        let mut bytes = Vec::new();
        push(&mut bytes, content);
        assert_eq!(bytes.len(), HEADER + content.len() + FOOTER);
        let begin = [24, 0, 0, 0, 0, 0, 0, 0, 0xA3, 0x7F, 0x4B, 0x22];
        assert_eq!(bytes[..HEADER], begin);
        assert_eq!(&bytes[HEADER..HEADER + 24], content);
    }

    #[test]
    fn whole_records_are_read_wherever_the_file_is_cut_or_spoiled() {
        let contents_of =
            |bytes: &[u8]| -> Vec<Vec<u8>> { contents(bytes).map(<[u8]>::to_vec).collect() };
        let all = [&b"first"[..], b"", b"third of them"];
        let mut bytes = Vec::new();
        let mut ends = vec![0];
        for content in all {
            push(&mut bytes, content);
            ends.push(bytes.len());
        }
        for cut in 0..=bytes.len() {
            let whole = ends.iter().filter(|&&end| end <= cut).count() - 1;
            assert_eq!(contents_of(&bytes[..cut]), all[..whole], "{cut}");
        }
        for index in 0..bytes.len() {
            let mut spoiled = bytes.clone();
            spoiled[index] ^= 0x10;
            let before = ends.iter().filter(|&&end| end <= index).count() - 1;
            assert_eq!(contents_of(&spoiled), all[..before], "{index}");
        }
    }
}
