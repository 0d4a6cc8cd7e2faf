//! Picture files in folders and archives, whole, odd and broken.

use std::io::{Cursor, Write};
use std::path::Path;

use image::{DynamicImage, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use vae_wgpu::data::pictures::{Colours, Fit, Flaw, PictureOptions, Pictures, decode};
use vae_wgpu::data::{Examples, Part, examples};
use zip::write::SimpleFileOptions;

use super::*;

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A picture of 3x2 pixels that all differ, and differ from those of another `first`.
fn colours(first: u8) -> DynamicImage {
    let pixel = |x, y| Rgb([first, 10 * x as u8, 100 * y as u8]);
    RgbImage::from_fn(3, 2, pixel).into()
}

/// Its shades alone.
fn shades(first: u8) -> DynamicImage {
    let pixel = |x, y| Luma([first + 10 * x as u8 + 100 * y as u8]);
    image::GrayImage::from_fn(3, 2, pixel).into()
}

/// Files of one folder by their paths.
type Files = Vec<(&'static str, Vec<u8>)>;

/// Two cats in grey and two dogs in colours, in four formats, and what is no picture.
fn pets() -> Files {
    let of = |picture: DynamicImage, format| encoded(&picture, format);
    vec![
        ("cats/a.png", of(shades(1), ImageFormat::Png)),
        ("cats/b.TIFF", of(shades(2), ImageFormat::Tiff)),
        ("dogs/c.webp", of(colours(3), ImageFormat::WebP)),
        ("dogs/d.tif", of(colours(4), ImageFormat::Tiff)),
        ("cats/.a.png", b"hidden".to_vec()),
        ("notes.txt", b"about them".to_vec()),
    ]
}

fn folder(files: &Files) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    dir
}

/// The files in an archive, in another order, within a folder of their own.
fn zipped(files: &Files) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files.iter().rev() {
        zip.start_file(format!("pets/{name}"), SimpleFileOptions::default())
            .unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn tarred(files: &Files) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in files.iter().rev() {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, format!("./pets/{name}"), &bytes[..])
            .unwrap();
    }
    tar.into_inner().unwrap()
}

fn with(pictures: PictureOptions) -> LoadOptions {
    LoadOptions {
        pictures,
        ..LoadOptions::default()
    }
}

fn load_with(dir: &Path, pictures: PictureOptions) -> Result<Dataset, DataError> {
    load(&Source::Path(dir.to_owned()), &with(pictures), &mut |_| {})
}

fn sized(size: &str, fit: Fit) -> PictureOptions {
    PictureOptions {
        size: Some(size.parse().unwrap()),
        fit,
        ..PictureOptions::default()
    }
}

fn all_labels(set: &Dataset) -> Vec<u8> {
    let mut labels = [&set.train, &set.test].map(|split| split.labels.clone().unwrap());
    let mut all = labels[0].split_off(0);
    all.append(&mut labels[1]);
    all.sort_unstable();
    all
}

#[test]
fn folders_name_labels_and_one_picture_in_colours_colours_all() {
    let dir = folder(&pets());
    let set = load_with(dir.path(), PictureOptions::default()).unwrap();
    assert_eq!(set.classes, ["cats", "dogs"]);
    assert_eq!(all_labels(&set), [0, 0, 1, 1]);
    assert_eq!(set.train.images.size().to_string(), "2×3×3");
    assert!(
        set.held_out
            && set
                .notes
                .iter()
                .any(|note| note.contains("2 files that are hidden"))
    );
    let held = set.test.images.count;
    let images = (0..set.train.images.count).map(|index| image(&set.train.images, index));
    let is_coloured = |pixels: &[u8]| pixels.chunks(3).any(|pixel| pixel[0] != pixel[1]);
    let coloured = images.filter(|pixels| is_coloured(pixels)).count();
    let test_coloured = (0..held).filter(|&index| is_coloured(image(&set.test.images, index)));
    assert_eq!(coloured + test_coloured.count(), 2);

    let mut grey = pets();
    grey.retain(|(name, _)| name.starts_with("cats"));
    let set = load_with(folder(&grey).path(), PictureOptions::default()).unwrap();
    assert_eq!(set.train.images.size().to_string(), "2×3");
    // One folder is no label.
    assert_eq!((set.train.labels, set.classes.len()), (None, 0));
    let options = PictureOptions {
        colours: Some(Colours::Grey),
        ..PictureOptions::default()
    };
    let set = load_with(dir.path(), options).unwrap();
    assert_eq!(set.train.images.channels, 1);
}

