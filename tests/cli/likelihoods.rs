//! Likelihoods of counts and of levels, and the scale that is best for a batch: what they draw, and what is refused.

use std::fs;

use vae_wgpu::checkpoint::Checkpoint;

use crate::{Place, TRAIN};

#[test]
fn values_and_scales_without_a_meaning_are_refused_by_name() {
    let place = Place::new();
    for (args, parts) in [
        (
            "--likelihood categorical --levels 0",
            &["0 levels", "from 2 to 256", "(--levels)"][..],
        ),
        ("--likelihood categorical --levels 1", &["1 levels"]),
        ("--likelihood categorical --levels 257", &["257 levels"]),
        (
            "--levels 4",
            &[
                "the number of levels is 4",
                "the likelihood bernoulli",
                "categorical",
                "(--levels)",
            ],
        ),
        (
            "--likelihood discretised-logistic --levels 256",
            &["discretised-logistic has no number of levels"],
        ),
        (
            "--scale optimal",
            &[
                "bernoulli has no scale,",
                "gaussian, laplace ",
                "--scale unit",
            ],
        ),
        (
            "--likelihood student-t --scale optimal",
            &["student-t has no scale that is best in closed form"],
        ),
        (
            "--likelihood negative-binomial --scale optimal",
            &["negative-binomial has no scale that is best"],
        ),
        (
            "--likelihood poisson --scale shared",
            &["poisson has no scale", "negative-binomial"],
        ),
        (
            "--likelihood categorical --scale per-pixel",
            &["categorical has no scale"],
        ),
        (
            "--encoder-input log1p",
            &[
                "counts alone",
                "the likelihood bernoulli",
                "poisson, negative-binomial, zero-inflated-negative-binomial",
                "--encoder-input values",
            ],
        ),
        (
            "--likelihood poisson --normalize min-max",
            &[
                "the normalisation is min-max",
                "counts as they are",
                "(--normalize)",
            ],
        ),
        (
            "--likelihood negative-binomial --binarize static",
            &[
                "the binarisation is static",
                "counts as they are",
                "(--binarize)",
            ],
        ),
    ] {
        place
            .vae(&format!("{TRAIN} --out runs/a {args}"))
            .fails(2, parts);
        assert!(!place.path("runs").exists(), "{args}");
    }
}

#[test]
fn what_is_no_count_is_refused_by_its_place() {
    let place = Place::new();
    for (value, said) in [(-2.0, "is -2,"), (1.5, "is 1.5,")] {
        let mut values = vec![3.0; 20 * 6];
        values[3 * 6 + 4] = value;
        place.pixels("table", [20, 2, 3], values.into());
        let ran = place.vae(
            "train --data table --adapter reference --hidden 4 --latent 2 --batch-size 8 --epochs 1 \
             --likelihood poisson --out runs/a",
        );
        ran.fails(
            2,
            &[
                "row 1, column 1 of",
                said,
                "poisson takes counts",
                "(--likelihood)",
            ],
        );
    }
}

/// The values of an array of f32 behind its header.
fn values(place: &Place, file: &str, count: usize) -> Vec<f32> {
    let bytes = fs::read(place.path(file)).unwrap();
    let (_, values) = bytes.split_at(bytes.len() - 4 * count);
    let values = values.chunks(4);
    values
        .map(|v| f32::from_le_bytes(v.try_into().unwrap()))
        .collect()
}

/// Each trains, is measured, continues, draws and reconstructs; bytes are counts from 0 to 255 for those of counts.
#[test]
fn every_new_likelihood_trains_continues_and_draws() {
    let place = Place::new();
    const DIM: usize = 6 * 5;
    for (number, (args, counts)) in [
        ("poisson", true),
        ("negative-binomial --scale per-dimension", true),
        ("zero-inflated-negative-binomial --scale per-pixel", true),
        (
            "negative-binomial --scale shared --encoder-input log1p",
            true,
        ),
        ("categorical --levels 3 --output-bias data", false),
        ("discretised-logistic --scale shared", false),
        ("gaussian --scale optimal", false),
    ]
    .into_iter()
    .enumerate()
    {
        let run = format!("runs/{number}");
        let train = format!("{TRAIN} --likelihood {args} --out {run}");
        place.vae(&train).succeeds();
        place
            .vae(&format!("train --resume {run} --epochs 3"))
            .succeeds();
        let draw = |command: &str| {
            place
                .vae(&format!(
                    "{command} {run} --adapter reference -n 4 -o a.npy"
                ))
                .succeeds();
            place
                .vae(&format!(
                    "{command} {run} --adapter reference -n 4 -o a.png"
                ))
                .succeeds();
            values(&place, "a.npy", 4 * DIM)
        };
        let library = Checkpoint::load(&place.last_checkpoint(&run))
            .unwrap()
            .metadata;
        let library = library
            .get("library")
            .map(|text| text.parse::<f64>().unwrap());
        assert_eq!(library.is_some(), counts, "{args}");
        for image in draw("sample").chunks(DIM) {
            let sum: f64 = image.iter().copied().map(f64::from).sum();
            match library {
                // Zeros beyond what the counts have: up to all of them.
                Some(library) if args.starts_with("zero") => assert!(sum < library, "{sum}"),
                Some(library) => assert!((sum / library - 1.0).abs() < 1e-5, "{sum}, {library}"),
                None => assert!(image.iter().all(|x| (0.0..=1.0).contains(x)), "{image:?}"),
            }
        }
        draw("reconstruct");
    }
    let settings = place.settings("runs/0");
    assert_eq!(settings["encoder-input"].as_str(), Some("log1p"));
    assert_eq!(place.settings("runs/4")["levels"].as_integer(), Some(3));
    for (run, other) in [
        ("runs/4", "--levels 4"),
        ("runs/0", "--encoder-input values"),
    ] {
        place
            .vae(&format!("train --resume {run} --epochs 4 {other}"))
            .fails(2, &["the weights belong to the layers"]);
    }
    // Weights bring what the encoder sees with them.
    place
        .vae("train --init runs/1 --adapter reference --batch-size 8 --epochs 1 --out runs/b")
        .succeeds();
    assert_eq!(
        place.settings("runs/b")["encoder-input"].as_str(),
        Some("log1p")
    );
}

/// The reconstruction of counts has the sum of its image.
#[test]
fn a_reconstruction_of_counts_has_the_sum_of_its_image() {
    let place = Place::new();
    // Rows of sums from 6·2 to 6·21, of which each is a test image; the largest value allows for any share.
    let rows = (0..40).flat_map(|row| {
        let count = (2 + row % 20) as f32;
        [count, count, count, count, count, count]
    });
    let mut table: Vec<f32> = rows.collect();
    table[0] = 1000.0;
    place.pixels("table", [40, 2, 3], table.clone().into());
    place
        .vae(
            "train --data table --adapter reference --hidden 4 --latent 2 --batch-size 8 --epochs 1 \
             --likelihood negative-binomial --scale shared --out runs/a",
        )
        .succeeds();
    place
        .vae("reconstruct runs/a --adapter reference -n 4 -o a.npy")
        .succeeds();
    let sums: Vec<f32> = table.chunks(6).map(|row| row.iter().sum()).collect();
    for image in values(&place, "a.npy", 4 * 6).chunks(6) {
        let sum: f32 = image.iter().sum();
        let is_one = sums.iter().any(|of| (of / sum - 1.0).abs() < 1e-5);
        assert!(is_one, "{sum}");
    }
}
