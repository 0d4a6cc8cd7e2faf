//! Sine and cosine.

use super::{Entry, Shape, Spelling};

/// WGSL's accuracy: 2⁻¹¹ within [−π, π]. It says nothing of the rest but that values are in [−1, 1].
fn error(x: f64, _: f64) -> f64 {
    if x.abs() <= std::f64::consts::PI {
        1.0 / 2048.0
    } else {
        2.0
    }
}

pub(super) const SIN: Entry = Entry {
    name: "sin",
    value: f64::sin,
    slope: Some(|x, _| x.cos()),
    error,
    shape: Shape::Wave,
    spelling: Spelling::Builtin("sin"),
};

pub(super) const COS: Entry = Entry {
    name: "cos",
    value: f64::cos,
    slope: Some(|x, _| -x.sin()),
    error,
    shape: Shape::Wave,
    spelling: Spelling::Builtin("cos"),
};
