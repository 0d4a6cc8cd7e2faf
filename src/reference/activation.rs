//! The non-linearities of the twins of products, and their derivatives.

use crate::kernels::KernelActivation;

/// f(x) of one element.
pub fn apply(function: KernelActivation, x: f64) -> f64 {
    match function {
        // Not `max`, which would make a number of NaN.
        KernelActivation::Relu if x < 0.0 => 0.0,
        KernelActivation::Relu => x,
        KernelActivation::Tanh => x.tanh(),
        KernelActivation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
    }
}

/// f′ of one element, from f's output `y`.
pub fn derivative(function: KernelActivation, y: f64) -> f64 {
    match function {
        KernelActivation::Relu if y > 0.0 => 1.0,
        KernelActivation::Relu => 0.0,
        KernelActivation::Tanh => 1.0 - y * y,
        KernelActivation::Sigmoid => y * (1.0 - y),
    }
}

#[cfg(test)]
mod tests {
    use super::{apply, derivative};
    use crate::kernels::KernelActivation;

    #[test]
    fn they_are_the_formulas_of_graphs() {
        for function in KernelActivation::ALL {
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
