//! The error function.

use std::f64::consts::FRAC_2_SQRT_PI;

use super::exponential::exp_error;
use super::{Entry, HALF, Shape, helper};

pub(super) const ERF: Entry = Entry {
    name: "erf",
    value: libm::erf,
    slope: Some(|x, _| FRAC_2_SQRT_PI * (-x.square()).exp()),
    // Below 1 a polynomial; to 4, one minus the exp of a polynomial g that is about −x²; then 1.
    error: |x, y| {
        let a = x.abs();
        if a < 1.0 {
            6.0 * HALF * y
        } else if a < 4.0 {
            let rest = libm::erfc(a);
            let g = rest.ln();
            rest * (exp_error(g) + 8.0 * HALF * (1.0 + a * a)) + HALF
        } else {
            HALF
        }
    },
    shape: Shape::Monotone,
    spelling: helper!("erf"),
};
