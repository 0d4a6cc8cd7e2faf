//! Image grids: every pixel in its place, and no input that panics.

use std::fs;

use vae_wgpu::data::ImageSize;
use vae_wgpu::plot::{PlotError, default_scale, grid, reconstructions, save_png};

const GROUND: u8 = 64;

#[test]
fn each_image_lies_in_its_cell() {
    // Three images of 1x2 pixels in two columns, each pixel twice as large.
    let images = [[0.0, 1.0], [0.2, 0.4], [0.6, 0.8]];
    let picture = grid(&images, [1, 2].into(), 2, 2).unwrap().into_luma8();
    assert_eq!(picture.dimensions(), (2 + 4 + 2 + 4 + 2, 2 + 2 + 2 + 2 + 2));
    let row = |y| -> Vec<u8> { (0..14).map(|x| picture.get_pixel(x, y).0[0]).collect() };
    let g = GROUND;
    for y in [0, 1, 4, 5, 8, 9] {
        assert_eq!(row(y), [g; 14]);
    }
    for y in [2, 3] {
        let expected = [g, g, 0, 0, 255, 255, g, g, 51, 51, 102, 102, g, g];
        assert_eq!(row(y), expected);
    }
    for y in [6, 7] {
        let expected = [g, g, 153, 153, 204, 204, g, g, g, g, g, g, g, g];
        assert_eq!(row(y), expected);
    }
}

#[test]
fn channels_are_colours_or_their_mean() {
    let size = |channels| ImageSize {
        height: 1,
        width: 2,
        channels,
    };
    let colours = [[1.0, 0.0, 0.2, 0.0, 0.4, 1.0]];
    let picture = grid(&colours, size(3), 1, 2).unwrap();
    assert_eq!(picture.color(), image::ColorType::Rgb8);
    let picture = picture.into_rgb8();
    let row = |y| -> Vec<[u8; 3]> { (1..7).map(|x| picture.get_pixel(x, y).0).collect() };
    let (g, a, b) = ([GROUND; 3], [255, 0, 51], [0, 102, 255]);
    assert_eq!(row(1), [g; 6]);
    for y in [2, 3] {
        assert_eq!(row(y), [g, a, a, b, b, g]);
    }
    assert_eq!(picture.dimensions(), (8, 6));

    let two = [[0.2, 0.6, 1.0, 1.0]];
    let grey = grid(&two, size(2), 1, 1).unwrap().into_luma8();
    assert_eq!([2, 3].map(|x| grey.get_pixel(x, 2).0[0]), [102, 255]);
}

#[test]
fn reconstructions_lie_below_their_inputs() {
    let inputs = [[0.0], [0.2], [0.4]];
    let outputs = [[1.0], [0.8], [0.6]];
    let picture = reconstructions(&inputs, &outputs, [1, 1].into(), 2, 1).unwrap();
    let picture = picture.into_luma8();
    // Two bands of two rows; 2 around and within a pair, 8 between pairs.
    assert_eq!(picture.dimensions(), (2 + 1 + 2 + 1 + 2, 2 + 4 + 8 + 4 + 2));
    let column = |x| -> Vec<(u32, u8)> {
        let column = (0..picture.height()).map(|y| (y, picture.get_pixel(x, y).0[0]));
        column.filter(|&(_, grey)| grey != GROUND).collect()
    };
    assert_eq!(column(2), [(2, 0), (5, 255), (14, 102), (17, 153)]);
    assert_eq!(column(5), [(2, 51), (5, 204)]);
}

#[test]
fn values_out_of_range_are_drawn() {
    let image = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.5, 1.5, 1e30];
    let picture = grid(&[image], [1, 6].into(), 10, 1).unwrap().into_luma8();
    let drawn: Vec<u8> = (2..8).map(|x| picture.get_pixel(x, 2).0[0]).collect();
    assert_eq!(drawn, [0, 255, 0, 0, 255, 255]);
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let none: [&[f32]; 0] = [];
    let one = [[0.5; 4]];
    let error = |result: Result<_, PlotError>| result.unwrap_err().to_string();
    assert!(error(grid(&none, [2, 2].into(), 1, 1)).contains("0 images"));
    for (columns, scale) in [(0, 1), (1, 0)] {
        assert!(error(grid(&one, [2, 2].into(), columns, scale)).contains("may be 0"));
    }
    assert!(error(grid(&one, [2, 3].into(), 1, 1)).contains("image 0 has 4 values"));
    assert!(error(grid(&one, [2, 2].into(), 1, usize::MAX / 2)).contains("smaller scale"));
    assert!(error(grid(&one, [2, 2].into(), 1, 1 << 14)).contains("smaller scale"));
    assert!(error(grid(&one, [usize::MAX; 2].into(), 1, 1)).contains("pixels"));
    assert!(error(reconstructions(&one, &none, [2, 2].into(), 1, 1)).contains("1 inputs"));
}

#[test]
fn a_picture_is_saved_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grid.png");
    let size = [3, 3].into();
    let picture = grid(&[[0.25; 9], [0.75; 9]], size, 2, default_scale(size)).unwrap();
    save_png(&picture, &path).unwrap();
    assert_eq!(image::open(&path).unwrap(), picture);

    let missing = folder.path().join("missing/grid.png");
    let error = save_png(&picture, &missing).unwrap_err().to_string();
    assert!(error.contains("missing"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn the_default_scale_enlarges_small_images_only() {
    assert_eq!(default_scale([28, 28].into()), 2);
    assert_eq!(default_scale([8, 8].into()), 7);
    assert_eq!(default_scale([64, 20].into()), 1);
    assert_eq!(default_scale([0, 0].into()), 56);
}
