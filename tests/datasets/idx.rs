//! The IDX reader on whole and on broken files.

use std::io::{Cursor, Write};
use std::path::Path;

use proptest::prelude::*;
use vae_wgpu::data::idx::{
    IdxExamples, images_from, labels_from, read_images, read_labels, write_images, write_labels,
};
use vae_wgpu::data::{DataError, Examples, Images};

use super::{
    assert_says, bytes, coloured, gzip, idx_bytes, image, image_bytes, images, label_bytes,
    with_bytes,
};

const NAME: &str = "somewhere/some-images";

fn images_error(bytes: &[u8]) -> DataError {
    images_from(bytes, Path::new(NAME)).unwrap_err()
}

fn labels_error(bytes: &[u8]) -> DataError {
    labels_from(bytes, Path::new(NAME)).unwrap_err()
}

#[test]
fn written_files_read_back_and_have_the_published_layout() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("images");
    let written = images(5, 3, 2, 1);
    write_images(&path, &written).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), image_bytes(&written));
    assert_eq!(read_images(&path).unwrap(), written);
    let back = read_images(&path).unwrap();
    assert_eq!((back.dim(), image(&back, 4)), (6, &bytes(&written)[24..]));

    let path = dir.path().join("labels");
    write_labels(&path, &[3, 1, 4]).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), label_bytes(&[3, 1, 4]));
    assert_eq!(read_labels(&path).unwrap(), [3, 1, 4]);
}

/// Four dimensions are colours: red, green and blue of each pixel lie together.
#[test]
fn colours_are_a_fourth_dimension() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("images");
    let written = coloured(images(5, 3, 6, 1));
    write_images(&path, &written).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(bytes, image_bytes(&written));
    assert_eq!(bytes[..4], [0, 0, 8, 4]);
    assert_eq!(read_images(&path).unwrap(), written);
    assert_says(&images_error(&bytes[..18]), &["byte 18", "20-byte header"]);
    let mut empty = bytes.clone();
    empty[19] = 0;
    assert_says(&images_error(&empty), &["number of channels", "at byte 16"]);
    let huge = idx_bytes(&[0x804, u32::MAX, u32::MAX, u32::MAX, u32::MAX], &[]);
    assert_says(&images_error(&huge), &["bytes 4 to 19", "can address"]);
}

#[test]
fn images_come_block_by_block_as_they_are() {
    for (written, compress) in [
        (coloured(images(7, 3, 6, 1)), true),
        (images(7, 2, 3, 0), false),
    ] {
        let bytes = image_bytes(&written);
        let bytes = if compress { gzip(&bytes) } else { bytes };
        let read = |bytes: Vec<u8>| -> Result<Vec<_>, DataError> {
            let mut examples = IdxExamples::from_reader(Cursor::new(bytes), Path::new(NAME))?;
            assert_eq!(examples.total(), Some(7));
            let mut found = Vec::new();
            while let Some(block) = examples.next_block(3)? {
                found.push(block.images);
            }
            Ok(found)
        };
        let found = read(bytes.clone()).unwrap();
        let expected = [&[0, 1, 2][..], &[3, 4, 5], &[6]].map(|of| written.chosen(of));
        assert_eq!(found, expected);
        let mut short = bytes;
        short.pop();
        assert_says(&read(short).unwrap_err(), &[NAME, "cut short"]);
    }
}

#[test]
fn a_writer_refuses_pixels_that_do_not_fit_the_sizes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("images");
    let wrong = with_bytes(&images(5, 3, 2, 1), |bytes| bytes.truncate(29));
    assert_says(
        &write_images(&path, &wrong).unwrap_err(),
        &["5 x 3 x 2", "29"],
    );
    assert!(!path.exists());
    let overflow = Images {
        count: usize::MAX,
        ..images(1, 2, 2, 0)
    };
    write_images(&path, &overflow).unwrap_err();
}

#[test]
fn gzip_is_known_by_its_contents() {
    let expected = images(7, 4, 5, 2);
    let bytes = gzip(&image_bytes(&expected));
    assert_eq!(
        images_from(&bytes[..], Path::new("no-suffix")).unwrap(),
        expected
    );
    // Several members in one file are one stream.
    let (head, tail) = (&image_bytes(&expected)[..33], &image_bytes(&expected)[33..]);
    let bytes = [gzip(head), gzip(tail)].concat();
    assert_eq!(images_from(&bytes[..], Path::new(NAME)).unwrap(), expected);
}