#[test]
fn archives_are_as_folders() {
    let dir = folder(&pets());
    let expected = load_with(dir.path(), PictureOptions::default()).unwrap();
    let archives = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("pets.zip", zipped(&pets())),
        ("pets.tar", tarred(&pets())),
        ("pets.tar.gz", gzip(&tarred(&pets()))),
        ("pets.tgz", gzip(&tarred(&pets()))),
    ] {
        put(archives.path(), name, &bytes);
        let path = archives.path().join(name);
        let set = load_with(&path, PictureOptions::default()).unwrap();
        assert_eq!(set.name, "pets");
        assert_eq!(
            (&set.train, &set.test),
            (&expected.train, &expected.test),
            "{name}"
        );
        assert_eq!(set.classes, expected.classes);

        let path = Path::new("memory");
        let pictures = Pictures::in_archive(Cursor::new(bytes.clone()), path).unwrap();
        assert_eq!(pictures.len(), 4);
        // Whatever an archive is cut to, it is an error and no panic.
        for len in (0..bytes.len()).step_by(97) {
            let cut = Cursor::new(bytes[..len].to_vec());
            let read = Pictures::in_archive(cut, path)
                .and_then(|cut| cut.load(&LoadOptions::default(), &mut |_| {}));
            if let Err(error) = read {
                assert_says(&error, &["memory"]);
            }
        }
    }
    put(archives.path(), "text.zip", b"no archive");
    let error = load_with(&archives.path().join("text.zip"), PictureOptions::default());
    assert_says(&error.unwrap_err(), &["text.zip", "neither zip nor tar"]);
}

#[test]
fn blocks_are_what_is_loaded_with_names_and_labels() {
    let dir = folder(&pets());
    let source = Source::Path(dir.path().to_owned());
    let options = LoadOptions::default();
    let mut stream = examples(&source, &options, Part::All, &mut |_| {}).unwrap();
    assert_eq!(
        (stream.total(), &*stream.classes),
        (Some(4), &["cats", "dogs"].map(String::from)[..])
    );
    let mut names = Vec::new();
    let mut pixels = Vec::new();
    let mut labels = Vec::new();
    while let Some(block) = stream.next_block(3).unwrap() {
        names.extend(block.names.unwrap());
        labels.extend(block.labels.unwrap());
        pixels.extend_from_slice(bytes(&block.images));
    }
    assert_eq!(
        names,
        ["cats/a.png", "cats/b.TIFF", "dogs/c.webp", "dogs/d.tif"]
    );
    assert_eq!(labels, [0, 0, 1, 1]);
    let grey = shades(1).into_luma8().into_raw();
    let repeated: Vec<u8> = grey.iter().flat_map(|&grey| [grey; 3]).collect();
    assert_eq!(pixels[..18], repeated);
    assert_eq!(pixels[54..], colours(4).into_rgb8().into_raw());
}

#[test]
fn pictures_to_train_on_and_to_test_with_may_lie_apart() {
    let png = |first| encoded(&colours(first), ImageFormat::Png);
    let files = vec![
        ("train/b/1.png", png(1)),
        ("train/a/2.png", png(2)),
        ("test/b/3.png", png(3)),
        ("more/4.png", png(4)),
    ];
    let set = load_with(folder(&files).path(), PictureOptions::default()).unwrap();
    assert_eq!(set.train.labels.as_deref(), Some(&[0, 1][..]));
    assert_eq!(set.test.labels.as_deref(), Some(&[1][..]));
    assert!(!set.held_out && set.notes[0].contains("1 pictures beside the folders"));
    assert_eq!(bytes(&set.test.images), colours(3).into_rgb8().into_raw());
}

/// Left half white, right half black, as a camera has it that was held with its right side down.
fn turned() -> Vec<u8> {
    let pixel = |x, _| if x < 16 { Luma([255]) } else { Luma([0]) };
    let jpeg = encoded(
        &image::GrayImage::from_fn(32, 16, pixel).into(),
        ImageFormat::Jpeg,
    );
    // One entry of one directory: orientation (0x112), a short, 6.
    let exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let length = (exif.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], b"\xff\xe1", &length, exif, &jpeg[2..]].concat()
}

