//! Twin of the kernel `normal`: standard normals from Philox and Box–Muller.

use super::real::Real;
use crate::rng::{self, Draw};

/// ε `[len]` of a draw at a step.
pub fn value<T: Real>(seed: u64, draw: impl Into<Draw>, step: u32, len: usize) -> Vec<T> {
    let draw = draw.into();
    (0..len)
        .map(|element| T::narrow(rng::normal(seed, draw, step, element)))
        .collect()
}

/// Uniforms in [0, 1) `[len]` of a draw at a step: the twin of the kernel `uniform`.
pub fn uniforms<T: Real>(seed: u64, draw: impl Into<Draw>, step: u32, len: usize) -> Vec<T> {
    let draw = draw.into();
    (0..len)
        .map(|element| T::narrow(rng::uniform(seed, draw, step, element)))
        .collect()
}
