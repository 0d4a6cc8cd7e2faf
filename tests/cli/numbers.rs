//! Data of numbers instead of bytes, from the file to the picture.

use std::fs;

use crate::outputs::values;
use crate::{Place, TRAIN, TRAIN_IMAGES};

/// The least and the greatest value of every image.
const ENDS: [f32; 2] = [-3.0, 12.5];

/// A folder with the data set `table`: 40 images of 6×5 numbers.
fn place() -> Place {
    let place = Place::new();
    place.pixels("table", [40, 6, 5], numbers().into());
    place
}

/// Each image begins with [`ENDS`].
fn numbers() -> Vec<f32> {
    let value = |index: usize| match index % 30 {
        0 => ENDS[0],
        1 => ENDS[1],
        _ => (7 * index % 251) as f32 / 25.0 - 2.0,
    };
    (0..40 * 30).map(value).collect()
}

fn train(more: &str) -> String {
    format!("{} {more}", TRAIN.replace("tiny", "table"))
}

/// How many of the values lie within the ends, and how far they spread.
fn check_range(values: &[f32]) {
    let [min, max] = ENDS;
    assert!(values.iter().all(|value| (min..=max).contains(value)));
    assert!(values.iter().any(|value| *value > 1.0), "{values:?}");
}

#[test]
fn a_run_on_numbers_continues_draws_and_reconstructs() {
    for model in [
        "--likelihood gaussian",
        "--normalize min-max",
        "--normalize min-max --likelihood laplace --scale per-pixel",
    ] {
        let place = place();
        let ran = place
            .vae(&train(&format!("{model} --out runs/a --lr 0.01")))
            .succeeds();
        assert!(ran.err.contains("table has no t10k"), "{ran}");
        place.vae("train --resume runs/a --epochs 4").succeeds();
        let whole = train(&format!("{model} --out runs/whole --lr 0.01"));
        let whole = whole.replace("--epochs 2", "--epochs 4");
        place.vae(&whole).succeeds();
        assert_eq!(place.losses("runs/a"), place.losses("runs/whole"));
        for name in ["prior.png", "reconstructions.png"] {
            let path = |run: &str| place.path(format!("{run}/samples/{name}"));
            let drawn = |run: &str| fs::read(path(run)).unwrap();
            assert!(drawn("runs/a") == drawn("runs/whole"), "{name}");
        }

        let [sample, reconstruct] = ["sample", "reconstruct"]
            .map(|command| format!("{command} runs/a --adapter reference -n 3"));
        for draw in [&sample, &reconstruct] {
            place.vae(&format!("{draw} -o a.npy")).succeeds();
            let values = values(&place, "a.npy", "(3, 6, 5)");
            check_range(&values);
            place.vae(&format!("{draw} -o single/")).succeeds();
            for (index, image) in values.chunks(30).enumerate() {
                let picture = image::open(place.path(format!("single/{index:04}.png"))).unwrap();
                let [min, max] = ENDS;
                // What a round trip of f32 may move is far less than half a shade.
                for (shade, value) in picture.into_luma8().into_raw().iter().zip(image) {
                    let expected = 255.0 * (value - min) / (max - min);
                    assert!((f32::from(*shade) - expected).abs() < 0.51, "{index}");
                }
            }
        }
        // The inputs stand above: of the first, black and white come first, 9 pixels each.
        place.vae(&format!("{reconstruct} -o pairs.png")).succeeds();
        let picture = image::open(place.path("pairs.png")).unwrap().into_luma8();
        assert_eq!([2, 2 + 9].map(|x| picture.get_pixel(x, 2).0[0]), [0, 255]);
    }
}

#[test]
fn values_beyond_0_and_1_are_refused_with_the_flags_that_help() {
    let place = place();
    let message = place
        .vae(&train("--out runs/a"))
        .fails(
            2,
            &[
                "row 0, column 0 of training image 0 (all counted from 0) is -3",
                "bernoulli takes values from 0 to 1",
                "gaussian, squared-error, laplace, student-t",
            ],
        )
        .message();
    let flags = "(--normalize min-max or --likelihood)";
    assert!(message.ends_with(flags), "{message}");
    let message = place
        .vae(&train(
            "--out runs/a --likelihood gaussian --binarize dynamic",
        ))
        .fails(
            2,
            &["-3", "binarisation dynamic", "leave the binarisation out"],
        )
        .message();
    let flags = "(--normalize min-max or --binarize none)";
    assert!(message.ends_with(flags), "{message}");
    place.pixels("table", [40, 6, 5], vec![7.5_f32; 1200].into());
    place
        .vae(&train(
            "--out runs/a --normalize min-max --likelihood gaussian",
        ))
        .fails(2, &["every value", "7.5", "(--normalize none)"]);
    assert!(!place.path("runs").exists());
}

