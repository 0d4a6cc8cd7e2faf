//! The built-in data set: digits that look handwritten, drawn by the program itself.
//!
//! Every digit has several ways to be written (`glyphs.rs`). A way is bent, slanted, jittered and
//! drawn with a soft pen (`raster.rs`), then brought into the form of MNIST: white on black, 28x28
//! pixels, the body fitted into 20x20, its centre of mass in the middle. Image `i` of a seed is the
//! same bytes on every machine, whatever else is drawn with it and on however many threads: it has a
//! Philox stream of its own, and nothing but integer operations and exactly rounded arithmetic makes
//! pixels of it, never the platform's `sin` or `ln`.

use std::num::NonZeroUsize;
use std::thread;

use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};

use super::{Dataset, Images, Split};
use crate::rng::{Philox, Stream};
use crate::threads;
use bell::Bell;
use glyphs::{GLYPHS, Glyph};
use raster::{Point, SIZE};

mod bell;
mod glyphs;
mod raster;

const DIM: usize = SIZE * SIZE;
/// Pixels into which height and width of the body are fitted.
const BODY: f32 = 20.0;
/// Seed and sizes of the built-in set.
const SEED: u64 = 1;
const TRAIN: usize = 20_000;
const TEST: usize = 2_000;

/// The built-in data set: 20,000 training and 2,000 test images with labels, always the same bytes.
pub fn dataset() -> Dataset {
    let train = generate(SEED, 0, TRAIN);
    let test = generate(SEED, TRAIN as u64, TEST);
    Dataset {
        name: "digits".into(),
        train,
        test,
        notes: Vec::new(),
        held_out: false,
        classes: Vec::new(),
        table: None,
    }
}

/// Draws the images `first..first + count` of an endless series of labelled 28x28 digits.
///
/// Every ten images from a multiple of ten on are the ten digits in random order.
pub fn generate(seed: u64, first: u64, count: usize) -> Split {
    generate_on(
        thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        seed,
        first,
        count,
    )
}

fn generate_on(threads: NonZeroUsize, seed: u64, first: u64, count: usize) -> Split {
    let mut pixels = vec![0; count * DIM];
    let mut labels = vec![0; count];
    let share = count.div_ceil(threads.get()).max(1);
    thread::scope(|scope| {
        let parts = pixels.chunks_mut(share * DIM).zip(labels.chunks_mut(share));
        let drawn: Vec<_> = parts
            .enumerate()
            .map(|(part, (pixels, labels))| {
                let first = first.wrapping_add((part * share) as u64);
                threads::beside(scope, move || {
                    let mut pen = Pen::default();
                    let images = pixels.chunks_exact_mut(DIM).zip(labels);
                    for (i, (image, label)) in images.enumerate() {
                        let index = first.wrapping_add(i as u64);
                        *label = label_of(seed, index);
                        let mut rng = Philox::new(seed, Stream::Digit, index);
                        pen.draw(&mut rng, usize::from(*label), image);
                    }
                })
            })
            .collect();
        drawn.into_iter().for_each(threads::Beside::join);
    });
    Split {
        images: Images {
            channels: 1,
            count,
            height: SIZE,
            width: SIZE,
            pixels: pixels.into(),
        },
        labels: Some(labels),
        factors: None,
    }
}

/// The label of an image, from the shuffled order of the ten it belongs to.
fn label_of(seed: u64, index: u64) -> u8 {
    let mut order = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    order.shuffle(&mut Philox::new(seed, Stream::DigitOrder, index / 10));
    order[(index % 10) as usize]
}

/// How one image is written: what varies from hand to hand and from digit to digit.
struct Hand {
    /// Half the width of the stroke and of its fading border, in pixels.
    radius: f32,
    edge: f32,
    /// How much pressure varies along a stroke, as a share of the radius.
    pressure: f32,
    /// Wobble of single points, as a share of the height.
    wobble: f32,
    /// Width against height.
    aspect: f32,
    /// x gained per y upwards, and y gained per x.
    slant: f32,
    tilt: f32,
    /// The waist moves up or down; top and bottom differ in width; the whole bends.
    waist: f32,
    taper: f32,
    bend: f32,
    /// Pixels that the body is smaller than it may be, and by which it is off the centre.
    shrink: f32,
    shift: [f32; 2],
}

impl Hand {
    fn new(rng: &mut Philox) -> Self {
        let radius = (1.25 + 0.32 * rng.sample(Bell)).max(0.75);
        Self {
            radius,
            edge: rng.random_range(1.0..1.5),
            pressure: rng.random_range(0.04..0.16),
            wobble: rng.random_range(0.012..0.036),
            aspect: 1.0 + 0.18 * rng.sample(Bell),
            slant: 0.15 + 0.24 * rng.sample(Bell),
            tilt: 0.08 * rng.sample(Bell),
            waist: 0.13 * rng.sample(Bell),
            taper: 0.15 * rng.sample(Bell),
            bend: 0.07 * rng.sample(Bell),
            shrink: rng.random_range(0.0..1.5),
            shift: [0.4 * rng.sample(Bell), 0.4 * rng.sample(Bell)],
        }
    }

