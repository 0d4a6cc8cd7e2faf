//! Where data sets lie: folders, their names, named sets, mirrors.

use std::fs;

use crate::data::{idx, put};
use crate::{Place, TRAIN, TRAIN_IMAGES};

#[test]
fn a_run_is_continued_and_used_from_any_folder() {
    let place = Place::with_run();
    fs::create_dir(place.path("elsewhere")).unwrap();
    for args in [
        &["train", "--resume", "../runs/a", "--epochs", "3"][..],
        &["reconstruct", "../runs/a", "--adapter", "reference"],
    ] {
        let mut command = place.command(args);
        crate::Ran::of(command.current_dir(place.path("elsewhere"))).succeeds();
    }
    // The same images in another folder are the same data; other images are not.
    place.images("copy", 40, 6, 5);
    place
        .vae("train --resume runs/a --epochs 4 --data copy")
        .succeeds();
    place.images("other", 41, 6, 5);
    place
        .vae("train --resume runs/a --epochs 5 --data other")
        .fails(1, &["other", "contents differ", "--init runs/a"]);
}

#[test]
fn a_folder_that_is_called_as_a_set_is_told_of() {
    let place = Place::new();
    place.images("digits", 40, 6, 5);
    place.images("mnist", 40, 6, 5);
    let digits = "train --adapter reference --hidden 8 --latent 2 --batch-size 30000 --data";
    let ran = place.vae(&format!("{digits} digits")).fails(2, &["20000"]);
    assert!(
        ran.err.contains("folder digits here is meant by ./digits"),
        "{ran}"
    );
    let ran = place.vae(&format!("{digits} ./digits")).fails(2, &["36"]);
    assert!(!ran.err.contains("meant by"), "{ran}");

    let meant = "the folder mnist here is meant by ./mnist";
    place
        .vae(&format!("{digits} mnist --data-dir elsewhere"))
        .fails(1, &["mnist is not on this machine", meant]);
    // Where that folder is what is read, or another has the files.
    for (folder, is_told) in [("mnist", false), ("elsewhere/mnist", true)] {
        place.images(folder, 40, 6, 5);
        let folder = place.path(folder);
        for file in ["train-labels", "t10k-labels"] {
            put(
                &folder,
                &format!("{file}-idx1-ubyte"),
                b"\0\0\x08\x01\0\0\0\x01\0",
            );
        }
        fs::copy(
            folder.join(TRAIN_IMAGES),
            folder.join("t10k-images-idx3-ubyte"),
        )
        .unwrap();
        let parent = folder.parent().unwrap().display();
        let ran = place
            .vae(&format!("{digits} mnist --data-dir {parent}"))
            .fails(2, &["40 training images"]);
        assert_eq!(ran.err.contains(meant), is_told, "{ran}");
    }
}

/// The folders that torchvision makes below the one that its user names.
#[test]
fn a_named_set_is_found_where_torchvision_has_put_it() {
    let place = Place::new();
    for set in ["MNIST", "FashionMNIST"] {
        let folder = place.path(format!("tv/{set}/raw"));
        let count = if set == "MNIST" { 30 } else { 20 };
        put(
            &folder,
            TRAIN_IMAGES,
            &idx([0x803, count, 6, 5], 30 * count as usize),
        );
        put(
            &folder,
            "t10k-images-idx3-ubyte",
            &idx([0x803, 4, 6, 5], 120),
        );
        for file in ["train-labels", "t10k-labels"] {
            put(
                &folder,
                &format!("{file}-idx1-ubyte"),
                b"\0\0\x08\x01\0\0\0\x01\0",
            );
        }
    }
    for (set, data_dir, count) in [
        ("mnist", "tv", "30"),
        ("fashion-mnist", "tv", "20"),
        ("mnist", "tv/MNIST", "30"),
        ("fashion-mnist", "tv/FashionMNIST/raw", "20"),
    ] {
        let args = "train --adapter reference --batch-size 99 --data";
        place
            .vae(&format!("{args} {set} --data-dir {data_dir}"))
            .fails(2, &[&format!("{count} training images")]);
    }
    for (set, data_dir) in [("kmnist", "tv"), ("mnist", "tv/FashionMNIST/raw")] {
        let args = format!("train --adapter reference --data {set} --data-dir {data_dir}");
        place.vae(&args).fails(1, &["is not on this machine"]);
    }
}

#[test]
fn a_mirror_that_is_no_url_is_wrong_usage() {
    let place = Place::new();
    let args = "train --adapter reference --data mnist --data-dir new --download --mirror foo";
    place
        .vae(args)
        .fails(2, &["`foo` is no URL", "http://", "https://"]);
    assert!(!place.path("new").exists());
}

/// A configuration cannot hold a path that is not UTF-8; everything else can live there.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_whose_name_is_not_utf8_is_refused_for_data_and_used_for_runs() {
    use std::os::unix::ffi::OsStrExt;

    let place = Place::new();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9");
    let inside = place.path(name);
    fs::create_dir(&inside).unwrap();
    fs::rename(place.path("tiny"), inside.join("tiny")).unwrap();
    let run = |args: &str| {
        let mut command = place.command(args.split_whitespace());
        crate::Ran::of(command.current_dir(&inside))
    };
    let remedies = ["is not UTF-8", "rename the folder", "link"];
    run(&format!("{TRAIN} --out a")).fails(2, &remedies);
    run(&TRAIN.replace("tiny", "mnist --data-dir tiny")).fails(2, &remedies);
    assert!(!inside.join("a").exists());

    std::os::unix::fs::symlink(inside.join("tiny"), place.path("link")).unwrap();
    let link = place.path("link");
    let linked = TRAIN.replace("tiny", link.to_str().unwrap());
    run(&format!("{linked} --out a")).succeeds();
    run("train --resume a --epochs 3").succeeds();
    run("sample a --adapter reference").succeeds();
}
