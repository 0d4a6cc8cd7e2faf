//! Randomness: Philox4x32-10 (Salmon et al. 2011), its streams and counters.
//!
//! One definition for the host, the shaders and the CPU twins. A draw is a pure function of
//! (seed, stream, number, step, element): nothing is carried from one draw to the next, so the same
//! bits come out however many steps share a submission and wherever a run was interrupted.
//!
//! | Philox word | meaning |
//! |---|---|
//! | counter 0 | element block: four 32-bit words serve elements `4·block .. 4·block + 3` |
//! | counter 1 | step of the run, epoch, or index of the parameter, as the stream defines |
//! | counter 2 | [`Stream`] |
//! | counter 3 | number of a graph's [`Draw`]; high half of what counter 1 counts, where the host draws |
//! | key 0, 1 | low and high half of the seed |

use std::convert::Infallible;

use rand::rand_core::block::{BlockRng, Generator};
use rand::seq::SliceRandom;
use rand::{RngExt, TryRng};

/// What a draw is for. Two streams never share a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Stream {
    /// Initial weights; counter 1 is the index of the parameter.
    Initialisation = 0,
    /// The order of an epoch's images; counter 1 is the epoch. Of images in windows, that of the blocks which make
    /// windows, and with the window's number from 1 in counter 3, that of a window's images.
    Shuffle = 1,
    /// ε of the reparameterization while training; counter 1 is the step.
    Noise = 2,
    /// Binary images drawn from grey ones while training; counter 1 is the step, or 0 where they are drawn
    /// once.
    Binarisation = 3,
    /// Latents drawn from the prior; counter 1 counts the chunks they are drawn in, or is the step or the batch
    /// where an objective compares a batch's latents with them.
    Sampling = 4,
    /// ε of the reparameterization while evaluating; counter 1 is the batch.
    Evaluation = 5,
    /// Which images are held out for testing where there are no test images; counter 1 is 0, or 1 for the order of
    /// the classes that rounding treats as equals.
    HoldOut = 6,
    /// The order of ten built-in digits; counters 1 and 3 are the number of the ten.
    DigitOrder = 7,
    /// How a built-in digit is drawn; counters 1 and 3 are the number of the image.
    Digit = 8,
    /// Binary images drawn from grey ones while evaluating; counter 1 is the batch, or 0 where they are
    /// drawn once.
    EvaluationBinarisation = 9,
    /// Which of the labelled images a step of a training with labels in part takes; counter 1 is the step.
    Labelled = 10,
    /// Draws of q(z | x), and of its images' pixels, that a density is fitted to; counter 1 counts the chunks they are
    /// drawn in.
    Fitting = 11,
    /// What a training's networks drop; counter 1 is the step.
    Dropout = 12,
    /// What moves the chains of annealed importance sampling: momenta, and whether a move is accepted; counter 1 is the
    /// number of the temperature.
    Annealing = 13,
    /// What scores of disentanglement are measured with; counter 1 says which draws.
    Disentanglement = 14,
    /// ε of the draws that examples are scored by, the same for every example; counter 1 is 0.
    Scoring = 15,
    /// Which rows of two tables are compared, and what tells them apart; counter 1 is 0 for the real table, 1 for the
    /// synthetic one and 2 for what tells them apart.
    Comparison = 20,
    /// Cells of rows that are drawn from a model of a table; counters 1 and 3 are the number of the row.
    Cells = 16,
    /// ε of the draws of z that fill the missing cells of a table, the same for each row; counter 1 is 0.
    Imputation = 17,
}

/// One draw of a graph: two draws of a stream at the same step are told apart by their numbers.
///
/// A stream alone is its draw number 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Draw {
    /// What the draw is for.
    pub stream: Stream,
    /// How many draws of the stream the graph holds before this one.
    pub number: u32,
}

impl From<Stream> for Draw {
    fn from(stream: Stream) -> Self {
        Self { stream, number: 0 }
    }
}

/// Ten rounds of Philox4x32: 128 random bits for a 128-bit counter under a 64-bit key.
pub fn philox4x32_10(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let product0 = u64::from(counter[0]) * 0xD251_1F53;
        let product1 = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [
            (product1 >> 32) as u32 ^ counter[1] ^ key[0],
            product1 as u32,
            (product0 >> 32) as u32 ^ counter[3] ^ key[1],
            product0 as u32,
        ];
        key[0] = key[0].wrapping_add(0x9E37_79B9);
        key[1] = key[1].wrapping_add(0xBB67_AE85);
    }
    counter
}

/// The four words of one element block of a draw.
pub fn block(seed: u64, draw: impl Into<Draw>, step: u32, block: u32) -> [u32; 4] {
    let Draw { stream, number } = draw.into();
    philox4x32_10([block, step, stream as u32, number], key(seed))
}

/// A seed as Philox's key.
pub fn key(seed: u64) -> [u32; 2] {
    [seed as u32, (seed >> 32) as u32]
}