#[test]
fn a_value_that_is_not_finite_is_refused_by_its_place() {
    let place = place();
    let mut values = numbers();
    values[5 * 30 + 3 * 5 + 4] = f32::NAN;
    place.pixels("table", [40, 6, 5], values.into());
    let has =
        format!("table/{TRAIN_IMAGES}: row 3, column 4 of image 5 (all counted from 0) is NaN");
    place
        .vae(&train("--likelihood gaussian --out runs/a"))
        .fails(1, &[&has, "repair"]);
    assert!(!place.path("runs").exists());
}

#[test]
fn a_run_keeps_its_normalisation() {
    let place = place();
    place
        .vae(&train("--normalize min-max --out runs/a"))
        .succeeds();
    place
        .vae("train --resume runs/a --epochs 3 --normalize none")
        .fails(2, &["normalize", "scale of the values"]);
    // Weights bring it with them.
    place
        .vae("train --init runs/a --adapter reference --batch-size 8 --epochs 1 --out runs/b")
        .succeeds();
    let normalize = &place.settings("runs/b")["normalize"];
    assert_eq!(normalize.as_str(), Some("min-max"));
    // Other images are seen at the scale of those that the run was trained on.
    let larger: Vec<f32> = numbers().iter().map(|value| 2.0 * value).collect();
    place.pixels("larger", [40, 6, 5], larger.into());
    let reconstruct = "reconstruct runs/a --adapter reference -n 3 --data larger -o a.npy";
    place.vae(reconstruct).succeeds();
    check_range(&values(&place, "a.npy", "(3, 6, 5)"));
    place.edit_checkpoint("runs/a", |checkpoint| {
        let range = checkpoint.metadata.insert("range".into(), "3 nan".into());
        assert_eq!(range.as_deref(), Some("-3 12.5"));
    });
    for command in [
        "sample runs/a --adapter reference",
        "train --resume runs/a --epochs 3",
    ] {
        place.vae(command).fails(1, &["range is '3 nan'"]);
    }
}

/// Runs of before there were numbers say nothing of them.
#[test]
fn a_run_that_knows_no_normalisation_is_one_of_bytes() {
    let place = Place::with_run();
    place
        .vae(&format!("{TRAIN} --out runs/whole").replace("--epochs 2", "--epochs 3"))
        .succeeds();
    place.edit_checkpoint("runs/a", |checkpoint| {
        checkpoint.metadata.remove("range").unwrap();
        let settings = checkpoint.metadata.get_mut("settings").unwrap();
        let older = settings.replace("normalize = \"none\"\n", "");
        assert!(older.len() < settings.len());
        *settings = older;
    });
    let config = place.path("runs/a/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let older = text.replace("normalize = \"none\"\n", "");
    assert!(older.len() < text.len());
    fs::write(config, older).unwrap();
    place
        .vae("sample runs/a --adapter reference -n 3 -o a.npy")
        .succeeds();
    place.vae("train --resume runs/a --epochs 3").succeeds();
    assert_eq!(place.losses("runs/a"), place.losses("runs/whole"));
}

#[test]
fn on_an_adapter_numbers_take_the_general_plan_and_it_is_said_why() {
    let place = place();
    if !place.has_adapter() {
        return;
    }
    let model = "--data table --hidden 8 --latent 2 --batch-size 8 --likelihood squared-error";
    let reason = "its images are f32, and the kernels read bytes";
    let said = place.vae(&format!("plan {model}")).succeeds();
    let plan = format!("plan      general; auto left two-launch: {reason}");
    assert!(said.out.contains(&plan), "{said}");
    place
        .vae(&format!("train {model} --plan two-launch --out runs/a"))
        .fails(1, &["two-launch", reason, "--plan"]);
    // What is drawn once is bytes.
    let binary = format!("plan {model} --normalize min-max --binarize static");
    let said = place.vae(&binary).succeeds();
    assert!(!said.out.contains(reason), "{said}");
    assert!(!place.path("runs").exists());
}
