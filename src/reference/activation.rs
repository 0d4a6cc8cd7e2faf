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

#[cfg(test)]
mod tests {
    use super::apply;
    use crate::graph::Activation;

    #[test]
    fn the_formulas_for_people_are_what_is_computed() {
        for function in Activation::ALL {
            for x in [-30.0, -1.5, 0.0, 0.25, 3.0] {
                let shown = function.formula().evaluate::<f64>(&[x]);
                let computed = apply(function, x);
                assert!((shown - computed).abs() < 1e-15, "{function:?} of {x}");
            }
        }
    }
}