/// The words of one stream, in order: a generator for the distributions of the crate `rand`.
///
/// It ends nowhere, but repeats itself after 2³⁴ words.
#[derive(Clone, Debug)]
pub struct Philox(BlockRng<Blocks>);

impl Philox {
    /// The words of `stream` from the first on; counters 1 and 3 are the halves of `step`, which is
    /// what the stream defines.
    pub fn new(seed: u64, stream: Stream, step: u64) -> Self {
        Self(BlockRng::new(Blocks {
            counter: [0, step as u32, stream as u32, (step >> 32) as u32],
            key: key(seed),
        }))
    }
}

impl TryRng for Philox {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.next_word())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.next_u64_from_u32())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

/// The element blocks of a stream, one after the other.
#[derive(Clone, Debug)]
struct Blocks {
    counter: [u32; 4],
    key: [u32; 2],
}

impl Generator for Blocks {
    type Output = [u32; 4];

    fn generate(&mut self, words: &mut [u32; 4]) {
        *words = philox4x32_10(self.counter, self.key);
        self.counter[0] = self.counter[0].wrapping_add(1);
    }
}

/// Two standard normals from two words, by Box and Muller.
///
/// The radius takes its uniform from (0, 1], so that its logarithm is finite; 24 bits each, which
/// is what an `f32` holds exactly.
pub fn box_muller(words: [u32; 2]) -> [f64; 2] {
    const UNIT: f64 = 1.0 / 16_777_216.0;
    let radius = (-2.0 * (f64::from((words[0] >> 8) + 1) * UNIT).ln()).sqrt();
    let angle = std::f64::consts::TAU * (f64::from(words[1] >> 8) * UNIT);
    [radius * angle.cos(), radius * angle.sin()]
}

/// The standard normal of one element of a draw.
pub fn normal(seed: u64, draw: impl Into<Draw>, step: u32, element: usize) -> f64 {
    let words = block(seed, draw, step, (element / 4) as u32);
    let pair = if element % 4 < 2 {
        [words[0], words[1]]
    } else {
        [words[2], words[3]]
    };
    box_muller(pair)[element % 2]
}

/// The uniform in [0, 1) of one element of a draw: a multiple of 2⁻²⁴.
pub fn uniform(seed: u64, draw: impl Into<Draw>, step: u32, element: usize) -> f64 {
    let words = block(seed, draw, step, (element / 4) as u32);
    f64::from(words[element % 4] >> 8) / 16_777_216.0
}

/// Draws each pixel, 255 with its value as the probability and else 0: the element of the stream's first
/// draw at step 0 that has the pixel's place. A step of 2⁻²⁴ of the probability is lost.
pub fn binarize(pixels: &mut [u8], seed: u64, stream: Stream) {
    binarize_part(pixels, 0, seed, stream);
}

/// [`binarize`] of some pixels, of which the first has the place `first`.
pub fn binarize_part(pixels: &mut [u8], first: usize, seed: u64, stream: Stream) {
    for (pixel, word) in pixels.iter_mut().zip(words_from(first, seed, stream)) {
        *pixel = bernoulli(f64::from(*pixel) / 255.0, word);
    }
}

/// The same of probabilities, as bytes of 0 and 255.
pub fn binarized(probabilities: &[f32], seed: u64, stream: Stream) -> Vec<u8> {
    binarized_part(probabilities, 0, seed, stream)
}

/// [`binarized`] of some pixels, of which the first has the place `first`.
pub fn binarized_part(probabilities: &[f32], first: usize, seed: u64, stream: Stream) -> Vec<u8> {
    let drawn = probabilities.iter().zip(words_from(first, seed, stream));
    let bytes = drawn.map(|(&probability, word)| bernoulli(probability.into(), word));
    bytes.collect()
}

/// The words of the elements from `first` on of a stream's first draw at step 0.
fn words_from(first: usize, seed: u64, stream: Stream) -> impl Iterator<Item = u32> {
    let blocks = first / 4..;
    let words = blocks.flat_map(move |index| block(seed, stream, 0, index as u32));
    words.skip(first % 4)
}

/// 255 with this probability and else 0, from the upper 24 bits of a word.
fn bernoulli(probability: f64, word: u32) -> u8 {
    let u = f64::from(word >> 8) / 16_777_216.0;
    if u < probability { 255 } else { 0 }
}

/// `len` values of U(−bound, bound): the initial values of parameter number `parameter`.
///
/// # Panics
///
/// If `bound` is negative or not finite.
pub fn initial_uniform(seed: u64, parameter: u32, len: usize, bound: f64) -> Vec<f32> {
    let bound = bound as f32;
    let mut rng = Philox::new(seed, Stream::Initialisation, parameter.into());
    (0..len).map(|_| rng.random_range(-bound..=bound)).collect()
}

/// The order in which epoch `epoch` visits `count` images, which number no more than 2³².
pub fn permutation(seed: u64, epoch: u32, count: usize) -> Vec<u32> {
    shuffled(seed, epoch.into(), count)
}

