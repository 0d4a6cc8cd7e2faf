//! The digest of what a data set holds.

use super::*;

/// Loads a folder with these images.
fn set(train: &Images, test: &Images, compress: bool) -> Dataset {
    let dir = tempfile::tempdir().unwrap();
    for (name, images) in [(TRAIN_IMAGES, train), (TEST_IMAGES, test)] {
        let bytes = image_bytes(images);
        if compress {
            put(dir.path(), &format!("{name}.gz"), &gzip(&bytes));
        } else {
            put(dir.path(), name, &bytes);
        }
    }
    load_folder(dir.path()).unwrap()
}

#[test]
fn it_depends_on_sizes_and_pixels_and_nothing_else() {
    let (train, test) = (images(6, 4, 3, 0), images(2, 4, 3, 100));
    let digest = set(&train, &test, false).digest();
    assert!(digest.len() == 64 && digest.bytes().all(|b| b"0123456789abcdef".contains(&b)));
    assert_eq!(set(&train, &test, true).digest(), digest);
    let mut labelled = set(&train, &test, false);
    labelled.name = "another".into();
    labelled.train.labels = Some(vec![1; 6]);
    assert_eq!(labelled.digest(), digest);

    let mut others = vec![digest];
    let other = with_bytes(&train, |bytes| bytes[71] ^= 1);
    others.push(set(&other, &test, false).digest());
    let other = with_bytes(&test, |bytes| bytes[0] ^= 1);
    others.push(set(&train, &other, false).digest());
    let turned = |images: &Images| Images {
        height: images.width,
        width: images.height,
        ..images.clone()
    };
    others.push(set(&turned(&train), &turned(&test), false).digest());
    // The same pixels in the same order, but one image more to train on.
    let all = [bytes(&train), bytes(&test)].concat();
    let part = |first: usize, last: usize| Images {
        channels: 1,
        count: last - first,
        height: 4,
        width: 3,
        pixels: all[12 * first..12 * last].to_vec().into(),
    };
    assert_eq!(set(&part(0, 6), &part(6, 8), false).digest(), others[0]);
    others.push(set(&part(0, 7), &part(7, 8), false).digest());
    let distinct: std::collections::HashSet<_> = others.iter().collect();
    assert_eq!(distinct.len(), others.len(), "{others:?}");
}

/// The documented bytes, put together and hashed here.
#[test]
fn it_is_the_hash_that_the_documentation_says() {
    let of_numbers = |images: &Images| {
        let values = bytes(images).iter().map(|&byte| f32::from(byte) - 0.1);
        Images {
            pixels: Pixels::Floats(values.collect()),
            ..*images
        }
    };
    let (train, test) = (images(6, 4, 3, 0), images(2, 4, 3, 100));
    for (train, test, size) in [
        (of_numbers(&train), of_numbers(&test), &[4, 3][..]),
        (train.clone(), test.clone(), &[4, 3]),
        (coloured(train), coloured(test), &[4, 1, 3]),
    ] {
        let mut hashed = Vec::new();
        for images in [&train, &test] {
            for &size in [&[images.count], size].concat().iter() {
                hashed.extend((size as u64).to_le_bytes());
            }
            match &images.pixels {
                Pixels::Bytes(bytes) => hashed.extend_from_slice(bytes),
                Pixels::Floats(floats) => {
                    hashed.extend(floats.iter().flat_map(|float| float.to_le_bytes()));
                }
            }
        }
        let hash = <sha2::Sha256 as sha2::Digest>::digest(hashed);
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(set(&train, &test, false).digest(), hex);
    }
}
