//! A folder of one's own pictures, from training to pictures of the model.

use std::fs;

use image::{ImageFormat, Rgb, RgbImage};

use crate::Place;

const TRAIN: &str =
    "train --data pets --adapter cpu --hidden 8 --latent 2 --batch-size 4 --epochs 1";

/// Ten pictures in two folders, red above and green, of 12×8 pixels.
fn pets(place: &Place) {
    for (folder, hue) in [("cats", [250, 20, 10]), ("dogs", [10, 240, 30])] {
        let folder = place.path("pets").join(folder);
        fs::create_dir_all(&folder).unwrap();
        for number in 0..5_u8 {
            let pixel = |x, y| Rgb(hue.map(|of: u8| of.saturating_sub(number * (x + y) as u8)));
            let picture = RgbImage::from_fn(12, 8, pixel);
            let path = folder.join(format!("{number}.png"));
            picture.save_with_format(path, ImageFormat::Png).unwrap();
        }
    }
}

#[test]
fn pictures_in_colours_are_learned_and_drawn() {
    let place = Place::new();
    pets(&place);
    place
        .vae(&format!("{TRAIN} --size 6x6 --fit pad --out runs/a"))
        .succeeds();
    let config: toml::Table =
        toml::from_str(&fs::read_to_string(place.path("runs/a/config.toml")).unwrap()).unwrap();
    let data = config["data"].as_table().unwrap();
    assert_eq!(data["image"].to_string(), "[6, 6, 3]");
    let pictures = data["pictures"].as_table().unwrap();
    assert_eq!(pictures["size"].as_str(), Some("6x6"));
    assert_eq!(pictures["fit"].as_str(), Some("pad"));
    assert_eq!(pictures.len(), 2);
    let drawn = image::open(place.path("runs/a/samples/prior.png")).unwrap();
    assert_eq!(drawn.color(), image::ColorType::Rgb8);

    let run = |command: &str| place.vae(&format!("{command} --adapter cpu")).succeeds();
    run("sample runs/a -n 3 --seed 1 -o few/");
    let one = image::open(place.path("few/0002.png")).unwrap();
    assert_eq!((one.width(), one.height()), (6, 6));
    assert_eq!(one.color(), image::ColorType::Rgb8);
    run("sample runs/a -n 3 --seed 1 -o few.npy");
    let npy = fs::read(place.path("few.npy")).unwrap();
    assert!(String::from_utf8_lossy(&npy).contains("(3, 6, 6, 3)"));

    // The run's own pictures and others are brought to its size; those of a run that goes on are the same.
    run("reconstruct runs/a -o own.png");
    run("reconstruct runs/a --data pets/cats -o cats.png");
    run("eval runs/a --samples 2");
    run("train --resume runs/a --epochs 2");
}

#[test]
fn pictures_that_cannot_be_learned_name_the_flag_that_helps() {
    let place = Place::new();
    pets(&place);
    let other = RgbImage::new(3, 3);
    other.save(place.path("pets/dogs/9.png")).unwrap();
    place
        .vae(TRAIN)
        .fails(1, &["0.png has 12x8", "9.png has 3x3", "(--size)"]);
    fs::write(place.path("pets/dogs/9.png"), "none").unwrap();
    place.vae(TRAIN).fails(1, &["9.png", "(--skip-broken)"]);
    place
        .vae(&format!("{TRAIN} --skip-broken --out runs/b"))
        .succeeds();
    place
        .vae(&format!("{TRAIN} --size 12"))
        .fails(2, &["12", "such as 32x32"]);
}
