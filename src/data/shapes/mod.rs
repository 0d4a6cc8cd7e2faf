//! A built-in data set whose factors are known: squares, ellipses and hearts, drawn by the program.
//!
//! Each image is one white shape on black, 32×32 pixels, and each combination of five factors is one
//! image, as in dSprites (Matthey et al. 2017, <https://github.com/google-deepmind/dsprites-dataset>):
//!
//! | factor | values | |
//! |---|---|---|
//! | shape | 3 | square, ellipse, heart |
//! | scale | 4 | ½, ⅔, ⅚ and 1 of the full size |
//! | angle | 10 | 0° to 81°, clockwise |
//! | x | 12 | column of the centre of mass, from the left |
//! | y | 12 | row of the centre of mass, from the top |
//!
//! So the factors are independent over the 17,280 images. dSprites turns every shape once around, where
//! a square looks alike four times and an ellipse twice: no encoder can tell these angles. Here angles
//! stay below a square's 90°, so that no two images are alike and every factor can be read from an image.
//! dSprites has pixels of 0 and 1; here the border's pixels are grey by the share of them that is covered.
//!
//! The bytes are the same on every machine: nothing but exactly rounded arithmetic makes them.

use super::{Dataset, Factors, Images, Split};
use crate::rng;
use outline::Outline;

mod outline;

/// Height and width of an image.
const SIZE: usize = 32;
const DIM: usize = SIZE * SIZE;
/// What the factors are called, and how many values each has.
const FACTORS: [(&str, usize); 5] = [
    ("shape", 3),
    ("scale", 4),
    ("angle", 10),
    ("x", 12),
    ("y", 12),
];
const SHAPES: [fn(f32) -> Outline; 3] = [Outline::square, Outline::ellipse, Outline::heart];
/// From one angle to the next, in degrees.
const TURN: f64 = 9.0;
/// From the centre of mass of a shape of full size to what is farthest of it, in pixels.
const RADIUS: f32 = 8.0;
/// Where the first centre is, and from there the last, in pixels: no shape reaches into the pixels at the border.
const FIRST: f32 = RADIUS + 1.0;
const REACH: f32 = SIZE as f32 - 2.0 * FIRST;
/// All combinations, and how many of them are for testing.
const COUNT: usize = 3 * 4 * 10 * 12 * 12;
const TEST: usize = COUNT / 6;
/// Decides the order of the images, the last of which are for testing.
const SEED: u64 = 1;

/// The built-in data set: 14,400 training and 2,880 test images in an order drawn once and for all, with the
/// shape as the label and with all factors; always the same bytes.
pub fn dataset() -> Dataset {
    let order = rng::permutation(SEED, 0, COUNT);
    let (train, test) = order.split_at(COUNT - TEST);
    Dataset {
        name: "shapes".into(),
        train: draw(train),
        test: draw(test),
        notes: Vec::new(),
        held_out: false,
        classes: Vec::new(),
        table: None,
    }
}

/// All 17,280 images, the last factor changing fastest: what the two parts of [`dataset`] are together.
pub fn all() -> Split {
    draw(&(0..COUNT as u32).collect::<Vec<_>>())
}

/// The images of these numbers among all combinations.
fn draw(numbers: &[u32]) -> Split {
    let mut pixels = vec![0; numbers.len() * DIM];
    let mut labels = Vec::with_capacity(numbers.len());
    let mut values = Vec::with_capacity(numbers.len() * FACTORS.len());
    for (&number, image) in numbers.iter().zip(pixels.chunks_exact_mut(DIM)) {
        let row = factors_of(number);
        labels.push(row[0] as u8);
        values.extend(row);
        draw_one(row, image);
    }
    Split {
        images: Images {
            channels: 1,
            count: numbers.len(),
            height: SIZE,
            width: SIZE,
            pixels: pixels.into(),
        },
        labels: Some(labels),
        factors: Some(Factors {
            names: FACTORS.map(|(name, _)| name.to_owned()).into(),
            sizes: FACTORS.map(|(_, size)| size).into(),
            values,
        }),
    }
}

/// The values of a combination: the digits of its number, of which the last factor's is the lowest.
fn factors_of(mut number: u32) -> [u32; 5] {
    let mut row = [0; 5];
    for (value, (_, size)) in row.iter_mut().zip(FACTORS).rev() {
        *value = number % size as u32;
        number /= size as u32;
    }
    row
}

fn draw_one([shape, scale, angle, x, y]: [u32; 5], image: &mut [u8]) {
    let radius = RADIUS * (3 + scale) as f32 / 6.0;
    let centre = [x, y].map(|place| FIRST + REACH * place as f32 / 11.0);
    // Of libm, since the platform's sine may differ in its last digit.
    let turn = (f64::from(angle) * TURN).to_radians();
    let turn = [libm::cos(turn) as f32, libm::sin(turn) as f32];
    SHAPES[shape as usize](radius).draw(centre, turn, radius, SIZE, image);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_combination_and_all_are_met() {
        assert_eq!(factors_of(0), [0; 5]);
        assert_eq!(factors_of(1), [0, 0, 0, 0, 1]);
        let last = FACTORS.map(|(_, size)| size as u32 - 1);
        assert_eq!(factors_of(COUNT as u32 - 1), last);
        assert_eq!(
            FACTORS.iter().map(|(_, size)| size).product::<usize>(),
            COUNT
        );
        assert_eq!(SHAPES.len(), FACTORS[0].1);
    }
}
