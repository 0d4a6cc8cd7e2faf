//! Images whose sums are longer than a loop of a software adapter, which ends after 65,535 turns.

use std::collections::BTreeSet;

use image::GrayImage;

use crate::Place;

/// Trains on images of this side, resumes and draws; returns both pictures.
fn pictures(place: &Place, side: usize, adapter: &str) -> [GrayImage; 2] {
    let data = format!("images-{side}");
    // One batch to train on, and two images to measure with.
    place.images(&data, 22, side, side);
    let run = format!("runs/{side}-{adapter}");
    let sizes = "--hidden 4 --latent 2 --batch-size 20 --lr 1e-4";
    let ran = place
        .vae(&format!(
            "train --data {data} {sizes} --epochs 1 --adapter {adapter} --out {run}"
        ))
        .succeeds();
    assert!(!ran.err.contains("could not be drawn"), "{ran}");
    place
        .vae(&format!("train --resume {run} --epochs 2"))
        .succeeds();
    assert_eq!(place.metrics(&run).len(), 2);
    ["prior", "reconstructions"].map(|name| {
        let path = place.path(format!("{run}/samples/{name}.png"));
        image::open(path).unwrap().into_luma8()
    })
}

/// The pictures of each adapter against those of the reference executor. A pixel is one of 255 grey
/// values: where two executors round a value to different ones, these are neighbours.
#[test]
fn on_an_adapter_large_images_train_resume_and_draw() {
    let place = Place::new();
    if !place.has_adapter() {
        return;
    }
    let listed = place.vae("adapters").succeeds();
    // OpenGL's software adapters have no subgroups, and kernels of their own.
    let is_gl = |line: &str| line.contains(" gl ") && !line.contains("unusable");
    let gl = listed.out.lines().any(is_gl).then_some("gl");
    if gl.is_none() {
        eprintln!("skipped in part: this machine has no OpenGL adapter");
    }
    for side in [256, 512] {
        let reference = pictures(&place, side, "reference");
        // Two sides are two numbers of parts that sums are cut into; one of them tells whether OpenGL's kernels cut.
        for adapter in ["auto"].into_iter().chain(gl.filter(|_| side == 256)) {
            for (ours, reference) in pictures(&place, side, adapter).iter().zip(&reference) {
                assert_eq!(ours.dimensions(), reference.dimensions());
                let shades: BTreeSet<u8> = ours.iter().copied().collect();
                assert!(shades.len() > 10, "a picture of nothing");
                let most = ours
                    .iter()
                    .zip(reference.iter())
                    .map(|(a, b)| a.abs_diff(*b))
                    .max();
                assert!(most <= Some(1), "{adapter}, {side}: off by {most:?}");
            }
        }
    }
}

#[test]
fn a_picture_that_cannot_be_drawn_fails_no_training() {
    let place = Place::new();
    place.images("tiny", 40, 6, 5);
    let prior = place.path("runs/a/samples/prior.png");
    place
        .vae(&format!("{} --out runs/a", crate::TRAIN))
        .succeeds();
    // A folder where the picture should be.
    std::fs::remove_file(&prior).unwrap();
    std::fs::create_dir(&prior).unwrap();
    let ran = place.vae("train --resume runs/a --epochs 3").succeeds();
    assert!(ran.err.contains("warning: the run is complete"), "{ran}");
    assert!(ran.err.contains("prior.png"), "{ran}");
    assert!(ran.out.contains("reconstructions  "), "{ran}");
    place
        .vae("sample runs/a --adapter reference")
        .fails(1, &["prior.png"]);
}
