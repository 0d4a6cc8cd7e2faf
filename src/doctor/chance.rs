//! Sizes and values by a seed.

use crate::rng::{self, Philox, Stream};
use rand::RngExt;

/// The same for the same seed and name.
#[derive(Debug)]
pub(super) struct Chance {
    rng: Philox,
}

impl Chance {
    /// Of a seed and of what it is for, so that a kernel checked alone has the cases that it has among all.
    pub(super) fn new(seed: u64, what: &str) -> Self {
        // FNV-1a (Fowler, Noll and Vo).
        let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        let number = what.bytes().fold(0xcbf2_9ce4_8422_2325, hash);
        Self {
            rng: Philox::new(seed, Stream::Sampling, number),
        }
    }

    /// A number from `least` to `most`.
    pub(super) fn between(&mut self, least: usize, most: usize) -> usize {
        self.rng.random_range(least..=most)
    }

    /// U(−bound, bound).
    pub(super) fn uniform(&mut self, len: usize, bound: f32) -> Vec<f32> {
        (0..len)
            .map(|_| self.rng.random_range(-bound..=bound))
            .collect()
    }

    /// U(0, bound).
    pub(super) fn positive(&mut self, len: usize, bound: f32) -> Vec<f32> {
        (0..len)
            .map(|_| self.rng.random_range(0.0..=bound))
            .collect()
    }

    /// Bytes below `bound`.
    pub(super) fn bytes(&mut self, len: usize, bound: usize) -> Vec<u8> {
        let byte = |_| self.rng.random_range(0..bound) as u8;
        (0..len).map(byte).collect()
    }

    /// An order of so many.
    pub(super) fn order(&mut self, count: usize) -> Vec<u32> {
        rng::permutation(self.rng.random(), 0, count)
    }
}
