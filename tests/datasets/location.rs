//! Where the named sets are looked for.

use super::*;

fn fill(dir: &Path, first: usize) {
    fs::create_dir_all(dir).unwrap();
    put(dir, TRAIN_IMAGES, &image_bytes(&images(5, 2, 2, first)));
    put(dir, TRAIN_LABELS, &label_bytes(&[0, 1, 2, 3, 4]));
    put(dir, TEST_IMAGES, &image_bytes(&images(2, 2, 2, first)));
    put(dir, TEST_LABELS, &label_bytes(&[0, 1]));
}

fn load_named(source: &Source, data_dir: &Path) -> Result<Dataset, DataError> {
    let options = LoadOptions {
        data_dir: data_dir.to_owned(),
        ..LoadOptions::default()
    };
    load(source, &options, &mut |_| {
        panic!("downloads are not allowed")
    })
}

#[test]
fn a_set_is_found_in_its_own_folder_and_in_the_data_folder_itself() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), 1);
    let set = load_named(&Source::Kmnist, dir.path()).unwrap();
    assert_eq!(
        (set.name.as_str(), bytes(&set.train.images)[0]),
        ("kmnist", 1)
    );
    // Its own folder comes first.
    fill(&dir.path().join("kmnist"), 2);
    let set = load_named(&Source::Kmnist, dir.path()).unwrap();
    assert_eq!(bytes(&set.train.images)[0], 2);
}

#[test]
fn the_folder_of_one_set_does_not_pass_for_another() {
    let dir = tempfile::tempdir().unwrap();
    let mnist = dir.path().join("mnist");
    fill(&mnist, 1);
    assert_eq!(load_named(&Source::Mnist, &mnist).unwrap().name, "mnist");
    load_named(&Source::FashionMnist, &mnist).unwrap_err();
}

#[test]
fn a_missing_set_says_which_files_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let mnist = dir.path().join("mnist");
    fill(&mnist, 1);
    fs::remove_file(mnist.join(TEST_LABELS)).unwrap();
    let error = load_named(&Source::Mnist, dir.path()).unwrap_err();
    let folder = format!("into {}", mnist.display());
    let parts = [
        "mnist is not",
        "put t10k-labels-idx1-ubyte.gz",
        "have it downloaded",
        "name the folder",
        &folder,
    ];
    assert_says(&error, &parts);
    let message = error.to_string();
    assert!(!message.contains(TRAIN_IMAGES), "{message}");
}

#[test]
fn by_default_nothing_is_downloaded() {
    let options = LoadOptions::default();
    assert!(!options.download && options.mirror.is_none());
    assert!(!options.data_dir.as_os_str().is_empty());
}
