//! Files under the names that others gave them.

use super::*;

/// Loads a folder in which each file has images, or labels, of its own.
fn load_files(files: &[&str]) -> Result<Dataset, DataError> {
    let dir = tempfile::tempdir().unwrap();
    for (index, file) in files.iter().enumerate() {
        let bytes = if file.to_lowercase().contains("images") {
            image_bytes(&images(3, 2, 2, 10 * index))
        } else {
            label_bytes(&[index as u8; 3])
        };
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let is_gzip = file.to_lowercase().ends_with(".gz");
        fs::write(path, if is_gzip { gzip(&bytes) } else { bytes }).unwrap();
    }
    load_folder(dir.path())
}

/// Which of the files are training images, training labels, test images and test labels.
fn taken(files: &[&str]) -> [Option<usize>; 4] {
    let set = load_files(files).unwrap();
    assert!(set.notes.is_empty(), "{files:?}: {:?}", set.notes);
    let image = |images: &Images| Some(usize::from(bytes(images)[0]) / 10);
    let label = |split: &Option<Vec<u8>>| split.as_ref().map(|labels| usize::from(labels[0]));
    [
        image(&set.train.images),
        label(&set.train.labels),
        image(&set.test.images),
        label(&set.test.labels),
    ]
}

#[test]
fn sets_are_read_as_others_name_their_files() {
    let all = [Some(0), Some(1), Some(2), Some(3)];
    for files in [
        // Kaggle.
        [
            "train-images.idx3-ubyte",
            "train-labels.idx1-ubyte",
            "t10k-images.idx3-ubyte",
            "t10k-labels.idx1-ubyte",
        ],
        // EMNIST.
        [
            "emnist-letters-train-images-idx3-ubyte.gz",
            "emnist-letters-train-labels-idx1-ubyte.gz",
            "emnist-letters-test-images-idx3-ubyte.gz",
            "emnist-letters-test-labels-idx1-ubyte.gz",
        ],
        // torchvision, given the folder that its user gave it.
        [
            "MNIST/raw/train-images-idx3-ubyte",
            "MNIST/raw/train-labels-idx1-ubyte",
            "MNIST/raw/t10k-images-idx3-ubyte",
            "MNIST/raw/t10k-labels-idx1-ubyte",
        ],
        [
            "raw/train-images-idx3-ubyte",
            "raw/train-labels-idx1-ubyte",
            "raw/t10k-images-idx3-ubyte",
            "raw/t10k-labels-idx1-ubyte",
        ],
        [
            "TRAIN-IMAGES-IDX3-UBYTE.GZ",
            "TRAIN-LABELS-IDX1-UBYTE.GZ",
            "T10K-IMAGES-IDX3-UBYTE.GZ",
            "T10K-LABELS-IDX1-UBYTE.GZ",
        ],
    ] {
        assert_eq!(taken(&files), all, "{files:?}");
    }
}

#[test]
fn of_one_file_twice_the_published_name_and_the_plain_one_are_taken() {
    for (files, train) in [
        (["train-images-idx3-ubyte.gz", TRAIN_IMAGES, TEST_IMAGES], 1),
        (["train-images.idx3-ubyte", TRAIN_IMAGES, TEST_IMAGES], 1),
        (
            [
                "train-images.idx3-ubyte",
                "train-images-idx3-ubyte.gz",
                TEST_IMAGES,
            ],
            1,
        ),
        (
            [
                "emnist-digits-train-images-idx3-ubyte",
                TRAIN_IMAGES,
                TEST_IMAGES,
            ],
            1,
        ),
    ] {
        assert_eq!(
            taken(&files),
            [Some(train), None, Some(2), None],
            "{files:?}"
        );
    }
}

#[test]
fn what_is_not_clear_is_asked_and_not_guessed() {
    for (files, parts) in [
        (
            &[
                "emnist-letters-train-images-idx3-ubyte",
                "emnist-digits-train-images-idx3-ubyte",
            ][..],
            &["not clear", "emnist-digits-train", "emnist-letters-train"][..],
        ),
        (
            &["train-images.idx3-ubyte", "train_images-idx3-ubyte"],
            &["not clear", "train-images.idx3-ubyte", "train_images-idx3"],
        ),
        (
            &[
                "MNIST/raw/train-images-idx3-ubyte",
                "KMNIST/raw/train-images-idx3-ubyte",
            ],
            &["not clear", "KMNIST", "MNIST"],
        ),
        // A tenth of the training images must not take the place of these.
        (
            &[TRAIN_IMAGES, "emnist-letters-test-images-idx3-ubyte"],
            &[
                "emnist-letters-test-images-idx3-ubyte is not named as the test images of",
                TRAIN_IMAGES,
                "same beginning",
            ],
        ),
    ] {
        assert_says(&load_files(files).unwrap_err(), parts);
    }
}

#[test]
fn emnist_is_turned_upright() {
    let dir = tempfile::tempdir().unwrap();
    let (train, test) = (images(4, 2, 3, 0), images(2, 2, 3, 50));
    put(dir.path(), TRAIN_IMAGES, &image_bytes(&train));
    put(dir.path(), TEST_IMAGES, &image_bytes(&test));
    let options = LoadOptions {
        transpose: true,
        ..LoadOptions::default()
    };
    let source = Source::Path(dir.path().to_owned());
    let set = load(&source, &options, &mut |_| {}).unwrap();
    for (turned, stored) in [(&set.train.images, &train), (&set.test.images, &test)] {
        assert_eq!((turned.height, turned.width), (3, 2));
        for i in 0..stored.count {
            let &[a, b, c, d, e, f] = image(stored, i) else {
                panic!("of 6 pixels");
            };
            assert_eq!(image(turned, i), [a, d, b, e, c, f]);
        }
    }
}