#[test]
fn what_a_camera_has_turned_is_turned_back() {
    for (options, height) in [
        (PictureOptions::default(), 32),
        (sized("8x16", Fit::Crop), 16),
        (sized("16x16", Fit::Stretch), 16),
    ] {
        let upright = decode(&turned(), &options).unwrap();
        assert_eq!((upright.height, upright.channels), (height, 1));
        let rows: Vec<_> = bytes(&upright).chunks(upright.width).collect();
        let (above, below) = rows.split_at(height / 2 - 1);
        assert!(above.concat().iter().all(|&grey| grey > 200), "{above:?}");
        assert!(
            below[2..].concat().iter().all(|&grey| grey < 50),
            "{below:?}"
        );
    }
}

#[test]
fn what_is_not_opaque_lies_over_white() {
    let pixel = |x, _| Rgba([200, 0, 100, [0, 255, 51][x as usize]]);
    let clear = encoded(&RgbaImage::from_fn(3, 1, pixel).into(), ImageFormat::Png);
    let opaque = decode(&clear, &PictureOptions::default()).unwrap();
    // 51 is a fifth.
    let expected = [255, 255, 255, 200, 0, 100, 244, 204, 224];
    assert_eq!(bytes(&opaque), expected);

    let deep = image::ImageBuffer::<Luma<u16>, _>::from_fn(2, 1, |x, _| Luma([x as u16 * 0x8080]));
    let deep = encoded(&deep.into(), ImageFormat::Png);
    let shallow = decode(&deep, &PictureOptions::default()).unwrap();
    assert_eq!((shallow.channels, bytes(&shallow)), (1, &[0, 128][..]));
}

#[test]
fn pictures_of_several_sizes_are_named_or_brought_to_one() {
    let png = |width, height| encoded(&RgbImage::new(width, height).into(), ImageFormat::Png);
    let dir = folder(&vec![
        ("a.png", png(4, 6)),
        ("b.png", png(4, 6)),
        ("c.png", png(7, 5)),
    ]);
    let error = load_with(dir.path(), PictureOptions::default()).unwrap_err();
    assert_says(&error, &["a.png has 4x6", "c.png has 7x5", "size"]);
    for fit in Fit::ALL {
        let set = load_with(dir.path(), sized("5x3", fit)).unwrap();
        assert_eq!(set.train.images.size().to_string(), "3×5×3");
    }
}

#[test]
fn broken_files_are_named_or_counted_and_left_out() {
    let png = encoded(&colours(1), ImageFormat::Png);
    let jpeg = encoded(&colours(1), ImageFormat::Jpeg);
    let mut wrong = png.clone();
    *wrong.iter_mut().rev().nth(30).unwrap() ^= 1;
    let files = vec![
        ("a.png", png.clone()),
        ("b.png", wrong),
        ("c.jpg", jpeg[..jpeg.len() - 1].to_vec()),
        ("d.png", b"no picture".to_vec()),
        ("e.png", png),
        ("f.png", Vec::new()),
    ];
    let dir = folder(&files);
    let error = load_with(dir.path(), PictureOptions::default()).unwrap_err();
    assert_says(&error, &["b.png", "does not decode as PNG", "left out"]);
    let skipping = PictureOptions {
        skip_broken: true,
        ..PictureOptions::default()
    };
    let set = load_with(dir.path(), skipping.clone()).unwrap();
    assert_eq!(set.train.images.count + set.test.images.count, 2);
    let note = set
        .notes
        .iter()
        .find(|note| note.contains("broken"))
        .unwrap();
    for part in [
        "4 of 6",
        "b.png",
        "c.jpg: it is cut short",
        "d.png: by its contents",
    ] {
        assert!(note.contains(part), "{note}");
    }
    let source = Source::Path(dir.path().to_owned());
    let mut stream = examples(&source, &with(skipping.clone()), Part::All, &mut |_| {}).unwrap();
    assert_eq!(stream.total(), None);
    for name in ["a.png", "e.png"] {
        let block = stream.next_block(1).unwrap().unwrap();
        assert_eq!(block.names.unwrap(), [name]);
    }
    assert!(stream.next_block(1).unwrap().is_none());
    assert!(stream.remarks().concat().contains("4 of 6"));

    let error = load_with(folder(&vec![files[3].clone()]).path(), skipping).unwrap_err();
    assert_says(&error, &["d.png"]);
}

