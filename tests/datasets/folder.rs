//! Folders with IDX files, and the names of data sets.

use std::fs;
use std::path::{Path, PathBuf};

use vae_wgpu::data::{HoldOut, Source};

use super::*;

#[test]
fn a_full_folder_is_read_plain_and_compressed() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("runes");
    fs::create_dir(&dir).unwrap();
    let (train, test) = (images(6, 4, 3, 0), images(2, 4, 3, 100));
    put(&dir, TRAIN_IMAGES, &image_bytes(&train));
    put(
        &dir,
        "train-labels-idx1-ubyte.gz",
        &gzip(&label_bytes(&[1, 2, 3, 4, 5, 6])),
    );
    put(
        &dir,
        "t10k-images-idx3-ubyte.gz",
        &gzip(&image_bytes(&test)),
    );
    put(&dir, TEST_LABELS, &label_bytes(&[7, 8]));

    let set = load_folder(&dir).unwrap();
    assert_eq!(set.name, "runes");
    assert_eq!((&set.train.images, &set.test.images), (&train, &test));
    assert_eq!(set.train.labels.unwrap(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(set.test.labels.unwrap(), [7, 8]);
    assert!(set.notes.is_empty(), "{:?}", set.notes);
}

/// The first pixel of each image, which tells them apart.
fn firsts(images: &Images) -> Vec<u8> {
    (0..images.count).map(|i| image(images, i)[0]).collect()
}

#[test]
fn without_test_images_a_tenth_drawn_by_the_seed_is_held_out_with_its_labels() {
    let load_with = |dir: &Path, seed| {
        let options = LoadOptions {
            seed,
            ..LoadOptions::default()
        };
        load(&Source::Path(dir.to_owned()), &options, &mut |_| {}).unwrap()
    };
    for (count, held) in [(2, 1), (9, 1), (20, 2), (39, 3), (200, 20)] {
        let dir = tempfile::tempdir().unwrap();
        let all = images(count, 3, 3, 5);
        let labels = firsts(&all);
        put(dir.path(), TRAIN_IMAGES, &image_bytes(&all));
        put(dir.path(), TRAIN_LABELS, &label_bytes(&labels));

        let set = load_with(dir.path(), 1);
        let (train, test) = (&set.train.images, &set.test.images);
        assert_eq!((train.count, test.count), (count - held, held));
        for split in [&set.train, &set.test] {
            assert_eq!(split.labels.as_deref().unwrap(), firsts(&split.images));
            // Every image is whole, and those of one part stand in the order of the file.
            let mut left = bytes(&all).chunks(9);
            let images = &split.images;
            assert!((0..images.count).all(|i| left.any(|one| one == image(images, i))));
        }
        let mut together = [bytes(train), bytes(test)].concat();
        let mut expected = bytes(&all).to_vec();
        together.sort_unstable();
        expected.sort_unstable();
        assert_eq!(together, expected);

        assert_eq!(
            load_with(dir.path(), 1),
            set,
            "another split the second time"
        );
        if count == 200 {
            assert_ne!(load_with(dir.path(), 2).test, set.test);
            // In a file that is sorted by class, one class would be what is held out.
            let tenth = &bytes(&all)[9 * (count - held)..];
            assert_ne!(bytes(test), tenth);
        }
        let said = format!("{held} of {count} training images, drawn by the seed, are held out");
        assert!(set.notes[0].contains(&said), "{:?}", set.notes);
    }
}

#[test]
fn of_each_class_its_part_is_held_out_and_as_many_as_one_asks_for() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), TRAIN_IMAGES, &image_bytes(&images(60, 3, 3, 5)));
    let labels: Vec<u8> = (0..60).map(|row| u8::from(row >= 40)).collect();
    put(dir.path(), TRAIN_LABELS, &label_bytes(&labels));
    let source = Source::Path(dir.path().to_owned());
    let load = |hold_out, by_class| {
        let options = LoadOptions {
            hold_out,
            by_class,
            ..LoadOptions::default()
        };
        load(&source, &options, &mut |_| {})
    };
    for (hold_out, expected) in [
        (None, [4, 2]),
        (Some(HoldOut::Share(0.5)), [20, 10]),
        (Some(HoldOut::Count(3)), [2, 1]),
    ] {
        let set = load(hold_out, true).unwrap();
        let labels = set.test.labels.unwrap();
        let of = |class| labels.iter().filter(|&&label| label == class).count();
        assert_eq!([of(0), of(1)], expected);
        assert_eq!(set.train.images.count + labels.len(), 60);
    }
    let with_labels = load(None, false).unwrap();
    std::fs::remove_file(dir.path().join(TRAIN_LABELS)).unwrap();
    let without = load(None, true).unwrap();
    assert_eq!(with_labels.test.images, without.test.images);
    for hold_out in [HoldOut::Count(60), HoldOut::Count(0), HoldOut::Share(1.0)] {
        let error = load(Some(hold_out), true).unwrap_err().to_string();
        assert!(error.contains("of the 60 images"), "{error}");
    }
    put(
        dir.path(),
        "t10k-images-idx3-ubyte",
        &image_bytes(&images(6, 3, 3, 5)),
    );
    let error = load(Some(HoldOut::TENTH), true).unwrap_err().to_string();
    assert!(error.contains("6 test images"), "{error}");
}