    /// Where a point of a glyph goes, in units of the glyph's height.
    ///
    /// `drift` is how far the pen is off its way. It carries over from point to point: a hand that
    /// is too far left stays there for a while, whereas independent errors would make an oval a
    /// polygon.
    fn place(&self, [x, y]: [f32; 2], drift: &mut [f32; 2], rng: &mut Philox) -> Point {
        *drift = drift.map(|off| 0.7 * off + self.wobble * rng.sample(Bell));
        let (x, y) = (x - 0.5 + drift[0], y + drift[1]);
        // Zero at both ends of the body, so that only what is between moves.
        let middle = 4.0 * y * (1.0 - y);
        let x = x * self.aspect * (1.0 + self.taper * (2.0 * y - 1.0)) + self.bend * (middle - 0.5);
        let y = y + 0.5 * self.waist * middle - 0.5;
        let (x, y) = (x - self.slant * y, y + self.tilt * x);
        Point {
            x,
            y,
            radius: self.radius * (1.0 + self.pressure * rng.sample(Bell)),
        }
    }
}

/// Buffers that are used from one image to the next.
#[derive(Default)]
struct Pen {
    /// All strokes of the image, one after the other; `ends` says where each ends.
    line: Vec<Point>,
    ends: Vec<usize>,
    piece: Vec<Point>,
}

impl Pen {
    fn draw(&mut self, rng: &mut Philox, label: usize, image: &mut [u8]) {
        let glyph = choose(GLYPHS[label], rng);
        let hand = Hand::new(rng);
        self.write(glyph, &hand, rng);
        self.fit(&hand);

        let mut ink = [0.0; DIM];
        let mut start = 0;
        for &end in &self.ends {
            raster::draw(&self.line[start..end], hand.edge, &mut ink);
            start = end;
        }
        for (pixel, ink) in image.iter_mut().zip(ink) {
            *pixel = (255.0 * ink).round() as u8;
        }
    }

    /// Turns the strokes of a glyph into lines of many points.
    fn write(&mut self, glyph: &Glyph, hand: &Hand, rng: &mut Philox) {
        self.line.clear();
        self.ends.clear();
        for stroke in glyph.strokes {
            self.piece.clear();
            let mut drift = [
                hand.wobble * rng.sample(Bell),
                hand.wobble * rng.sample(Bell),
            ];
            for (i, &point) in stroke.iter().enumerate() {
                if i > 0 && stroke[i - 1] == point {
                    // A corner: one spline ends and the next begins at the very same, displaced
                    // point.
                    raster::spline(&self.piece, &mut self.line);
                    self.piece.drain(..self.piece.len() - 1);
                } else {
                    self.piece.push(hand.place(point, &mut drift, rng));
                }
            }
            raster::spline(&self.piece, &mut self.line);
            self.ends.push(self.line.len());
        }
    }

    /// Scales the lines to pixels and moves their centre of mass to the middle of the image, or as
    /// near as the ink leaves the outermost pixels black.
    fn fit(&mut self, hand: &Hand) {
        let mut low = [f32::INFINITY; 2];
        let mut high = [f32::NEG_INFINITY; 2];
        let mut reach = 0.0_f32;
        for point in &self.line {
            low = [low[0].min(point.x), low[1].min(point.y)];
            high = [high[0].max(point.x), high[1].max(point.y)];
            reach = reach.max(point.radius + 0.5 * hand.edge);
        }
        let extent = (high[0] - low[0]).max(high[1] - low[1]);
        let scale = (BODY - hand.shrink - 2.0 * hand.radius) / extent;

        let mut mass = 0.0;
        let mut centre = [0.0; 2];
        let mut start = 0;
        for &end in &self.ends {
            for pair in self.line[start..end].windows(2) {
                let (a, b) = (pair[0], pair[1]);
                let length = ((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y)).sqrt();
                let weight = length * (a.radius + b.radius);
                mass += weight;
                centre[0] += weight * 0.5 * (a.x + b.x);
                centre[1] += weight * 0.5 * (a.y + b.y);
            }
            start = end;
        }
        let offset = |axis: usize| {
            let centred = 0.5 * SIZE as f32 + hand.shift[axis] - scale * centre[axis] / mass;
            let first = 1.0 + reach - scale * low[axis];
            let last = (SIZE - 1) as f32 - reach - scale * high[axis];
            centred.max(first).min(last)
        };
        let offset = [offset(0), offset(1)];
        for point in &mut self.line {
            point.x = offset[0] + scale * point.x;
            point.y = offset[1] + scale * point.y;
        }
    }
}

/// A way to write a digit, by how often it is met.
fn choose<'a>(glyphs: &'a [Glyph], rng: &mut Philox) -> &'a Glyph {
    let chosen = glyphs.choose_weighted(rng, |glyph| u32::from(glyph.weight));
    // Out of reach, since every digit has a glyph and every glyph a weight.
    chosen.unwrap_or(&glyphs[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_threads_does_not_show() {
        let on = |threads| generate_on(NonZeroUsize::new(threads).unwrap(), 5, 3, 101);
        let one = on(1);
        assert!((2..9).all(|threads| on(threads) == one));
        assert_eq!(on(1_000), one);
    }

    #[test]
    fn every_glyph_stays_in_its_box_and_has_no_empty_stroke() {
        for (digit, glyphs) in GLYPHS.iter().enumerate() {
            for stroke in glyphs.iter().flat_map(|glyph| glyph.strokes) {
                assert!(stroke.len() > 1, "{digit}");
                let inside = |x: f32| (0.0..=1.0).contains(&x);
                assert!(
                    stroke.iter().flatten().all(|&x| inside(x)),
                    "{digit}: {stroke:?}"
                );
            }
        }
    }
}