/// A file of 70 bytes that declares ten gigabytes.
fn huge_png() -> Vec<u8> {
    let chunk = |name: &[u8], contents: &[u8]| {
        let mut sum = flate2::Crc::new();
        sum.update(name);
        sum.update(contents);
        let length = (contents.len() as u32).to_be_bytes();
        [&length, name, contents, &sum.sum().to_be_bytes()].concat()
    };
    let side = 60_000_u32.to_be_bytes();
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &[&side[..], &side, &[8, 2, 0, 0, 0]].concat()),
        chunk(b"IDAT", &[]),
        chunk(b"IEND", &[]),
    ]
    .concat()
}

#[test]
fn what_declares_or_inflates_to_too_much_is_refused_before_it_is_allocated() {
    let dir = folder(&vec![("huge.png", huge_png())]);
    let error = load_with(dir.path(), PictureOptions::default()).unwrap_err();
    assert_says(&error, &["huge.png", "60000x60000", "64 MB are the limit"]);

    let mut bytes = encoded(&colours(1), ImageFormat::Png);
    bytes.resize(3 << 20, 0);
    let files = vec![("a.png", bytes)];
    let limit = PictureOptions {
        decode_limit: 2 << 20,
        ..PictureOptions::default()
    };
    let load = |zip: Vec<u8>| {
        let pictures = Pictures::in_archive(Cursor::new(zip), Path::new("bomb.zip"));
        pictures.unwrap().load(&with(limit.clone()), &mut |_| {})
    };
    let bomb = zipped(&files);
    assert!(bomb.len() < 10_000);
    let error = load(bomb.clone()).unwrap_err();
    assert_says(
        &error,
        &["bomb.zip/pets/a.png", "inflates to more than 2 MB"],
    );
    // One that lies about its size inflates no further than to what it says.
    let claimed = (3_u32 << 20).to_le_bytes();
    let mut lying = bomb;
    let places: Vec<_> = (0..lying.len() - 4)
        .filter(|&at| lying[at..at + 4] == claimed)
        .collect();
    assert!(!places.is_empty());
    for at in places {
        lying[at..at + 4].copy_from_slice(&9_u32.to_le_bytes());
    }
    assert_says(&load(lying).unwrap_err(), &["bomb.zip/pets/a.png"]);

    let zeros = vec![("zeros.txt", vec![0; 1 << 20])];
    let tar = tarred(&zeros);
    let path = Path::new("fine.tar.gz");
    let fine = Pictures::in_archive(Cursor::new(gzip(&tar)), path).unwrap();
    assert_says(
        &fine.load(&LoadOptions::default(), &mut |_| {}).unwrap_err(),
        &["fine.tar.gz", "no pictures among 1 files", ".webp"],
    );
}

#[test]
fn folders_without_an_order_are_refused_by_name() {
    let png = encoded(&colours(1), ImageFormat::Png);
    let loose = vec![("a.png", png.clone()), ("b/c.png", png.clone())];
    let error = load_with(folder(&loose).path(), PictureOptions::default()).unwrap_err();
    assert_says(&error, &["beside folders", "a.png and b/c.png"]);

    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for number in 0..257 {
        let name = format!("{number}/a.png");
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(&png).unwrap();
    }
    let many = Pictures::in_archive(zip.finish().unwrap(), Path::new("many.zip")).unwrap();
    let error = many.load(&LoadOptions::default(), &mut |_| {}).unwrap_err();
    assert_says(&error, &["many.zip", "257 folders", "256 labels"]);

    let empty = tempfile::tempdir().unwrap();
    let error = load_with(empty.path(), PictureOptions::default()).unwrap_err();
    assert_says(
        &error,
        &[
            "the folder is empty",
            "PNG, JPEG, WebP or TIFF",
            TRAIN_IMAGES,
        ],
    );
}

#[test]
fn one_flaw_has_one_name() {
    let flaw = |bytes: &[u8]| decode(bytes, &PictureOptions::default()).unwrap_err();
    assert!(matches!(flaw(b""), Flaw::Kind));
    let floats = image::ImageBuffer::<Rgb<f32>, _>::from_fn(2, 2, |_, _| Rgb([0.5; 3]));
    let tiff = encoded(&floats.into(), ImageFormat::Tiff);
    assert!(matches!(flaw(&tiff), Flaw::Floats));
    for format in [ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Png] {
        let whole = encoded(&colours(1), format);
        decode(&whole, &PictureOptions::default()).unwrap();
        let half = flaw(&whole[..whole.len() / 2]);
        assert!(
            matches!(half, Flaw::Decode { .. } | Flaw::CutShort),
            "{half}"
        );
    }
}
