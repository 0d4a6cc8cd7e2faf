//! Arrays of NumPy and safetensors, as they should and should not be.

use std::io::Write;

use vae_wgpu::data::arrays::{Format, from_bytes};
use vae_wgpu::data::{Examples, Part, examples};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

/// An array byte by byte, so that the tests do not rest on the library's own writer.
fn npy(descr: &str, shape: &[usize], payload: &[u8]) -> Vec<u8> {
    npy_in_order(descr, "False", shape, payload)
}

fn npy_in_order(descr: &str, fortran: &str, shape: &[usize], payload: &[u8]) -> Vec<u8> {
    let shape: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let literal =
        format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': ({shape}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((literal.len() as u16).to_le_bytes());
    bytes.extend(literal.as_bytes());
    bytes.extend(payload);
    bytes
}

fn npz(arrays: &[(&str, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in arrays {
        zip.start_file(format!("{name}.npy"), options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn safetensors(header: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(payload);
    bytes
}

fn read(bytes: Vec<u8>, format: Format) -> Result<Dataset, DataError> {
    from_bytes(
        bytes,
        format,
        Path::new("some/a.npy"),
        &LoadOptions::default(),
    )
}

/// Bytes that differ from their neighbours.
fn ramp(len: usize) -> Vec<u8> {
    (0..len).map(|index| (7 * index % 251) as u8).collect()
}

fn le(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

#[test]
fn the_shape_says_what_examples_are() {
    for (shape, size) in [
        (&[20, 6][..], [1, 6, 1]),
        (&[20, 3, 2], [3, 2, 1]),
        (&[20, 2, 1, 3], [2, 1, 3]),
        (&[20, 1, 3, 2], [1, 3, 2]),
        (&[20, 1, 1, 6], [1, 6, 1]),
    ] {
        let data = read(npy("|u1", shape, &ramp(120)), Format::Npy).unwrap();
        let images = &data.train.images;
        assert_eq!(
            [images.height, images.width, images.channels],
            size,
            "{shape:?}"
        );
        // A tenth is held out, as of any data without images to measure with.
        assert_eq!((images.count, data.test.images.count), (18, 2));
        assert!(
            data.held_out && data.notes[0].contains("2 of 20"),
            "{:?}",
            data.notes
        );
        assert_eq!(data.name, "a");
    }
    for (shape, reason) in [
        (&[120][..], "(120,)"),
        (&[1, 2, 3, 4, 5], "rows of numbers"),
        (&[2, 3, 2, 10], "moveaxis"),
        (&[2, 5, 2, 6], "channels"),
        (&[0, 6], "nothing"),
        (&[1 << 40, 1 << 40], "address"),
    ] {
        let error = read(npy("|u1", shape, &ramp(120)), Format::Npy).unwrap_err();
        assert_says(&error, &["some/a.npy", reason]);
    }
}

#[test]
fn bytes_are_grey_and_other_numbers_are_what_they_are() {
    let bits = read(npy("|b1", &[2, 2], &[0, 1, 1, 0]), Format::Npy).unwrap();
    let both = [&bits.train, &bits.test].map(|split| bytes(&split.images).to_vec());
    assert!(both == [vec![0, 255], vec![255, 0]] || both == [vec![255, 0], vec![0, 255]]);
    let big: Vec<u8> = [-2_i16, 300, 0, 7]
        .iter()
        .flat_map(|n| n.to_be_bytes())
        .collect();
    let numbers = read(npy(">i2", &[1 + 1, 2], &big), Format::Npy).unwrap();
    let rows = [&numbers.train, &numbers.test].map(|split| split.images.pixels.to_values());
    assert!(
        rows == [vec![-2.0, 300.0], vec![0.0, 7.0]] || rows == [vec![0.0, 7.0], vec![-2.0, 300.0]]
    );
}

#[test]
fn what_cannot_be_used_is_said_with_where_it_is() {
    let f32s = |values: &[f32]| npy("<f4", &[3, 2], &le(values));
    let with_nan = f32s(&[0.0, 1.0, 2.0, f32::NAN, 4.0, 5.0]);
    let f64s = [0.0, -1e300, 2.0]
        .iter()
        .flat_map(|n: &f64| n.to_le_bytes())
        .collect::<Vec<_>>();
    let inf = le(&[0.0, 1.0, 2.0, f32::INFINITY]);
    for (bytes, parts) in [
        (with_nan.clone(), &["NaN in row 1, column 1", "f32"][..]),
        (npy("<f8", &[3, 1], &f64s), &["-1e300 in row 1, column 0"]),
        (
            npy("<f4", &[1, 2, 2, 1], &inf),
            &["inf in image 0, row 1, column 1"],
        ),
        (
            npy("|O", &[3, 2], &[0; 48]),
            &["|O", "only numbers", "astype"],
        ),
        (npy("<c8", &[3, 2], &[0; 48]), &["<c8"]),
        (
            npy_in_order("<f4", "True", &[3, 2], &[0; 24]),
            &["Fortran", "ascontiguousarray"],
        ),
        (
            with_nan[..with_nan.len() - 3].to_vec(),
            &["cut short", "claims"],
        ),
        ([&with_nan[..], &[0]].concat(), &["too long"]),
        (with_nan[..40].to_vec(), &["within its header"]),
        (Vec::new(), &["within the first 8 bytes"]),
        (npy("|u1", &[1, 2], &[0; 2]), &["single image"]),
    ] {
        let error = read(bytes, Format::Npy).unwrap_err();
        assert_says(&error, &[&["a.npy"][..], parts].concat());
    }
}

#[test]
fn an_npz_has_images_labels_and_a_part_to_measure_with() {
    let arrays = |y_test: Vec<u8>| {
        [
            ("x_test", npy("|u1", &[3, 2, 2], &ramp(12))),
            ("x_train", npy("|u1", &[4, 2, 2], &ramp(16))),
            (
                "y_train",
                npy(
                    "<i8",
                    &[4, 1],
                    &[3_i64, 0, 1, 2].map(i64::to_le_bytes).concat(),
                ),
            ),
            ("y_test", npy("|u1", &[y_test.len()], &y_test)),
        ]
    };
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let whole = npz(&arrays(vec![1, 2, 3]), method);
        let data = read(whole.clone(), Format::Npz).unwrap();
        assert_eq!(bytes(&data.train.images), ramp(16));
        assert_eq!(bytes(&data.test.images), ramp(12));
        assert_eq!(data.train.labels, Some(vec![3, 0, 1, 2]));
        assert_eq!(data.test.labels, Some(vec![1, 2, 3]));
        assert!(!data.held_out && data.notes.is_empty(), "{:?}", data.notes);
        let options = LoadOptions {
            array: Some("x_test".to_owned()),
            ..LoadOptions::default()
        };
        let test = from_bytes(whole.clone(), Format::Npz, Path::new("a"), &options).unwrap();
        assert_eq!((test.train.images.count, test.test.images.count), (2, 1));
        for cut in [0, 3, whole.len() / 2, whole.len() - 1] {
            read(whole[..cut].to_vec(), Format::Npz).unwrap_err();
        }
    }
    // Labels of other images are left out, and said to be.
    let odd = read(
        npz(&arrays(vec![1, 2]), CompressionMethod::Stored),
        Format::Npz,
    )
    .unwrap();
    assert_eq!(odd.test.labels, None);
    assert!(
        odd.notes[0].contains("y_test are 2 and there are 3 images"),
        "{:?}",
        odd.notes
    );
}

#[test]
fn damaged_and_hostile_npz_are_refused() {
    let noise = npy("|u1", &[40, 25], &ramp(1000));
    let whole = npz(&[("x", noise)], CompressionMethod::Deflated);
    let mut changed = whole.clone();
    changed[200] ^= 0x10;
    assert_says(
        &read(changed, Format::Npz).unwrap_err(),
        &["a.npy", "damaged"],
    );
    // Zeros that unpack to a thousand times as much.
    let zeros = npy("|u1", &[20, 1 << 20], &vec![0; 20 << 20]);
    let bomb = npz(&[("x", zeros)], CompressionMethod::Deflated);
    assert!(bomb.len() < 40_000);
    assert_says(
        &read(bomb, Format::Npz).unwrap_err(),
        &["unpacks from", "the array x"],
    );
    let two = npz(
        &[
            ("a", npy("<f4", &[1, 1], &[0; 4])),
            ("b", npy("<f4", &[1, 1], &[0; 4])),
        ],
        CompressionMethod::Stored,
    );
    let error = read(two, Format::Npz).unwrap_err();
    assert_says(&error, &["a (1, 1) <f4, b (1, 1) <f4", "choose one"]);
    assert_eq!(error.remedies()[0].setting.key(), "array");
}

#[test]
fn tensors_of_safetensors_are_found_by_the_same_names() {
    let header = r#"{"label":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"x":{"dtype":"F16","shape":[3,2],"data_offsets":[3,15]}}"#;
    let halves = [0x3c00_u16, 0, 0xc000, 0x3800, 0, 0]
        .map(u16::to_le_bytes)
        .concat();
    let whole = safetensors(header, &[&[5, 6, 7][..], &halves].concat());
    let data = read(whole.clone(), Format::Safetensors).unwrap();
    assert_eq!(data.train.images.count + data.test.images.count, 3);
    assert!(data.train.labels.is_some());
    for (bytes, part) in [
        (whole[..whole.len() - 1].to_vec(), "announces"),
        (whole[..20].to_vec(), "header of"),
        (whole[..5].to_vec(), "5 bytes"),
        (safetensors("{", &[]), "damaged"),
        (
            safetensors(&header.replace("F16", "F32"), &[0; 15]),
            "damaged",
        ),
    ] {
        assert_says(
            &read(bytes, Format::Safetensors).unwrap_err(),
            &["a.npy", part],
        );
    }
}

#[test]
fn a_file_of_any_name_is_what_its_first_bytes_say() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "noname", &npy("|u1", &[20, 2, 2], &ramp(80)));
    put(
        dir.path(),
        "one-images.idx3",
        &image_bytes(&images(20, 2, 2, 0)),
    );
    put(
        dir.path(),
        "x.npz",
        &npz(
            &[("q", npy("|u1", &[20, 2, 2], &ramp(80)))],
            CompressionMethod::Stored,
        ),
    );
    put(dir.path(), "short.npy", b"\x93NUM");
    for file in ["noname", "one-images.idx3", "x.npz"] {
        let data = load_folder(&dir.path().join(file)).unwrap();
        assert_eq!(
            bytes(&data.train.images).len() + bytes(&data.test.images).len(),
            80
        );
    }
    let error = load_folder(&dir.path().join("short.npy")).unwrap_err();
    assert_says(&error, &["short.npy", "first 8 bytes"]);
    put(dir.path(), "letter.odt", b"Dear reader");
    let error = load_folder(&dir.path().join("letter.odt")).unwrap_err();
    assert_says(&error, &["letter.odt", ".npz", "IDX"]);
}

/// Where their bytes are those of the pixels, of the file itself, and else of a copy.
#[test]
fn arrays_that_are_too_many_for_memory_are_read_from_files() {
    let dir = tempfile::tempdir().unwrap();
    let mut values: Vec<f32> = (0..240).map(|index| index as f32 / 7.0).collect();
    let doubles: Vec<u8> = values
        .iter()
        .flat_map(|&value| f64::from(value).to_le_bytes())
        .collect();
    let bytes = npy("|u1", &[40, 6], &ramp(240));
    // So long that the numbers begin at a multiple of four.
    let tensor = |values: &[f32]| {
        let header = r#"{"x":{"dtype":"F32","shape":[40,6],"data_offsets":[0,960]}}"#;
        safetensors(&format!("{header:<80}"), &le(values))
    };
    let load = |name: &str, memory| {
        let options = LoadOptions {
            memory,
            data_dir: dir.path().join("cache"),
            ..LoadOptions::default()
        };
        load(&Source::Path(dir.path().join(name)), &options, &mut |_| {})
    };
    for (name, contents) in [
        ("a.npy", bytes.clone()),
        ("b.npy", npy("<f4", &[40, 6], &le(&values))),
        ("c.npy", npy("<f8", &[40, 6], &doubles)),
        ("d.npz", npz(&[("x", bytes)], CompressionMethod::Deflated)),
        ("e.safetensors", tensor(&values)),
    ] {
        put(dir.path(), name, &contents);
        let [in_memory, in_files] = [None, Some(100)].map(|memory| load(name, memory).unwrap());
        assert!(
            in_files.train == in_memory.train && in_files.test == in_memory.test,
            "{name}"
        );
        assert!(in_files.train.images.pixels.is_mapped(), "{name}");
    }
    values[100] = f32::NAN;
    put(dir.path(), "f.safetensors", &tensor(&values));
    let [in_memory, in_files] =
        [None, Some(100)].map(|memory| load("f.safetensors", memory).unwrap_err().to_string());
    assert_eq!(in_memory, in_files);
}

#[test]
fn a_stream_has_all_examples_in_the_order_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let arrays = [
        ("x_train", npy("|u1", &[30, 2, 3], &ramp(180))),
        ("x_test", npy("|u1", &[5, 2, 3], &ramp(30))),
        ("y_train", npy("|u1", &[30], &ramp(30))),
        ("y_test", npy("|u1", &[5], &ramp(5))),
    ];
    put(
        dir.path(),
        "a.npz",
        &npz(&arrays, CompressionMethod::Deflated),
    );
    put(dir.path(), "a.npy", &arrays[0].1);
    let idx = dir.path().join("idx");
    fs::create_dir(&idx).unwrap();
    put(&idx, TRAIN_IMAGES, &image_bytes(&images(30, 2, 3, 0)));
    for (file, test, labelled) in [("a.npz", 5, true), ("a.npy", 0, false), ("idx", 0, false)] {
        let source = Source::Path(dir.path().join(file));
        let open =
            |options: &LoadOptions, part| examples(&source, options, part, &mut |_| {}).unwrap();
        let mut stream = open(&LoadOptions::default(), Part::All);
        assert_eq!(stream.total(), Some(30 + test), "{file}");
        let (mut pixels, mut labels) = (Vec::<u8>::new(), Vec::new());
        while let Some(block) = stream.next_block(7).unwrap() {
            assert!(block.images.count <= 7);
            pixels.extend(bytes(&block.images));
            labels.extend(block.labels.unwrap_or_default());
        }
        assert_eq!(pixels, [ramp(180), ramp(6 * test)].concat(), "{file}");
        assert_eq!(labels.len(), if labelled { 30 + test } else { 0 });
        assert!(stream.next_block(7).unwrap().is_none());
        // Nothing is held out of all, and a tenth of what has no part to measure with.
        let held = open(&LoadOptions::default(), Part::Test).total();
        assert_eq!(held, Some(if test > 0 { test } else { 3 }), "{file}");
        let turned = LoadOptions {
            transpose: true,
            ..LoadOptions::default()
        };
        let block = open(&turned, Part::All).next_block(1).unwrap().unwrap();
        assert_eq!((block.images.height, block.images.width), (3, 2));
        assert_eq!(bytes(&block.images), [0, 21, 7, 28, 14, 35]);
    }
}
