//! A stream of random numbers per image.
//!
//! The stream depends on the seed and the number of the image only, so that images can be drawn in
//! any order and on any thread. It uses nothing but integer operations and exactly rounded
//! arithmetic, never the platform's `sin` or `ln`, so that a seed gives the same bytes on every
//! machine.

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014).
pub(super) struct Stream {
    state: u64,
}

/// 2^64 divided by the golden ratio.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Stream {
    /// The stream number `index` of a seed.
    pub(super) fn new(seed: u64, index: u64) -> Self {
        // Mixed twice: neighbouring images must not walk along the same sequence one step apart.
        Self {
            state: mix(
                mix(seed.wrapping_add(GAMMA)) ^ mix(index.wrapping_mul(GAMMA).wrapping_add(1))
            ),
        }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GAMMA);
        mix(self.state)
    }

    /// Uniform in [0, 1).
    pub(super) fn uniform(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 24) as f32
    }

    /// Uniform in [low, high).
    pub(super) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.uniform()
    }

    /// Bell-shaped with mean 0 and variance 1, within ±3.5: the sum of four uniforms. Without
    /// tails, no digit is torn apart by a number that comes up once in ten thousand.
    pub(super) fn bell(&mut self) -> f32 {
        let bits = self.next();
        let sum: u64 = (0..4).map(|i| (bits >> (16 * i)) & 0xffff).sum();
        // Four uniforms on 0..65535 have mean 131070 and variance (2^32 - 1) / 3.
        (sum as f32 - 131_070.0) * (1.732_050_8 / 65_536.0)
    }

    /// Uniform in 0..n, for small n.
    pub(super) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }
}
