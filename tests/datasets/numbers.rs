//! Images of numbers instead of bytes.

use vae_wgpu::data::idx::{images_from, read_images, write_images};

use super::*;

/// Images whose values all differ.
fn numbers(count: usize, height: usize, width: usize) -> Images {
    let values = (0..count * height * width).map(|i| i as f32 * 0.75 - 10.0);
    Images {
        channels: 1,
        count,
        height,
        width,
        pixels: Pixels::Floats(values.collect()),
    }
}

#[test]
fn every_kind_of_number_is_read_as_it_is() {
    let wide = [-2.5_f64, 1e-40, 16_777_217.0, 3e38];
    let cases: [(u32, Vec<u8>, [f32; 4]); 5] = [
        (0x09, vec![0x80, 0xff, 0, 0x7f], [-128.0, -1.0, 0.0, 127.0]),
        (
            0x0b,
            [i16::MIN, -1, 256, i16::MAX]
                .into_iter()
                .flat_map(i16::to_be_bytes)
                .collect(),
            [-32_768.0, -1.0, 256.0, 32_767.0],
        ),
        (
            0x0c,
            // The last has no f32 and becomes the nearest.
            [i32::MIN, -1, 65_536, 16_777_217]
                .into_iter()
                .flat_map(i32::to_be_bytes)
                .collect(),
            [-2_147_483_648.0, -1.0, 65_536.0, 16_777_216.0],
        ),
        (
            0x0d,
            [-0.0, 1e-45, 0.1, f32::MAX]
                .into_iter()
                .flat_map(f32::to_be_bytes)
                .collect(),
            [-0.0, 1e-45, 0.1, f32::MAX],
        ),
        (
            0x0e,
            wide.into_iter().flat_map(f64::to_be_bytes).collect(),
            wide.map(|number| number as f32),
        ),
    ];
    for (code, payload, expected) in cases {
        let file = idx_bytes(&[code << 8 | 3, 2, 1, 2], &payload);
        for file in [gzip(&file), file.clone()] {
            let images = images_from(&file[..], Path::new("numbers")).unwrap();
            assert_eq!((images.count, images.height, images.width), (2, 1, 2));
            let read = images.pixels.as_floats().unwrap();
            let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(read), bits(&expected), "{code:#04x}");
        }
        let size = payload.len() / 4;
        let whole = file.len();
        for (bytes, parts) in [
            (
                file[..whole - 1].to_vec(),
                [format!("byte {}", whole - 1), format!("{whole} bytes")],
            ),
            (
                [&file[..], &[0]].concat(),
                [format!("end at byte {whole}"), "follow".to_owned()],
            ),
        ] {
            let error = images_from(&bytes[..], Path::new("numbers")).unwrap_err();
            assert_says(&error, &parts.each_ref().map(String::as_str));
        }
        assert_eq!(whole, 16 + 4 * size);
    }
}

/// More of them than are read at a time.
#[test]
fn written_numbers_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("images");
    let written = numbers(60, 33, 17);
    write_images(&path, &written).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), image_bytes(&written));
    assert_eq!(read_images(&path).unwrap(), written);
}

#[test]
fn a_pixel_that_is_no_finite_number_is_named_by_its_place() {
    // Image 3, row 1, column 4 of 2x5 pixels.
    let place = 3 * 10 + 5 + 4;
    for (value, said) in [
        (f32::NAN, "NaN"),
        (f32::INFINITY, "inf"),
        (f32::NEG_INFINITY, "-inf"),
    ] {
        let mut values = [1.0_f32; 50];
        values[place] = value;
        let payload: Vec<u8> = values.iter().flat_map(|v| v.to_be_bytes()).collect();
        let file = idx_bytes(&[0xd03, 5, 2, 5], &payload);
        let error = images_from(&file[..], Path::new("some/numbers")).unwrap_err();
        let has = format!("row 1, column 4 of image 3 (all counted from 0) is {said},");
        assert_says(&error, &["some/numbers", &has, "repair"]);
    }
    // Finite as f64, and not as f32.
    let file = idx_bytes(&[0xe03, 1, 1, 1], &(-1e39_f64).to_be_bytes());
    let error = images_from(&file[..], Path::new("numbers")).unwrap_err();
    assert_says(
        &error,
        &[
            "column 0 of image 0 (all counted from 0) is -inf",
            "f32 can hold",
        ],
    );
}

#[test]
fn bytes_and_numbers_are_not_mixed() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), TRAIN_IMAGES, &image_bytes(&images(4, 3, 3, 5)));
    put(dir.path(), TEST_IMAGES, &image_bytes(&numbers(4, 3, 3)));
    let error = load_folder(dir.path()).unwrap_err();
    assert_says(
        &error,
        &[
            TEST_IMAGES,
            "numbers",
            "training images are bytes",
            "one way",
        ],
    );
    put(dir.path(), TRAIN_IMAGES, &image_bytes(&numbers(5, 3, 3)));
    let set = load_folder(dir.path()).unwrap();
    assert_eq!(set.train.images, numbers(5, 3, 3));
    assert_eq!(set.test.images, numbers(4, 3, 3));
    assert!(set.notes.is_empty(), "{:?}", set.notes);
}

/// The same places of the file are held out and turned, whatever stands there.
#[test]
fn numbers_are_held_out_and_transposed_as_bytes_are() {
    let options = LoadOptions {
        transpose: true,
        seed: 9,
        ..LoadOptions::default()
    };
    let loaded = |images: &Images| {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), TRAIN_IMAGES, &image_bytes(images));
        let source = Source::Path(dir.path().to_owned());
        load(&source, &options, &mut |_| {}).unwrap()
    };
    let of_bytes = images(40, 2, 3, 0);
    let values: Vec<f32> = bytes(&of_bytes).iter().map(|&byte| byte.into()).collect();
    let of_numbers = Images {
        pixels: values.into(),
        ..of_bytes
    };
    let [expected, found] = [&of_bytes, &of_numbers].map(loaded);
    for (expected, found) in [
        (&expected.train.images, &found.train.images),
        (&expected.test.images, &found.test.images),
    ] {
        let expected_values = bytes(expected).iter().map(|&byte| f32::from(byte));
        assert!(expected_values.eq(found.pixels.as_floats().unwrap().iter().copied()));
        assert_eq!((found.height, found.width), (3, 2));
    }
}

#[test]
fn of_numbers_only_that_there_is_nothing_to_learn_is_said() {
    let notes = |train: &Images| {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), TRAIN_IMAGES, &image_bytes(train));
        put(dir.path(), TEST_IMAGES, &image_bytes(train));
        load_folder(dir.path()).unwrap().notes
    };
    let constant = Images {
        pixels: vec![2.5_f32; 5 * 4].into(),
        ..numbers(5, 2, 2)
    };
    assert!(notes(&constant)[0].contains("nothing to learn"));
    // Dark, and in no order.
    let noise = vae_wgpu::rng::initial_uniform(1, 0, 200 * 784, 0.01);
    let noise = Images {
        pixels: noise.into(),
        ..numbers(200, 28, 28)
    };
    assert_eq!(notes(&noise), [""; 0]);
}
