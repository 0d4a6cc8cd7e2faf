//! Twin of the kernel `activation_grad`: the adjoint of a pointwise non-linearity.

use super::real::Real;
use crate::graph::Activation;

/// f′ of one element, from f's output `y`.
pub fn derivative(function: Activation, y: f64) -> f64 {
    match function {
        Activation::Relu if y > 0.0 => 1.0,
        Activation::Relu => 0.0,
        Activation::Tanh => 1.0 - y * y,
        Activation::Sigmoid => y * (1.0 - y),
    }
}

/// d_x = d_y · f′: `y [len], d_y [len] → d_x [len]`.
pub fn gradient<T: Real>(function: Activation, y: &[T], d_y: &[T]) -> Vec<T> {
    assert_eq!(y.len(), d_y.len(), "activation_grad: y and d_y");
    y.iter()
        .zip(d_y)
        .map(|(&y, &d_y)| T::narrow(d_y.wide() * derivative(function, y.wide())))
        .collect()
}
