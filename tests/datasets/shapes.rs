//! The built-in shapes: the same everywhere, every combination of factors once, and as their factors say.

use std::collections::HashSet;

use vae_wgpu::data::{LoadOptions, Source, Split, load, shapes};

const DIM: usize = 32 * 32;

fn bytes(split: &Split) -> &[u8] {
    split.images.pixels.as_bytes().unwrap()
}

fn rows(split: &Split) -> Vec<&[u32]> {
    split.factors.as_ref().unwrap().values.chunks(5).collect()
}

#[test]
fn every_combination_is_one_image_and_every_image_one_combination() {
    let set = load(&Source::Shapes, &LoadOptions::default(), &mut |_| {}).unwrap();
    let mut combinations = HashSet::new();
    let mut images = HashSet::new();
    for (split, count) in [(&set.train, 14_400), (&set.test, 2_880)] {
        let found = (
            split.images.count,
            split.images.height,
            split.images.width,
            rows(split).len(),
        );
        assert_eq!(found, (count, 32, 32, count));
        assert_eq!(split.classes(), 3);
        let labels = split.labels.as_ref().unwrap();
        for ((row, image), &label) in rows(split).iter().zip(bytes(split).chunks(DIM)).zip(labels) {
            assert_eq!(row[0], u32::from(label));
            combinations.insert(row.to_vec());
            images.insert(image.to_vec());
        }
    }
    assert_eq!((combinations.len(), images.len()), (17_280, 17_280));
    assert!(set.notes.is_empty(), "{:?}", set.notes);
    let factors = set.test.factors.unwrap();
    assert_eq!(factors.names, ["shape", "scale", "angle", "x", "y"]);
    assert_eq!(factors.sizes, [3, 4, 10, 12, 12]);
    // The first few are with their own factors.
    let few = set.train.first(7);
    assert_eq!(rows(&few), rows(&set.train)[..7]);
}

/// FNV-1a: a change of the drawing or of the order shows, and so does a machine that computes something else.
#[test]
fn the_bytes_are_the_same_on_every_machine() {
    let set = shapes::dataset();
    let values = [&set.train, &set.test].into_iter().flat_map(|split| {
        let factors = rows(split).concat();
        let pixels: Vec<_> = bytes(split).iter().map(|&byte| byte.into()).collect();
        [factors, pixels].concat()
    });
    let hash = values.fold(0xcbf2_9ce4_8422_2325_u64, |hash, value| {
        (hash ^ u64::from(value)).wrapping_mul(0x0100_0000_01b3)
    });
    assert_eq!(hash, 0x3af4_ee5e_02ae_edea, "{hash:#018x}");
}

#[test]
fn a_shape_is_where_and_as_large_as_its_factors_say() {
    let all = shapes::all();
    for (row, image) in rows(&all).iter().zip(bytes(&all).chunks(DIM)) {
        let mut sums = [0.0; 3];
        for (index, &pixel) in image.iter().enumerate() {
            let (x, y) = (index % 32, index / 32);
            let is_inside = (1..31).contains(&x) && (1..31).contains(&y);
            // A square's corner ends where the border's pixels begin. Of the quarters of such a pixel in one row, whose
            // middles are ⅛ beyond, one is met with the share ½ − 4·⅛/√2 at most: 2.3 of 255 of the pixel.
            assert!(is_inside || pixel <= 3, "{row:?}: {pixel} at the border");
            let share = f64::from(pixel) / 255.0;
            sums[0] += share;
            sums[1] += share * (x as f64 + 0.5);
            sums[2] += share * (y as f64 + 0.5);
        }
        let [area, x, y] = [sums[0], sums[1] / sums[0], sums[2] / sums[0]];
        let radius = 8.0 * f64::from(3 + row[1]) / 6.0;
        // Areas for the radius 1; the heart's is derived in its outline's file: a square of half-side h with two
        // half discs of radius h, whose lowest corner is 1 from the centre of mass.
        let up = (1.0 + 4.0 / (3.0 * std::f64::consts::PI)) / 2_f64.sqrt();
        let pi = std::f64::consts::PI;
        let half = 1.0 / (2_f64.sqrt() + pi * up / (4.0 + pi));
        let expected = [2.0, 0.5 * pi, (4.0 + pi) * half * half][row[0] as usize];
        // Half a pixel's area: what an outline of 45 pixels, the longest, leaves that is off by 1/90 of a pixel.
        let error = area - expected * radius * radius;
        assert!(error.abs() < 0.5, "{row:?}: area {area}, off by {error}");
        let place = |value: u32| 9.0 + 14.0 * f64::from(value) / 11.0;
        // That half pixel at the rim, r from the centre, moves the centre by 0.5·r over an area of at least 1.57·r².
        let (dx, dy) = (x - place(row[3]), y - place(row[4]));
        let most = 0.5 / (1.57 * radius);
        assert!(dx.abs() < most && dy.abs() < most, "{row:?}: {dx} {dy}");
    }
}