#[test]
fn a_magic_number_of_something_else_is_named_with_its_value() {
    let labels = label_bytes(&[1; 20]);
    assert_says(
        &images_error(&labels),
        &[
            NAME,
            "byte 0",
            "0x00000801",
            "0x00000803",
            "a file of labels",
        ],
    );
    assert_says(
        &labels_error(&image_bytes(&images(1, 2, 2, 0))),
        &[NAME, "byte 0", "0x00000803", "a file of images"],
    );
    // Floats in two dimensions, and a kind of number that there is none of.
    for magic in [0x0d02, 0x0a03] {
        assert_says(
            &images_error(&idx_bytes(&[magic, 1, 1, 1], &[0; 4])),
            &[&format!("{magic:#010x}"), "numbers in three dimensions"],
        );
    }
    assert_says(
        &labels_error(&idx_bytes(&[0x0d01, 1], &[0; 4])),
        &["0x00000d01", "only unsigned bytes"],
    );
    assert_says(
        &images_error(b"<!DOCTYPE html>"),
        &["0x3c21444f", "another kind of file"],
    );
}

#[test]
fn a_file_that_ends_in_the_header_says_where() {
    let whole = image_bytes(&images(1, 2, 2, 0));
    for len in 0..16 {
        let found = format!("ends at byte {len}");
        assert_says(
            &images_error(&whole[..len]),
            &[NAME, &found, "16-byte header"],
        );
    }
    assert_says(
        &labels_error(&label_bytes(&[1])[..7]),
        &["ends at byte 7", "8-byte header"],
    );
}

#[test]
fn a_dimension_of_zero_is_named_with_its_byte() {
    for (zero, name, byte) in [(0, "image count", 4), (1, "height", 8), (2, "width", 12)] {
        let mut header = [0x803, 2, 3, 4];
        header[zero + 1] = 0;
        let byte = format!("at byte {byte} is 0");
        assert_says(
            &images_error(&idx_bytes(&header, &[])),
            &[NAME, name, &byte],
        );
    }
    assert_says(
        &labels_error(&label_bytes(&[])),
        &["label count", "at byte 4 is 0"],
    );
}

#[test]
fn missing_and_surplus_bytes_are_told_apart() {
    let whole = image_bytes(&images(3, 5, 5, 0));
    for len in [16, 17, whole.len() - 1] {
        let found = format!("cut short at byte {len}");
        assert_says(&images_error(&whole[..len]), &[NAME, &found, "91 bytes"]);
    }
    let surplus = [whole, vec![0]].concat();
    assert_says(&images_error(&surplus), &[NAME, "end at byte 91"]);
    assert_says(&images_error(&gzip(&surplus)), &[NAME, "end at byte 91"]);
    assert_says(
        &labels_error(&idx_bytes(&[0x801, 2], &[1])),
        &["cut short at byte 9"],
    );
    assert_says(
        &labels_error(&idx_bytes(&[0x801, 2], &[1; 3])),
        &["end at byte 10"],
    );
}

#[test]
fn absurd_sizes_end_in_an_error_and_not_in_an_allocation() {
    let overflow = images_error(&idx_bytes(&[0x803, u32::MAX, u32::MAX, u32::MAX], &[0; 9]));
    assert_says(&overflow, &[NAME, "4294967295", "can address"]);
    // Below the limit of a 64-bit machine, yet beyond any memory.
    let huge = images_error(&idx_bytes(&[0x803, 1 << 20, 1 << 20, 1 << 20], &[0; 9]));
    assert_says(&huge, &["cut short at byte 25", "1152921504606846992"]);
    assert_says(
        &labels_error(&idx_bytes(&[0x801, u32::MAX], &[0; 9])),
        &["cut short at byte 17"],
    );
}

