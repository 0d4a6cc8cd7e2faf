//! Images as an array in NumPy's format (`.npy`, version 1.0).

use std::path::Path;

use crate::checkpoint::{CheckpointError, write_whole};

/// The format's first eight bytes: its name, and the version.
const MAGIC: &[u8; 8] = b"\x93NUMPY\x01\x00";
/// Data begin at a multiple of this many bytes, as NumPy itself writes them.
const ALIGNMENT: usize = 64;

/// Saves values of this shape, such as `[count, height, width, channels]`, as little-endian f32, atomically: `numpy.load(path)` reads them.
///
/// # Errors
///
/// [`CheckpointError::NoRoom`] and [`CheckpointError::Write`]; then `path` is as it was.
///
/// # Panics
///
/// Where `values` are not as many as the shape says.
pub fn save_npy(values: &[f32], shape: &[usize], path: &Path) -> Result<(), CheckpointError> {
    assert_eq!(values.len(), shape.iter().product::<usize>(), "{shape:?}");
    let header = header(shape);
    let len = (header.len() + size_of_val(values)) as u64;
    write_whole(path, len, |file| {
        file.write_all(&header)?;
        for value in values {
            file.write_all(&value.to_le_bytes())?;
        }
        Ok(())
    })
}

/// All that comes before the values: magic, the length of the rest, a Python literal, spaces and a line break.
pub(crate) fn header(shape: &[usize]) -> Vec<u8> {
    let sizes: Vec<_> = shape.iter().map(usize::to_string).collect();
    // Of one size, Python's tuple ends with a comma.
    let comma = if shape.len() == 1 { "," } else { "" };
    let shape = sizes.join(", ");
    let literal =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}{comma}), }}");
    let before = MAGIC.len() + size_of::<u16>();
    let whole = (before + literal.len() + 1).next_multiple_of(ALIGNMENT);
    let padding = whole - before - literal.len() - 1;
    let mut header = MAGIC.to_vec();
    // A few numbers of twenty digits: far below what a u16 counts.
    header.extend_from_slice(&((whole - before) as u16).to_le_bytes());
    header.extend_from_slice(literal.as_bytes());
    header.extend(std::iter::repeat_n(b' ', padding));
    header.push(b'\n');
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `numpy.save` of NumPy 2 writes before an array of zeros of this shape.
    #[test]
    fn the_header_is_numpys() {
        let expected = [
            &b"\x93NUMPY\x01\x00\x76\x00"[..],
            b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 6, 5), }",
            &[b' '; 55],
            b"\n",
        ]
        .concat();
        assert_eq!(header(&[2, 6, 5]), expected);
        for count in [1, 10, 12_345_678, usize::MAX] {
            assert!(header(&[count, 28, 28, 3]).len().is_multiple_of(ALIGNMENT));
        }
    }

    #[test]
    fn values_follow_the_header_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let values: Vec<f32> = (0..12).map(|n| n as f32 / 11.0).collect();
        save_npy(&values, &[2, 3, 2], &path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let data = bytes.strip_prefix(&header(&[2, 3, 2])[..]).unwrap();
        let (read, rest) = data.as_chunks::<4>();
        assert!(rest.is_empty());
        let read: Vec<_> = read
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect();
        assert_eq!(read, values);
    }
}
