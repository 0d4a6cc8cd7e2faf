//! `-o`: what is written where, and what is not replaced.

use std::fs;
use std::process::Command;

use vae_wgpu::data::idx::read_images;

use crate::{Place, Ran};

const DRAW: [&str; 2] = [
    "sample runs/a --adapter reference -n 12",
    "reconstruct runs/a --adapter reference -n 3",
];

/// The values of an array that `-o x.npy` wrote, after its shape was compared.
pub(crate) fn values(place: &Place, name: &str, shape: &str) -> Vec<f32> {
    let bytes = fs::read(place.path(name)).unwrap();
    let (header, data) = bytes.split_at(128);
    let header = String::from_utf8_lossy(header);
    assert!(
        header.contains(&format!(
            "'descr': '<f4', 'fortran_order': False, 'shape': {shape}, "
        )),
        "{header}"
    );
    let (values, rest) = data.as_chunks::<4>();
    assert!(rest.is_empty());
    values
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect()
}

#[test]
fn arrays_have_the_values_of_the_single_pictures() {
    let place = Place::with_run();
    for (draw, count) in DRAW.into_iter().zip([12, 3]) {
        place.vae(&format!("{draw} -o a.npy")).succeeds();
        let values = values(&place, "a.npy", &format!("({count}, 6, 5)"));
        assert_eq!(values.len(), count * 30);
        assert!(values.iter().all(|value| (0.0..=1.0).contains(value)));
        place.vae(&format!("{draw} -o single/")).succeeds();
        for (index, image) in values.chunks(30).enumerate() {
            let picture = image::open(place.path(format!("single/{index:04}.png"))).unwrap();
            let picture = picture.into_luma8();
            assert_eq!(picture.dimensions(), (5, 6));
            let expected = image.iter().map(|value| (value * 255.0).round() as u8);
            assert!(picture.into_raw().into_iter().eq(expected), "{index}");
        }
        assert_eq!(fs::read_dir(place.path("single")).unwrap().count(), count);
        // An existing folder needs no separator.
        place.vae(&format!("{draw} -o single")).succeeds();
        fs::remove_dir_all(place.path("single")).unwrap();
    }
    // Images are not mixed up with rows: the data set has its own shape.
    read_images(&place.path("tiny").join(crate::TRAIN_IMAGES)).unwrap();
}

#[test]
fn numpy_reads_the_array() {
    let place = Place::with_run();
    let check = "import numpy; a = numpy.load('a.npy'); print(a.shape, a.dtype, a.min() >= 0, a.max() <= 1)";
    place.vae(&format!("{} -o a.npy", DRAW[0])).succeeds();
    let mut python = Command::new("python3");
    let Ok(said) = python
        .current_dir(place.path(""))
        .args(["-c", check])
        .output()
    else {
        return eprintln!("skipped: there is no python3");
    };
    if !said.status.success() {
        return eprintln!("skipped: {}", String::from_utf8_lossy(&said.stderr));
    }
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert_eq!(said.trim_end(), "(12, 6, 5) float32 True True");
}

#[test]
fn standard_output_has_the_picture_and_nothing_else() {
    let place = Place::with_run();
    for draw in DRAW {
        place.vae(&format!("{draw} -o a.png")).succeeds();
        let mut command = place.command(format!("{draw} -o -").split_whitespace());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(output.stdout, fs::read(place.path("a.png")).unwrap());
        assert!(String::from_utf8_lossy(&output.stderr).contains("drawn on"));
        assert!(!place.path("-").exists());
    }
}

#[test]
fn other_endings_are_refused_before_anything_is_opened() {
    let place = Place::with_run();
    fs::write(place.path("runs/a/checkpoints/last.safetensors"), "").unwrap();
    for draw in DRAW {
        for name in ["x.jpg", "x", "x.png.gz", ".png"] {
            // The checkpoint is spoiled, and what is said is about the ending.
            let parts = [&format!("-o {name}")[..], ".png", ".npy", "folder"];
            place.vae(&format!("{draw} -o {name}")).fails(2, &parts);
            assert!(!place.path(name).exists());
        }
    }
}

#[test]
fn what_a_run_lives_by_is_never_replaced() {
    let place = Place::with_run();
    let before = place.checkpoint_bytes("runs/a");
    let mut outputs = vec![
        "runs/a/checkpoints",
        "runs/a/checkpoints/",
        "runs/a/checkpoints/x.png",
        "runs/../runs/a/checkpoints/new/",
    ];
    #[cfg(unix)]
    {
        let link = |to: &str, from: &str| std::os::unix::fs::symlink(to, place.path(from)).unwrap();
        link("runs/a/checkpoints/last.safetensors", "checkpoint.png");
        link("runs/a/config.toml", "config.npy");
        outputs.extend(["checkpoint.png", "config.npy"]);
    }
    for draw in DRAW {
        for output in &outputs {
            let parts = [output, "lives by"];
            place.vae(&format!("{draw} -o {output}")).fails(2, &parts);
        }
        // Its other folders are the user's.
        place
            .vae(&format!("{draw} -o runs/a/samples/x.png"))
            .succeeds();
    }
    assert_eq!(place.checkpoint_bytes("runs/a"), before);
    let left = fs::read_dir(place.path("runs/a/checkpoints")).unwrap();
    assert_eq!(left.count(), 2, "last and best");
}

#[test]
fn too_many_images_for_a_picture_have_a_remedy_that_works() {
    let place = Place::with_run();
    let sample = "sample runs/a --adapter reference";
    let ran: Ran = place.vae(&format!("{sample} -n 100000000"));
    let ran = ran.fails(2, &["-o FOLDER/", "-o FILE.npy"]);
    assert!(!ran.err.contains("scale"), "{ran}");
    let most = ran.err.split("give -n ").nth(1).unwrap();
    let most = most.split(' ').next().unwrap().parse::<usize>().unwrap();
    assert!(most > 1_000_000, "{most}");
    // More than fit at the usual enlargement.
    place
        .vae(&format!("{sample} -n 100000 -o many.png"))
        .succeeds();
}
