//! What the directory of a TIFF file claims, before its decoder believes it.

use super::Flaw;

/// Bytes that a decoder has for each value of an entry while it reads it.
const DECODED: u64 = 32;
/// Entries from here on are private, of metadata that nobody asks for; likewise [`XMP`].
const PRIVATE: u64 = 0x8000;
const XMP: u64 = 700;

/// The numbers of a file, which says itself in what order their bytes are.
struct Numbers<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl Numbers<'_> {
    /// The number of so many bytes at an offset.
    fn at(&self, offset: u64, size: u64) -> Result<u64, Flaw> {
        let start = usize::try_from(offset).map_err(|_| Flaw::CutShort)?;
        let bytes = self.bytes.get(start..).ok_or(Flaw::CutShort)?;
        let bytes = bytes.get(..size as usize).ok_or(Flaw::CutShort)?;
        let push = |number: u64, &byte: &u8| number << 8 | u64::from(byte);
        Ok(match self.big_endian {
            true => bytes.iter().fold(0, push),
            false => bytes.iter().rev().fold(0, push),
        })
    }
}

/// Checks that the values of every entry of the first directory lie in the file, and that a decoder can hold them within
/// the limit.
///
/// # Errors
/// [`Flaw::CutShort`], or [`Flaw::Decode`] with the number of the entry that claims too many.
pub(super) fn check(bytes: &[u8], limit: u64) -> Result<(), Flaw> {
    let numbers = Numbers {
        bytes,
        big_endian: bytes.starts_with(b"MM"),
    };
    // BigTIFF has eight bytes wherever TIFF has four, and eight in the place of two for the number of entries.
    let is_big = numbers.at(2, 2)? == 43;
    let (word, counted, first) = match is_big {
        true => (8, 8, 8),
        false => (4, 2, 4),
    };
    let directory = numbers.at(first, word)?;
    let entries = numbers.at(directory, counted)?;
    let len = bytes.len() as u64;
    // An entry is a tag, a type, the number of values, and they themselves or where they are.
    let size = 4 + 2 * word;
    if entries.saturating_mul(size) > len {
        return Err(Flaw::CutShort);
    }
    for entry in 0..entries {
        let at = directory.saturating_add(counted + entry * size);
        let tag = numbers.at(at, 2)?;
        let of_value = match numbers.at(at + 2, 2)? {
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16..=18 => 8,
            _ => 1,
        };
        let count = numbers.at(at + 4, word)?;
        let held = count.saturating_mul(DECODED);
        let is_read = tag < PRIVATE && tag != XMP;
        if count.saturating_mul(of_value) > len || is_read && held > limit {
            return Err(Flaw::Decode {
                kind: "TIFF",
                reason: format!("entry {tag} claims {count} values"),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_no_more_values_than_the_file() {
        // One directory of one entry: strip offsets (273), long, so many values.
        let file = |count: u8| {
            let header = b"II\x2a\0\x08\0\0\0\x01\0\x11\x01\x04\0";
            [&header[..], &[count, 0, 0, 0, 0, 0, 0, 0]].concat()
        };
        check(&file(5), 1 << 10).unwrap();
        let error = check(&file(6), 1 << 10).unwrap_err();
        assert!(error.to_string().contains("entry 273 claims 6"), "{error}");
        assert!(check(&file(5), 100).is_err());
        // The number of values ends with byte 18.
        for len in 0..18 {
            assert!(check(&file(1)[..len], 1 << 10).is_err(), "{len}");
        }
        let big = [
            &b"MM\0\x2b\0\x08\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\x01"[..],
            b"\x01\x11\0\x10\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        ];
        let error = check(&big.concat(), 1 << 20).unwrap_err();
        assert!(error.to_string().contains("entry 273"), "{error}");
    }
}