/// Mapped where the file has them as they are, else copied to another file; either way they are the same images.
#[test]
fn images_that_are_too_many_for_memory_lie_in_files() {
    let dir = tempfile::tempdir().unwrap();
    let (all, test) = (images(60, 4, 3, 5), images(9, 4, 3, 100));
    let numbers = Images {
        pixels: bytes(&all)
            .iter()
            .map(|&byte| f32::from(byte))
            .collect::<Vec<_>>()
            .into(),
        ..all
    };
    let few = |options: LoadOptions| {
        let options = LoadOptions {
            data_dir: dir.path().join("cache"),
            ..options
        };
        load(&Source::Path(dir.path().to_owned()), &options, &mut |_| {}).unwrap()
    };
    for (stored, has_test) in [
        (image_bytes(&all), true),
        (gzip(&image_bytes(&all)), true),
        (image_bytes(&all), false),
        (image_bytes(&numbers), false),
    ] {
        put(dir.path(), TRAIN_IMAGES, &stored);
        let path = dir.path().join("t10k-images-idx3-ubyte");
        match has_test {
            true => fs::write(&path, image_bytes(&test)).unwrap(),
            false => fs::remove_file(&path).unwrap_or_default(),
        }
        for transpose in [false, true] {
            let options = LoadOptions {
                transpose,
                ..LoadOptions::default()
            };
            let in_memory = few(options.clone());
            let in_files = few(LoadOptions {
                memory: Some(100),
                ..options
            });
            assert!(in_files.train == in_memory.train && in_files.test == in_memory.test);
            assert_eq!(in_files.digest(), in_memory.digest());
            assert_eq!(
                in_files.train.images.means(),
                in_memory.train.images.means()
            );
            let range = |set: &Dataset| set.train.images.pixels.range();
            assert_eq!(range(&in_files), range(&in_memory));
            assert!(in_files.train.images.pixels.is_mapped());
            assert!(!in_memory.train.images.pixels.is_mapped());
            let note = in_files.notes.last().unwrap();
            assert!(note.contains("read from the disk"), "{note}");
        }
    }
    // What a header says too much or too little of is an error as before.
    for len in [500, 1000] {
        let mut stored = image_bytes(&all);
        stored.resize(len, 0);
        put(dir.path(), TRAIN_IMAGES, &stored);
        let options = LoadOptions {
            memory: Some(100),
            ..LoadOptions::default()
        };
        let error = load(&Source::Path(dir.path().to_owned()), &options, &mut |_| {});
        let error = error.unwrap_err().to_string();
        assert!(error.contains("736"), "{error}");
    }
}

