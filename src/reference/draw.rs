//! Twin of the kernel `draw`: standard normals from Philox and Box–Muller, and uniforms.

use super::real::Real;
use crate::rng::{self, Draw};

/// ε `[len]` of a draw at a step.
pub fn normals<T: Real>(seed: u64, draw: impl Into<Draw>, step: u32, len: usize) -> Vec<T> {
    let draw = draw.into();
    (0..len)
        .map(|element| T::narrow(rng::normal(seed, draw, step, element)))
        .collect()
}

/// Uniforms in [0, 1) `[len]` of a draw at a step.
pub fn uniforms<T: Real>(seed: u64, draw: impl Into<Draw>, step: u32, len: usize) -> Vec<T> {
    let draw = draw.into();
    (0..len)
        .map(|element| T::narrow(rng::uniform(seed, draw, step, element)))
        .collect()
}
