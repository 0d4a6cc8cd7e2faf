//! The built-in digits: the same everywhere, balanced, and like what their labels say.

use vae_wgpu::data::digits::generate;
use vae_wgpu::data::{LoadOptions, Source, Split, load};

fn bytes(split: &Split) -> &[u8] {
    split.images.pixels.as_bytes().unwrap()
}

fn labels(split: &Split) -> &[u8] {
    split.labels.as_ref().unwrap()
}

#[test]
fn the_built_in_set_has_its_sizes_and_two_different_parts() {
    let set = load(&Source::Digits, &LoadOptions::default(), &mut |_| {}).unwrap();
    for (split, count) in [(&set.train, 20_000), (&set.test, 2_000)] {
        let images = &split.images;
        assert_eq!((images.count, images.height, images.width), (count, 28, 28));
        assert_eq!(images.pixels.len(), count * 784);
        assert_eq!(labels(split).len(), count);
    }
    let train: std::collections::HashSet<&[u8]> = bytes(&set.train).chunks(784).collect();
    assert_eq!(train.len(), 20_000, "images repeat");
    assert!(
        bytes(&set.test)
            .chunks(784)
            .all(|image| !train.contains(image))
    );
}

/// FNV-1a: a change of the drawing shows, and so does a machine that computes something else.
#[test]
fn a_seed_gives_the_same_bytes_on_every_machine() {
    let split = generate(7, 0, 500);
    let bytes = bytes(&split).iter().chain(labels(&split));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    assert_eq!(hash, 0xcc86_96fe_1c4e_7e85, "{hash:#018x}");
}

#[test]
fn an_image_does_not_depend_on_what_is_drawn_with_it() {
    let all = generate(3, 0, 137);
    for (first, count) in [(0, 1), (5, 10), (130, 7), (136, 1), (40, 0)] {
        let some = generate(3, first as u64, count);
        assert_eq!(
            bytes(&some),
            &bytes(&all)[784 * first..784 * (first + count)]
        );
        assert_eq!(labels(&some), &labels(&all)[first..first + count]);
    }
    assert_ne!(generate(4, 0, 137).images.pixels, all.images.pixels);
    // Far ends of the series are images like any other.
    assert_eq!(generate(u64::MAX, u64::MAX - 20, 20).images.count, 20);
}

#[test]
fn every_ten_images_are_the_ten_digits_in_an_order_of_their_own() {
    let split = generate(1, 0, 3_000);
    let mut firsts = [0; 10];
    for ten in labels(&split).chunks(10) {
        let mut sorted = ten.to_vec();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        firsts[usize::from(ten[0])] += 1;
    }
    // 30 expected each, standard deviation 5.2.
    assert!(firsts.iter().all(|&n| (8..=56).contains(&n)), "{firsts:?}");
}

#[test]
fn ink_and_edges_are_those_of_handwriting() {
    let split = generate(2, 0, 5_000);
    let pixels = bytes(&split);
    let share = |test: &dyn Fn(u8) -> bool| {
        pixels.iter().filter(|&&pixel| test(pixel)).count() as f64 / pixels.len() as f64
    };
    let mean = pixels.iter().map(|&p| f64::from(p)).sum::<f64>() / pixels.len() as f64 / 255.0;
    // MNIST: 0.131, 0.81 and 0.074.
    assert!((0.11..0.15).contains(&mean), "mean {mean}");
    let (black, white) = (share(&|p| p == 0), share(&|p| p >= 250));
    assert!((0.76..0.86).contains(&black), "black {black}");
    assert!((0.05..0.10).contains(&white), "white {white}");

    for (index, image) in pixels.chunks(784).enumerate() {
        let ink: u32 = image.iter().map(|&p| u32::from(p)).sum();
        assert!((3_000..80_000).contains(&ink), "image {index}: ink {ink}");
        let border = (0..28).flat_map(|i| [i, 27 * 28 + i, 28 * i, 28 * i + 27]);
        assert!(
            border.clone().all(|i| image[i] == 0),
            "image {index} touches the border"
        );
        let centre = |coordinate: &dyn Fn(usize) -> usize| {
            let moment: u32 = (0..784)
                .map(|i| u32::from(image[i]) * coordinate(i) as u32)
                .sum();
            f64::from(moment) / f64::from(ink)
        };
        for centre in [centre(&|i| i % 28), centre(&|i| i / 28)] {
            assert!(
                (10.5..16.5).contains(&centre),
                "image {index}: centre {centre}"
            );
        }
    }
}

/// The squared distance between two images, one of them a mean.
fn distance(image: &[u8], mean: &[f32]) -> f32 {
    image
        .iter()
        .zip(mean)
        .map(|(&a, b)| (f32::from(a) - b).powi(2))
        .sum()
}

fn class_means(split: &Split) -> Vec<Vec<f32>> {
    let mut means = vec![vec![0.0; 784]; 10];
    for (image, &label) in bytes(split).chunks(784).zip(labels(split)) {
        for (mean, &pixel) in means[usize::from(label)].iter_mut().zip(image) {
            *mean += f32::from(pixel) / (split.images.count as f32 / 10.0);
        }
    }
    means
}

#[test]
fn labels_say_what_is_drawn_and_no_digit_looks_like_another() {
    let means = class_means(&generate(5, 0, 4_000));
    let test = generate(6, 0, 2_000);
    let mut right = [0; 10];
    for (image, &label) in bytes(&test).chunks(784).zip(labels(&test)) {
        let distances = means.iter().map(|mean| distance(image, mean));
        let nearest = distances
            .enumerate()
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap()
            .0;
        right[usize::from(label)] += usize::from(nearest == usize::from(label));
    }
    // Of 200 each; chance is 20. On MNIST this classifier gets 82 of 100.
    assert!(right.iter().all(|&n| n > 120), "{right:?}");
    assert!(right.iter().sum::<usize>() > 1_640, "{right:?}");
}

#[test]
fn a_class_varies_from_image_to_image() {
    let split = generate(8, 0, 2_000);
    let means = class_means(&split);
    let total: f32 = bytes(&split)
        .chunks(784)
        .zip(labels(&split))
        .map(|(image, &label)| distance(image, &means[usize::from(label)]))
        .sum();
    let variance = total / (255.0 * 255.0) / split.images.count as f32;
    // MNIST: 42. Copies of ten pictures would have 0.
    assert!((30.0..50.0).contains(&variance), "{variance}");
}