/// The order in which epoch `epoch` visits the `count` images of window number `window`, counted from 0.
pub fn permutation_of_window(seed: u64, epoch: u32, window: u32, count: usize) -> Vec<u32> {
    shuffled(
        seed,
        (u64::from(window) + 1) << 32 | u64::from(epoch),
        count,
    )
}

fn shuffled(seed: u64, step: u64, count: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count as u32).collect();
    order.shuffle(&mut Philox::new(seed, Stream::Shuffle, step));
    order
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    #[test]
    fn philox_gives_the_known_answers() {
        // Random123's known-answer file (Salmon et al. 2011).
        let cases = [
            (
                [0; 4],
                [0; 2],
                [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8],
            ),
            (
                [u32::MAX; 4],
                [u32::MAX; 2],
                [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd],
            ),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, expected) in cases {
            assert_eq!(philox4x32_10(counter, key), expected);
        }
    }

    #[test]
    fn a_generator_gives_the_words_of_its_stream_in_order() {
        let words = (0..5).flat_map(|index| block(9, Stream::Sampling, 4, index));
        let mut rng = Philox::new(9, Stream::Sampling, 4);
        assert!(words.clone().eq((0..20).map(|_| rng.next_u32())));
        let mut rng = Philox::new(9, Stream::Sampling, 4);
        let words: Vec<_> = words.collect();
        let (pairs, _) = words.as_chunks::<2>();
        for pair in pairs {
            assert_eq!(
                rng.next_u64(),
                u64::from(pair[1]) << 32 | u64::from(pair[0])
            );
        }
    }

    #[test]
    fn what_is_beyond_32_bits_of_a_count_goes_into_counter_3() {
        let mut rng = Philox::new(9, Stream::Digit, (5 << 32) | 4);
        let words = philox4x32_10([0, 4, Stream::Digit as u32, 5], key(9));
        assert_eq!([(); 4].map(|()| rng.next_u32()), words);
    }

    #[test]
    fn a_permutation_holds_every_index_once_and_depends_on_the_epoch() {
        let order = permutation(7, 3, 1000);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert!(sorted.iter().enumerate().all(|(i, &v)| i == v as usize));
        assert_ne!(order, permutation(7, 4, 1000));
        assert_ne!(order, permutation(8, 3, 1000));
        assert_eq!(order, permutation(7, 3, 1000));
    }

    /// A run that was begun with one version of the crate rand may be resumed with another.
    #[test]
    fn what_a_resumed_run_draws_again_is_always_the_same() {
        assert_eq!(permutation(7, 3, 10), [7, 3, 1, 0, 2, 4, 8, 9, 5, 6]);
        assert_eq!(
            initial_uniform(7, 3, 4, 0.5),
            [0.042_467_475, -0.497_008_92, 0.401_275_4, -0.196_708_68]
        );
    }

    #[test]
    fn pixels_are_drawn_by_their_places_whichever_part_of_them() {
        let grey: Vec<u8> = (0..=255).collect();
        let mut whole = grey.clone();
        binarize(&mut whole, 7, Stream::Binarisation);
        let probabilities: Vec<f32> = grey.iter().map(|&byte| f32::from(byte) / 255.0).collect();
        for range in [0..256, 3..6, 4..130, 255..256] {
            let mut part = grey[range.clone()].to_vec();
            binarize_part(&mut part, range.start, 7, Stream::Binarisation);
            assert_eq!(part, whole[range.clone()]);
            let of = &probabilities[range.clone()];
            let part = binarized_part(of, range.start, 7, Stream::Binarisation);
            assert_eq!(part, whole[range]);
        }
    }

    #[test]
    fn every_position_of_a_permutation_is_equally_likely() {
        // χ² of the first position over 8 items, 8000 shuffles: 7 degrees of freedom; 29.9 is the
        // 0.9999 quantile.
        let mut counts = [0f64; 8];
        for epoch in 0..8000 {
            counts[permutation(1, epoch, 8)[0] as usize] += 1.0;
        }
        let chi2: f64 = counts.iter().map(|c| (c - 1000.0).powi(2) / 1000.0).sum();
        assert!(chi2 < 29.9, "χ² = {chi2}");
    }

    #[test]
    fn initial_values_fill_their_interval() {
        let values = initial_uniform(1, 0, 100_000, 0.25);
        let mean: f64 = values.iter().map(|&v| f64::from(v)).sum::<f64>() / 1e5;
        // The mean of U(−¼, ¼) over 10⁵ draws has deviation ¼/√3/√10⁵ = 4.6e-4; five of them.
        assert!(mean.abs() < 2.3e-3, "{mean}");
        assert!(values.iter().all(|v| v.abs() <= 0.25));
        assert!(values.iter().any(|v| *v > 0.2499) && values.iter().any(|v| *v < -0.2499));
    }
}
