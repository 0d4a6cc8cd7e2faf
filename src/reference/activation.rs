//! Twin of the kernel `activation`: a pointwise non-linearity.

use super::real::Real;
use crate::graph::Activation;

/// f(x) of one element.
pub fn apply(function: Activation, x: f64) -> f64 {
    match function {
        // Not `max`, which would make a number of NaN.
        Activation::Relu if x < 0.0 => 0.0,
        Activation::Relu => x,
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
    }
}

/// y = f(x): `[len] → [len]`.
pub fn value<T: Real>(function: Activation, x: &[T]) -> Vec<T> {
    x.iter()
        .map(|&x| T::narrow(apply(function, x.wide())))
        .collect()
}
