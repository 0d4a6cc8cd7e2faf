//! The built-in shapes: trained on, recorded and taken up again as any data.

use crate::Place;

#[test]
fn shapes_train_and_are_taken_up_again_by_their_digest() {
    let place = Place::new();
    let train = "train --adapter cpu --threads 1 --hidden 8 --latent 2 --batch-size 2000 --epochs";
    place
        .vae(&format!("{train} 1 --data shapes --seed 3 --out runs/a"))
        .succeeds();
    let text = std::fs::read_to_string(place.path("runs/a/config.toml")).unwrap();
    let config: toml::Table = text.parse().unwrap();
    assert_eq!(config["data"]["source"].as_str(), Some("shapes"));
    assert!(config["data"].get("dir").is_none(), "{text}");
    place.vae("train --resume runs/a --epochs 2").succeeds();
    assert_eq!(place.metrics("runs/a").len(), 2);

    let digest = config["data"]["digest"].as_str().unwrap();
    let other = format!("\"{}\"", digest.replace(char::is_numeric, "a"));
    place.edit_config("runs/a", "digest", &other);
    place
        .vae("train --resume runs/a --epochs 3")
        .fails(1, &["shapes", "contents differ"]);
}

#[test]
fn a_folder_that_is_called_shapes_is_told_of() {
    let place = Place::new();
    place.images("shapes", 40, 6, 5);
    let train = "train --adapter reference --hidden 8 --latent 2 --batch-size 30000 --data";
    let ran = place.vae(&format!("{train} shapes")).fails(2, &["14400"]);
    assert!(
        ran.err.contains("folder shapes here is meant by ./shapes"),
        "{ran}"
    );
}