#[test]
fn labels_are_optional() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), TRAIN_IMAGES, &image_bytes(&images(4, 3, 3, 5)));
    let set = load_folder(dir.path()).unwrap();
    assert_eq!((set.train.labels, set.test.labels), (None, None));
}

#[test]
fn a_single_image_cannot_be_held_out() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), TRAIN_IMAGES, &image_bytes(&images(1, 3, 3, 5)));
    let error = load_folder(dir.path()).unwrap_err();
    assert_says(&error, &[TRAIN_IMAGES, "single image", TEST_IMAGES]);
}

#[test]
fn labels_that_cannot_be_used_are_left_out_with_a_note() {
    let train = images(4, 3, 3, 5);
    for (name, bytes, parts) in [
        (
            "train-labels-idx1-ubyte.gz",
            gzip(&label_bytes(&[1, 2, 3])),
            &["3 labels", "4 images", "byte 4", TRAIN_IMAGES][..],
        ),
        // QMNIST's: eight ints each.
        (
            "train-labels-idx2-int",
            idx_bytes(&[0xc02, 4, 8], &[0; 128]),
            &["0x00000c02", "only unsigned bytes"],
        ),
        (
            TRAIN_LABELS,
            b"1\n2\n3\n4\n".to_vec(),
            &["another kind of file"],
        ),
        (TRAIN_LABELS, Vec::new(), &["inside the 8-byte header"]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), TRAIN_IMAGES, &image_bytes(&train));
        put(dir.path(), TEST_IMAGES, &image_bytes(&train));
        put(dir.path(), name, &bytes);
        let set = load_folder(dir.path()).unwrap();
        assert_eq!((&set.train.images, set.train.labels), (&train, None));
        let [note] = &set.notes[..] else {
            panic!("{:?}", set.notes);
        };
        for part in parts.iter().chain(&["labels are left out", name]) {
            assert!(note.contains(part), "`{part}` is missing in: {note}");
        }
    }
}

#[test]
fn what_follows_a_whole_gzip_stream_is_ignored_with_a_note() {
    let train = images(4, 3, 3, 5);
    let whole = gzip(&image_bytes(&train));
    for surplus in [&b"\n"[..], &[0; 512], &[0x1f], b"\x1f\0", b"-- end --"] {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), TRAIN_IMAGES, &[&whole, surplus].concat());
        put(dir.path(), TEST_IMAGES, &image_bytes(&train));
        let set = load_folder(dir.path()).unwrap();
        assert_eq!(set.train.images, train);
        let [note] = &set.notes[..] else {
            panic!("{:?}", set.notes);
        };
        let parts = [
            TRAIN_IMAGES,
            "bytes that follow the gzip stream are ignored",
        ];
        assert!(parts.iter().all(|part| note.contains(part)), "{note}");
    }
}

#[test]
fn train_and_test_must_be_of_one_size() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), TRAIN_IMAGES, &image_bytes(&images(4, 3, 5, 5)));
    // As many pixels, another shape.
    put(dir.path(), TEST_IMAGES, &image_bytes(&images(4, 5, 3, 5)));
    let error = load_folder(dir.path()).unwrap_err();
    assert_says(&error, &[TEST_IMAGES, "5×3", "3×5", "bytes 8 to 15"]);
}

#[test]
fn a_broken_file_is_named_with_its_folder() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), TRAIN_IMAGES, &image_bytes(&images(4, 3, 3, 5)));
    put(
        dir.path(),
        TEST_IMAGES,
        &image_bytes(&images(4, 3, 3, 5))[..20],
    );
    let path = dir.path().join(TEST_IMAGES);
    let error = load_folder(dir.path()).unwrap_err();
    assert_says(&error, &[path.to_str().unwrap(), "cut short at byte 20"]);
}

