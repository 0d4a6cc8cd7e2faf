//! The non-linearities of the twins of products, and their derivatives.

use crate::graph::Activation;

/// f(x) of one element.
pub fn apply(function: Activation, x: f64) -> f64 {
    match function {
        // Not `max`, which would make a number of NaN.
        Activation::Relu if x < 0.0 => 0.0,
        Activation::Relu => x,
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Activation::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
    }
}

/// f′ of one element, from f's output `y`.
pub fn derivative(function: Activation, y: f64) -> f64 {
    match function {
        Activation::Relu if y > 0.0 => 1.0,
        Activation::Relu => 0.0,
        Activation::Tanh => 1.0 - y * y,
        Activation::Sigmoid => y * (1.0 - y),
        Activation::Softplus => -(-y).exp_m1(),
    }
}

#[cfg(test)]
mod tests {
    use super::{apply, derivative};
    use crate::graph::Activation;

    #[test]
    fn they_are_the_formulas_of_graphs() {
        for function in Activation::ALL {
            for x in [-30.0, -1.5, 0.0, 0.25, 3.0] {
                let shown = function.formula().evaluate::<f64>(&[x]);
                let computed = apply(function, x);
                assert!((shown - computed).abs() < 1e-15, "{function:?} of {x}");
                let slope = function.slope().evaluate::<f64>(&[computed]);
                let computed = derivative(function, computed);
                assert!((slope - computed).abs() < 1e-15, "{function:?}′ of {x}");
            }
        }
    }
}
