//! The non-linearities that hand-written kernels have.

use crate::expr::{Expr, operand};
use crate::graph::Activation;

/// A non-linearity that products and row programs apply to what they compute, and whose derivative they apply
/// to gradients. Each one's derivative is a function of its output, which is all that the backward pass then
/// keeps. Others of [`Activation`] are pointwise work of their own, for which kernels are generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KernelActivation {
    /// [`Activation::Relu`].
    Relu,
    /// [`Activation::Tanh`].
    Tanh,
    /// [`Activation::Sigmoid`].
    Sigmoid,
}

impl KernelActivation {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Relu, Self::Tanh, Self::Sigmoid];

    /// Which of the layers' it is.
    pub const fn activation(self) -> Activation {
        match self {
            Self::Relu => Activation::Relu,
            Self::Tanh => Activation::Tanh,
            Self::Sigmoid => Activation::Sigmoid,
        }
    }

    /// Its name, as settings give it.
    pub const fn name(self) -> &'static str {
        self.activation().name()
    }

    /// f(x) as an expression of its operand.
    pub fn formula(self) -> Expr {
        self.activation().formula()
    }

    /// f′ as an expression of f's output, operand 0.
    pub fn slope(self) -> Expr {
        let f = self.formula();
        f.derivative(0).replace(&f, &operand(0))
    }
}

/// The shaders' number for a non-linearity; 0 is none. Their constant of this value has the name of the
/// non-linearity in capitals.
pub fn activation_code(function: Option<KernelActivation>) -> u32 {
    match function {
        None => 0,
        Some(KernelActivation::Relu) => 1,
        Some(KernelActivation::Tanh) => 2,
        Some(KernelActivation::Sigmoid) => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::KernelActivation;

    #[test]
    fn slopes_are_functions_of_the_output() {
        for function in KernelActivation::ALL {
            for x in [-3.0, -0.25, 0.0, 0.25, 3.0] {
                let y = function.formula().evaluate::<f64>(&[x]);
                let expected = match function {
                    KernelActivation::Relu => f64::from(u8::from(x > 0.0)),
                    KernelActivation::Tanh => 1.0 / (x.cosh() * x.cosh()),
                    KernelActivation::Sigmoid => 1.0 / (2.0 + x.exp() + (-x).exp()),
                };
                let slope = function.slope().evaluate(&[y]);
                assert!((slope - expected).abs() < 1e-15, "{function:?} of {x}");
            }
        }
    }
}
