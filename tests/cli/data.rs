//! Data sets that are missing, damaged, empty, or not what a run was trained on.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use vae_wgpu::data::idx::write_labels;

use crate::{Place, TRAIN, TRAIN_IMAGES};

/// A file of images byte by byte.
pub(crate) fn idx(header: [u32; 4], pixels: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = header.iter().flat_map(|n| n.to_be_bytes()).collect();
    bytes.resize(16 + pixels, 7);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn put(folder: &Path, file: &str, bytes: &[u8]) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join(file), bytes).unwrap();
}

#[test]
fn files_that_are_not_what_they_should_be_are_named_with_the_byte() {
    let place = Place::new();
    let whole = idx([0x803, 40, 6, 5], 1200);
    // Of a file that hardly shrinks, half is the header and some images.
    let noise: Vec<u8> = (0..1200_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let packed = gzip(&[&whole[..16], &noise].concat());
    let gz = format!("{TRAIN_IMAGES}.gz");
    for (file, bytes, parts) in [
        (
            TRAIN_IMAGES,
            whole[..1000].to_vec(),
            &["cut short at byte 1000", "1216 bytes"][..],
        ),
        (TRAIN_IMAGES, whole[..10].to_vec(), &["byte 10", "header"]),
        (TRAIN_IMAGES, Vec::new(), &["byte 0", "header"]),
        (
            TRAIN_IMAGES,
            [&whole[..], &[0]].concat(),
            &["byte 1216", "more bytes follow"],
        ),
        (
            TRAIN_IMAGES,
            idx([0x801, 40, 6, 5], 1200),
            &["byte 0", "0x00000801", "0x00000803"],
        ),
        (
            TRAIN_IMAGES,
            b"\x89PNG\r\n\x1a\n and so on".to_vec(),
            &["byte 0", "0x89504e47"],
        ),
        (
            TRAIN_IMAGES,
            idx([0x803, 0, 6, 5], 0),
            &["image count", "byte 4", "is 0"],
        ),
        (
            TRAIN_IMAGES,
            idx([0x803, 40, 0, 5], 0),
            &["height", "byte 8", "is 0"],
        ),
        (
            TRAIN_IMAGES,
            idx([0x803, u32::MAX, u32::MAX, u32::MAX], 9),
            &["more", "address"],
        ),
        (
            TRAIN_IMAGES,
            idx([0x803, u32::MAX, 28, 28], 9),
            &["cut short at byte 25"],
        ),
        (
            TRAIN_IMAGES,
            idx([0x803, 1, 6, 5], 30),
            &["single image", "add images"],
        ),
        (
            &gz,
            packed[..packed.len() / 2].to_vec(),
            &["gzip stream is cut short", "fetch it again"],
        ),
        (
            &gz,
            [&packed[..40], &[0xff; 60]].concat(),
            &["gzip stream is", "fetch it again"],
        ),
    ] {
        let folder = place.path("bad");
        put(&folder, file, &bytes);
        let args = "train --data bad --adapter reference --batch-size 8";
        let message = place.vae(args).fails(1, parts).message();
        assert!(message.contains(file), "{message}");
        fs::remove_dir_all(folder).unwrap();
    }
    assert!(!place.path("runs").exists());
}

#[test]
fn what_is_not_there_is_named_with_what_to_put_there() {
    let place = Place::new();
    fs::create_dir(place.path("empty")).unwrap();
    for (data, parts) in [
        (
            "nosuch",
            &[
                "`nosuch`",
                "digits, shapes, mnist, fashion-mnist, kmnist",
                "folder",
            ][..],
        ),
        (
            "empty",
            &["empty", TRAIN_IMAGES, "put the training images there"],
        ),
        ("empty/notes.txt", &["`empty/notes.txt`", ".npz"]),
        (
            "mnist --data-dir empty",
            &["mnist is not on this machine", "(--download or --data-dir)"],
        ),
        (
            "kmnist --data-dir nosuch",
            &["kmnist is not on this machine", "--download"],
        ),
    ] {
        let args = format!("train --adapter reference --batch-size 8 --data {data}");
        place.vae(&args).fails(1, parts);
    }
    assert!(!place.path("runs").exists());
}

#[test]
fn a_run_continues_only_on_images_as_it_was_trained_on() {
    let place = Place::with_run();
    let before = place.checkpoint_bytes("runs/a");
    // As many pixels, differently arranged: the tensors alone would not tell.
    for (count, height, width, parts) in [
        (40, 5, 6, &["5×6", "6×5"][..]),
        (40, 28, 28, &["28×28", "6×5"]),
        (60, 6, 5, &["tiny", "runs/a", "contents differ"]),
        (20, 6, 5, &["tiny", "runs/a", "contents differ"]),
    ] {
        place.images("tiny", count, height, width);
        place
            .vae("train --resume runs/a --epochs 4")
            .fails(1, parts);
    }
    fs::remove_dir_all(place.path("tiny")).unwrap();
    place
        .vae("train --resume runs/a --epochs 4")
        .fails(1, &["tiny", "folder"]);
    assert_eq!(place.checkpoint_bytes("runs/a"), before);
    place.images("tiny", 40, 6, 5);
    place.vae("train --resume runs/a --epochs 4").succeeds();
}

#[test]
fn images_of_another_size_cannot_be_reconstructed() {
    let place = Place::with_run();
    place.images("turned", 40, 5, 6);
    for (data, found) in [("turned", "5×6"), ("digits", "28×28")] {
        let args = format!("reconstruct runs/a --adapter reference --data {data} -o new.png");
        place
            .vae(&args)
            .fails(1, &[found, "6×5", "train a new model"]);
    }
    assert!(!place.path("new.png").exists());
}

#[test]
fn a_run_measures_with_the_same_held_out_images_at_every_resume() {
    let place = Place::new();
    let ran = place
        .vae(&format!("{TRAIN} --seed 7 --out runs/whole"))
        .succeeds();
    let note =
        "note: tiny has no t10k-images-idx3-ubyte: 4 of 40 training images, drawn by the seed";
    assert!(ran.err.contains(note), "{ran}");
    place
        .vae(&format!("{TRAIN} --seed 7 --epochs 1 --out runs/parts").replace("--epochs 2 ", ""))
        .succeeds();
    place.vae("train --resume runs/parts --epochs 2").succeeds();
    assert_eq!(place.losses("runs/parts"), place.losses("runs/whole"));
}

#[test]
fn what_is_held_out_is_recorded_and_repeated() {
    let place = Place::new();
    let note = "10 of 40 training images, drawn by the seed, are held out";
    let ran = place.vae(&format!("{TRAIN} --holdout 0.25 --out runs/a"));
    assert!(ran.succeeds().err.contains(note));
    let config = fs::read_to_string(place.path("runs/a/config.toml")).unwrap();
    assert!(config.contains("\nholdout = 0.25\n"), "{config}");
    for repeated in [
        "train --resume runs/a --epochs 3",
        "reconstruct runs/a --adapter reference -o new.png",
        "train --config runs/a/config.toml --out runs/b",
    ] {
        let ran = place.vae(repeated).succeeds();
        assert!(ran.err.contains(note), "{ran}");
    }
    place
        .vae("train --resume runs/a --epochs 4 --holdout 4")
        .fails(2, &["0.25 of its images", "leave --holdout out"]);
    place
        .vae(&format!("{TRAIN} --holdout 40"))
        .fails(1, &["40 of the 40 images", "from 1 to 39", "(--holdout)"]);
    place
        .vae("train --adapter reference --holdout 0.1")
        .fails(1, &["digits has", "test images", "(--holdout)"]);
}

/// A run of version 0.1.0 does not say what was held out, which was drawn without regard to classes.
#[test]
fn a_run_that_does_not_say_what_was_held_out_drew_it_of_all_images() {
    let place = Place::new();
    place.vae(&format!("{TRAIN} --out runs/plain")).succeeds();
    let labels: Vec<u8> = (0..40).map(|row| row / 10).collect();
    write_labels(&place.path("tiny/train-labels-idx1-ubyte"), &labels).unwrap();
    place.vae(&format!("{TRAIN} --out runs/new")).succeeds();
    let path = place.path("runs/plain/config.toml");
    let config = fs::read_to_string(&path).unwrap();
    fs::write(&path, config.replace("holdout = 0.1\n", "")).unwrap();
    place.vae("train --resume runs/plain --epochs 3").succeeds();
    place.vae("train --resume runs/new --epochs 3").succeeds();
    // Else by class, which are other images.
    fs::write(&path, config).unwrap();
    place
        .vae("train --resume runs/plain --epochs 4")
        .fails(1, &["contents differ"]);
}

/// 40 images of 32 bytes, as kernels read them, are more than 1000 bytes; a quarter of that is less than a batch.
#[test]
fn data_larger_than_memory_are_shuffled_in_windows_that_are_said_and_recorded() {
    let place = Place::new();
    let small = format!("{TRAIN} --data-memory 1000");
    let ran = place.vae(&format!("{small} --out runs/small")).succeeds();
    for note in ["read from the disk", "in windows of 8 (--window)"] {
        assert!(ran.err.contains(note), "{ran}");
    }
    let config = fs::read_to_string(place.path("runs/small/config.toml")).unwrap();
    assert!(config.contains("\nwindow = 8\n"), "{config}");
    // Another machine, which has the memory, goes on with the same bits.
    place
        .vae(&format!("{small} --out runs/parts").replace("--epochs 2", "--epochs 1"))
        .succeeds();
    place.vae("train --resume runs/parts --epochs 2").succeeds();
    assert_eq!(place.losses("runs/parts"), place.losses("runs/small"));
    place
        .vae(&format!("{TRAIN} --window 8 --out runs/window"))
        .succeeds();
    assert_eq!(place.losses("runs/window"), place.losses("runs/small"));
    place
        .vae("reconstruct runs/small --data-memory 1000 --adapter reference -o new.png")
        .succeeds();
    place
        .vae(&format!("{TRAIN} --window 10"))
        .fails(2, &["whole batches of 8", "8 or 16", "(--window)"]);
    place
        .vae("train --resume runs/small --epochs 3 --window 16")
        .fails(2, &["window = 8 there", "order of the images"]);
}

/// A file of images without any content on disk: all its pixels are zero.
#[cfg(target_os = "linux")]
fn sparse(path: &Path, count: u32) {
    use std::os::unix::fs::FileExt;

    let file = fs::File::create(path).unwrap();
    file.write_all_at(&idx([0x803, count, 100, 100], 0), 0)
        .unwrap();
    file.set_len(16 + 10_000 * u64::from(count)).unwrap();
}

/// As much address space as the images of a file need once and half again; a list that grows by doubling needs 512 MiB
/// for these 300 MB.
#[cfg(target_os = "linux")]
#[test]
fn memory_is_asked_for_once_and_an_error_where_it_is_not_there() {
    let place = Place::new();
    fs::create_dir(place.path("large")).unwrap();
    sparse(&place.path("large").join(TRAIN_IMAGES), 30_000);
    sparse(&place.path("large/t10k-images-idx3-ubyte"), 10);
    let limited = |kilobytes: u32| {
        let mut command = std::process::Command::new("sh");
        command
            .current_dir(place.path(""))
            .args(["-c", &format!("ulimit -v {kilobytes}; exec \"$0\" \"$@\"")])
            .arg(env!("CARGO_BIN_EXE_vae"))
            .args("train --data large --adapter reference --batch-size 40000".split(' '));
        crate::Ran::of(&mut command)
    };
    limited(450_000).fails(2, &["batch of 40000", "30000 training images"]);
    limited(250_000).fails(1, &[TRAIN_IMAGES, "no memory", "300000000 bytes of pixels"]);
    assert!(!place.path("runs").exists());
}

#[test]
fn a_run_on_transposed_images_stays_one() {
    let place = Place::new();
    place
        .vae(&format!("{TRAIN} --transpose --epochs 1 --out runs/a").replace("--epochs 2 ", ""))
        .succeeds();
    let config = fs::read_to_string(place.path("runs/a/config.toml")).unwrap();
    let config: toml::Table = config.parse().unwrap();
    assert_eq!(config["data"]["transpose"].as_bool(), Some(true));
    let image = config["data"]["image"].as_array().unwrap();
    assert_eq!(image[..], [5.into(), 6.into()]);
    place.vae("train --resume runs/a --epochs 2").succeeds();
    place
        .vae("reconstruct runs/a --adapter reference -o new.png")
        .succeeds();
    place
        .vae("train --config runs/a/config.toml --out runs/b")
        .succeeds();
    assert_eq!(place.losses("runs/b"), place.losses("runs/a"));

    place.vae(&format!("{TRAIN} --out runs/stored")).succeeds();
    place
        .vae("train --resume runs/stored --epochs 3 --transpose")
        .fails(2, &["as they are stored", "leave --transpose out"]);
}
