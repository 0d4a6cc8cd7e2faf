//! Draws: the numbers of `rng.rs`, sixteen blocks of Philox side by side.

use std::ops::Range;

use super::beside;
use super::math;
use super::memory::Span;
use super::pointwise::blocks;
use crate::rng::{self, Draw};

/// Blocks of four words that are computed side by side.
const LANES: usize = 16;

/// Values that they give.
const GROUP: usize = 4 * LANES;

/// Values of an item.
const ITEM: usize = 16 * GROUP;

/// Which distribution the words are made into.
#[derive(Clone, Copy, Debug)]
pub(super) enum Distribution {
    /// Standard normals, by Box and Muller.
    Normal,
    /// In [0, 1), multiples of 2⁻²⁴.
    Uniform,
}

/// A draw, and where it goes.
#[derive(Debug)]
pub(super) struct Noise {
    pub(super) draw: Draw,
    pub(super) distribution: Distribution,
    pub(super) to: Span,
}

impl Noise {
    pub(super) fn items(&self) -> Vec<Range<usize>> {
        blocks(self.to.len(), ITEM)
    }

    /// Draws some of the values of a step; the first is a multiple of [`GROUP`].
    #[inline(always)]
    pub(super) fn run(&self, values: Range<usize>, seed: u64, step: u32) {
        // SAFETY: these values are this item's.
        let to = unsafe { self.to.part(values.clone()).write() };
        for (group, to) in to.chunks_mut(GROUP).enumerate() {
            let first = (values.start / 4 + group * LANES) as u32;
            let words = philox(first, step, self.draw, rng::key(seed));
            let made = match self.distribution {
                Distribution::Normal => normals(words),
                Distribution::Uniform => {
                    let [a, b, c, d] = words;
                    let of = |lanes| beside::map(lanes, uniform);
                    [of(a), of(b), of(c), of(d)]
                }
            };
            // Word w of block b is the value 4 b + w.
            for (lane, four) in to.chunks_mut(4).enumerate() {
                beside::with(four, &made, |value, made| *value = made[lane]);
            }
        }
    }
}

/// The words of [`LANES`] blocks from `first` on, first all first ones: `rng::philox4x32_10` in lanes.
#[inline(always)]
fn philox(first: u32, step: u32, draw: Draw, mut key: [u32; 2]) -> [[u32; LANES]; 4] {
    let mut c0 = [first; LANES];
    for (lane, word) in c0.iter_mut().enumerate() {
        *word = word.wrapping_add(lane as u32);
    }
    let mut c1 = [step; LANES];
    let mut c2 = [draw.stream as u32; LANES];
    let mut c3 = [draw.number; LANES];
    for _ in 0..10 {
        for lane in 0..LANES {
            let p0 = u64::from(c0[lane]) * 0xD251_1F53;
            let p1 = u64::from(c2[lane]) * 0xCD9E_8D57;
            c0[lane] = (p1 >> 32) as u32 ^ c1[lane] ^ key[0];
            c1[lane] = p1 as u32;
            c2[lane] = (p0 >> 32) as u32 ^ c3[lane] ^ key[1];
            c3[lane] = p0 as u32;
        }
        key[0] = key[0].wrapping_add(0x9E37_79B9);
        key[1] = key[1].wrapping_add(0xBB67_AE85);
    }
    [c0, c1, c2, c3]
}

const UNIT: f32 = 1.0 / 16_777_216.0;

#[inline(always)]
fn uniform(word: u32) -> f32 {
    (word >> 8) as f32 * UNIT
}

/// `rng::box_muller` in f32: the angle is measured from the nearest of the four quarters, exactly, so that
/// both functions are within two units in the last place.
#[inline(always)]
fn normals([w0, w1, w2, w3]: [[u32; LANES]; 4]) -> [[f32; LANES]; 4] {
    let mut made = [[0.0; LANES]; 4];
    for (pair, [radius, turn]) in [[w0, w1], [w2, w3]].into_iter().enumerate() {
        for lane in 0..LANES {
            let u = ((radius[lane] >> 8) + 1) as f32 * UNIT;
            let radius = (-2.0 * math::ln(u)).sqrt();
            let [sine, cosine] = sine_and_cosine(turn[lane] >> 8);
            made[2 * pair][lane] = radius * cosine;
            made[2 * pair + 1][lane] = radius * sine;
        }
    }
    made
}

/// sin and cos of 2π·turn / 2²⁴, by the polynomials of `shaders/expr/sin.wgsl`.
#[inline(always)]
fn sine_and_cosine(turn: u32) -> [f32; 2] {
    // Quarters, rounded; and what is left in units of 2⁻²⁴ turns.
    let quarter = (turn + (1 << 21)) >> 22;
    let left = turn as i32 - (quarter << 22) as i32;
    let r = left as f32 * (std::f32::consts::TAU * UNIT);
    let t = r * r;
    let sine = (r * t).mul_add(
        t.mul_add(t.mul_add(-1.958_763_9e-4, 8.332_747e-3), -1.666_666_5e-1),
        r,
    );
    let cosine = (t * t).mul_add(
        t.mul_add(t.mul_add(2.454_769_7e-5, -1.388_830_2e-3), 4.166_666_5e-2),
        1.0 - 0.5 * t,
    );
    let swapped = quarter & 1 == 1;
    let (s, c) = if swapped {
        (cosine, sine)
    } else {
        (sine, cosine)
    };
    [
        if quarter & 2 == 2 { -s } else { s },
        if (quarter + 1) & 2 == 2 { -c } else { c },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::memory::Memory;
    use crate::rng::Stream;

    fn drawn(distribution: Distribution, len: usize, step: u32) -> Vec<f32> {
        let mut memory = Memory::zeros(len);
        let draw = Draw {
            stream: Stream::Noise,
            number: 3,
        };
        let noise = Noise {
            draw,
            distribution,
            to: memory.span(0..len),
        };
        for item in noise.items() {
            noise.run(item, 0x1234_5678_9abc_def0, step);
        }
        memory.as_mut_slice().to_vec()
    }

    fn draw() -> Draw {
        Draw {
            stream: Stream::Noise,
            number: 3,
        }
    }

    #[test]
    fn uniforms_are_those_of_the_host() {
        let len = 3 * ITEM + 7;
        for (i, u) in drawn(Distribution::Uniform, len, 9).into_iter().enumerate() {
            let expected = rng::uniform(0x1234_5678_9abc_def0, draw(), 9, i);
            assert_eq!(f64::from(u), expected, "{i}");
        }
    }

    /// A radius has the error of a root of a logarithm of two units, 1.5 units, and a sine or cosine one of
    /// about 1e-7 of the radius; the product rounds once more.
    #[test]
    fn normals_are_those_of_the_host() {
        let len = 100 * ITEM + 7;
        for (i, z) in drawn(Distribution::Normal, len, 9).into_iter().enumerate() {
            let expected = rng::normal(0x1234_5678_9abc_def0, draw(), 9, i);
            // The largest radius is √(2·24·ln 2), 5.77.
            let bound = 2.5 * f64::from(f32::EPSILON) * expected.abs() + 5.8 * 1e-7;
            assert!(
                (f64::from(z) - expected).abs() <= bound,
                "{i}: {z} {expected}"
            );
        }
    }
}