#[test]
fn a_folder_without_training_images_or_that_is_none_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    assert_says(
        &load_folder(dir.path()).unwrap_err(),
        &[TRAIN_IMAGES, "IDX format"],
    );

    put(dir.path(), "file", b"");
    let error = load_folder(&dir.path().join("file")).unwrap_err();
    assert_says(&error, &["no file that is read as data", "IDX", ".npy"]);
    // What is there instead.
    put(dir.path(), "t10k-labels-idx1-ubyte", b"");
    for number in 0..10 {
        put(dir.path(), &format!("{number}.bmp"), b"");
    }
    let parts = [
        "there are 0.bmp, 1.bmp",
        "7.bmp and 4 more",
        "put the training images there",
    ];
    assert_says(&load_folder(dir.path()).unwrap_err(), &parts);

    let error = load_folder(Path::new("minst")).unwrap_err();
    assert_says(
        &error,
        &["`minst`", "digits, shapes, mnist, fashion-mnist, kmnist"],
    );
}

/// What the system says, and not that there is nothing.
#[test]
fn what_is_there_and_cannot_be_read_is_named_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("set");
    fs::create_dir_all(folder.join(TRAIN_IMAGES)).unwrap();
    let parts = ["cannot read", TRAIN_IMAGES, "irectory"];
    assert_says(&load_folder(&folder).unwrap_err(), &parts);
    // As Kaggle packs it: a folder under the file's name, and the file under another.
    let train = images(4, 3, 3, 5);
    put(&folder, "train-images.idx3-ubyte", &image_bytes(&train));
    put(&folder, TEST_IMAGES, &image_bytes(&train));
    assert_eq!(load_folder(&folder).unwrap().train.images, train);
}

#[cfg(unix)]
#[test]
fn links_that_lead_nowhere_are_named_with_where_they_lead() {
    use std::os::unix::fs::symlink;

    let dir = tempfile::tempdir().unwrap();
    let broken = |link: &str| symlink("../gone", dir.path().join(link)).unwrap();
    for link in [TRAIN_IMAGES, TEST_IMAGES] {
        broken(link);
        let parts = ["cannot read", link, "a link to ../gone", "No such file"];
        assert_says(&load_folder(dir.path()).unwrap_err(), &parts);
        fs::remove_file(dir.path().join(link)).unwrap();
        put(dir.path(), link, &image_bytes(&images(4, 3, 3, 5)));
    }
    assert!(load_folder(dir.path()).is_ok());
    broken("elsewhere");
    let error = load_folder(&dir.path().join("elsewhere")).unwrap_err();
    assert_says(&error, &["cannot read", "elsewhere", "a link to ../gone"]);
}

/// Whoever is root may read everything, so that nothing is tested there.
#[cfg(unix)]
#[test]
fn a_folder_without_permission_is_named_with_the_reason() {
    use std::os::unix::fs::PermissionsExt;

    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("locked");
    fs::create_dir(&folder).unwrap();
    put(&folder, TRAIN_IMAGES, &image_bytes(&images(4, 3, 3, 5)));
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o000)).unwrap();
    let is_root = fs::read_dir(&folder).is_ok();
    let loaded = load_folder(&folder);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    if !is_root {
        let parts = ["cannot read", "locked", "Permission denied"];
        assert_says(&loaded.unwrap_err(), &parts);
    }
}

#[test]
fn sources_read_back_what_they_write() {
    let directory = |path: &str| Source::Path(PathBuf::from(path));
    for (text, source) in [
        ("digits", Source::Digits),
        ("shapes", Source::Shapes),
        ("mnist", Source::Mnist),
        ("fashion-mnist", Source::FashionMnist),
        ("kmnist", Source::Kmnist),
        ("./mnist", directory("./mnist")),
        ("a/b", directory("a/b")),
        ("MNIST", directory("MNIST")),
    ] {
        assert_eq!(text.parse::<Source>().unwrap(), source);
        assert_eq!(source.to_string(), text);
    }
    assert_eq!(directory("mnist").to_string(), "./mnist");
    for name in Source::NAMES {
        let source: Source = name.parse().unwrap();
        assert!(!matches!(source, Source::Path(_)), "{name}");
    }
}