/// Of a file, the length is known, so that memory for what its header claims can be asked for before it is read.
#[test]
fn memory_for_what_a_file_cannot_hold_is_not_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("images");
    let absurd = idx_bytes(&[0x803, 1 << 20, 1 << 20, 1 << 20], &[0; 9]);
    for bytes in [gzip(&absurd), absurd] {
        std::fs::write(&path, bytes).unwrap();
        let error = read_images(&path).unwrap_err();
        assert_says(&error, &["cut short at byte 25", "1152921504606846992"]);
    }
    // What compresses best is below the bound for compressed files.
    let black = Images {
        pixels: vec![0_u8; 1 << 22].into(),
        ..images(1 << 12, 32, 32, 0)
    };
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&image_bytes(&black)).unwrap();
    let bytes = encoder.finish().unwrap();
    assert!(bytes.len() < black.pixels.len() / 900, "{}", bytes.len());
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(read_images(&path).unwrap(), black);
}

#[test]
fn a_gzip_stream_that_is_cut_or_damaged_is_named_with_the_byte_reached() {
    // Pixels that do not compress, so that cutting the stream in half cuts the pixels too.
    let mut state = 1_u32;
    let noisy = with_bytes(&images(40, 28, 28, 0), |bytes| {
        for byte in bytes {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (state >> 24) as u8;
        }
    });
    let bytes = gzip(&image_bytes(&noisy));
    match images_error(&bytes[..bytes.len() / 2]) {
        DataError::Gzip { path, offset, .. } => {
            assert_eq!(path, Path::new(NAME));
            assert!((1000..31_000).contains(&offset), "{offset}");
        }
        other => panic!("{other}"),
    }
    // All pixels are there, but not the checksum behind them.
    let unchecked = images_error(&bytes[..bytes.len() - 3]);
    assert_says(&unchecked, &[NAME, "cut short", "after byte 31376"]);

    let mut flipped = bytes.clone();
    let checksum = flipped.len() - 6;
    flipped[checksum] ^= 1;
    assert_says(
        &images_error(&flipped),
        &[NAME, "damaged", "after byte 31376"],
    );
    assert_says(
        &images_error(&bytes[..2]),
        &[NAME, "cut short", "after byte 0"],
    );
    assert_says(
        &images_error(&[0x1f, 0x8b, 9, 9, 9, 9, 9, 9, 9, 9, 9]),
        &[NAME, "damaged"],
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    assert_says(
        &read_images(Path::new("nowhere/x")).unwrap_err(),
        &["cannot read nowhere/x"],
    );
}

proptest! {
    #[test]
    fn any_images_survive_the_way_through_a_file(
        (count, height, width) in (1_usize..9, 1_usize..12, 1_usize..12),
        first in 0_usize..251,
        compress: bool,
    ) {
        let expected = images(count, height, width, first);
        let bytes = image_bytes(&expected);
        let bytes = if compress { gzip(&bytes) } else { bytes };
        prop_assert_eq!(images_from(&bytes[..], Path::new(NAME)).unwrap(), expected);
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        start in prop::sample::select(vec![
            &b""[..], b"\0\0\x08\x03", b"\0\0\x0b\x03", b"\0\0\x0e\x03\0\0\0\x01\0\0\0\x02\0\0\0\x03", b"\0\0\x08\x01", b"\0\0\x08\x03\0\0\0\x02\0\0\0", b"\x1f\x8b\x08\0",
        ]),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        compress: bool,
    ) {
        let bytes = [start, &bytes].concat();
        let bytes = if compress { gzip(&bytes) } else { bytes };
        if let Ok(images) = images_from(&bytes[..], Path::new(NAME)) {
            prop_assert_eq!(images.pixels.len(), images.count * images.dim());
            prop_assert!(!images.pixels.is_empty());
        }
        if let Ok(labels) = labels_from(&bytes[..], Path::new(NAME)) {
            prop_assert!(!labels.is_empty());
        }
    }

    #[test]
    fn every_cut_of_a_file_is_an_error(at in 0.0..1.0_f64, compress: bool) {
        let bytes = image_bytes(&images(3, 4, 5, 9));
        let bytes = if compress { gzip(&bytes) } else { bytes };
        let len = (at * bytes.len() as f64) as usize;
        prop_assert!(images_from(&bytes[..len], Path::new(NAME)).is_err());
    }
}
