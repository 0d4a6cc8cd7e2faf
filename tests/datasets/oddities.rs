//! What is said of images that are as the file says, and yet nothing to learn from.

use super::*;

/// What a folder's notes say of these images.
fn notes(train: &Images) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), TRAIN_IMAGES, &image_bytes(train));
    put(dir.path(), TEST_IMAGES, &image_bytes(train));
    load_folder(dir.path()).unwrap().notes
}

/// Images whose pixels are made from a counter.
fn made(count: usize, height: usize, width: usize, pixel: impl Fn(usize) -> u8) -> Images {
    Images {
        channels: 1,
        count,
        height,
        width,
        pixels: Pixels::Bytes((0..count * height * width).map(pixel).collect()),
    }
}

/// Bytes in no order.
fn random(index: usize) -> u8 {
    let words = vae_wgpu::rng::philox4x32_10([index as u32, 0, 0, 0], [3, 4]);
    (words[0] >> 24) as u8
}

fn digits() -> Images {
    vae_wgpu::data::digits::generate(1, 0, 500).images
}

#[test]
fn each_oddity_is_told_in_one_sentence() {
    let picture = image(&digits(), 0).to_vec();
    let masks = with_bytes(&digits(), |bytes| {
        bytes.iter_mut().for_each(|byte| *byte /= 128);
    });
    for (train, parts) in [
        (made(50, 28, 28, |_| 0), &["of one grey", "check"][..]),
        (
            made(50, 28, 28, |i| (i / 784) as u8),
            &["of one grey", "check"],
        ),
        (
            made(50, 28, 28, |i| picture[i % 784]),
            &["all training images are the same", "check"],
        ),
        (masks, &["brighter than 1 of 255", "multiplying", "by 255"]),
        (
            made(50, 8, 8, |i| (i % 17) as u8),
            &["brighter than 16 of 255", "by 15"],
        ),
        (made(200, 28, 28, random), &["look like noise"]),
        (made(500, 1, 784, random), &["look like noise"]),
        (made(500, 784, 1, random), &["look like noise"]),
        (made(2, 1024, 1024, random), &["look like noise"]),
        (
            made(200, 28, 28, |i| 255 * (random(i) & 1)),
            &["look like noise"],
        ),
    ] {
        let notes = notes(&train);
        assert_eq!(notes.len(), 1, "{notes:?}");
        for part in parts {
            assert!(notes[0].contains(part), "`{part}` is missing: {notes:?}");
        }
    }
}

#[test]
fn nothing_is_said_of_pictures() {
    let digits = digits();
    let each = |function: fn(u8) -> u8| {
        with_bytes(&digits, |bytes| {
            bytes.iter_mut().for_each(|byte| *byte = function(*byte));
        })
    };
    let binarised = each(|byte| 255 * (byte / 128));
    let inverse = each(|byte| 255 - byte);
    // Clothes: wide grey areas with some grain.
    let grain = |i: usize| {
        let (row, column) = (i / 28 % 28, i % 28);
        let inside = (4..24).contains(&column) && row > 2;
        if inside {
            90 + (5 * row) as u8 + random(i) / 16
        } else {
            0
        }
    };
    let few = made(20, 6, 5, random);
    for images in [
        binarised,
        inverse,
        made(100, 28, 28, grain),
        // Too few to tell.
        few,
        digits,
    ] {
        assert_eq!(notes(&images), [""; 0]);
    }
    let set = load(&Source::Digits, &LoadOptions::default(), &mut |_| {}).unwrap();
    assert_eq!(set.notes, [""; 0]);
}
