//! Twin of the kernel `normal`: standard normals from Philox and Box–Muller.

use super::real::Real;
use crate::rng::{self, Stream};

/// ε `[len]` of a step of a stream.
pub fn value<T: Real>(seed: u64, stream: Stream, step: u32, len: usize) -> Vec<T> {
    (0..len)
        .map(|element| T::narrow(rng::normal(seed, stream, step, element)))
        .collect()
}
