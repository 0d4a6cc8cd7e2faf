//! A bell-shaped distribution without tails.

use rand::Rng;
use rand::distr::Distribution;

/// The sum of four uniforms, with mean 0, variance 1 and nothing beyond ±3.5.
///
/// Without tails, no digit is torn apart by a number that comes up once in ten thousand; and a sum
/// is the same on every machine, which the `ln` of a normal distribution is not.
pub(super) struct Bell;

impl Distribution<f32> for Bell {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f32 {
        let bits = rng.next_u64();
        let sum: u64 = (0..4).map(|i| (bits >> (16 * i)) & 0xffff).sum();
        // Four uniforms on 0..65535 have mean 131070 and variance (2^32 - 1) / 3.
        (sum as f32 - 131_070.0) * (1.732_050_8 / 65_536.0)
    }
}
