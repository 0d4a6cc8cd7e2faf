//! Sine and cosine.

use super::{Entry, HALF, Shape, helper};

/// Relative: the argument is reduced in integers, so that 3 roundings are between it and the polynomials, at
/// a slope of at most 1.
fn error(_: f64, y: f64) -> f64 {
    8.0 * HALF * y
}

pub(super) const SIN: Entry = Entry {
    name: "sin",
    value: f64::sin,
    slope: Some(|x, _| x.cos()),
    error,
    shape: Shape::Wave,
    spelling: helper!("sin"),
};

pub(super) const COS: Entry = Entry {
    name: "cos",
    value: f64::cos,
    slope: Some(|x, _| -x.sin()),
    error,
    shape: Shape::Wave,
    spelling: helper!("cos", Sin),
};
