//! Functions that round once or not at all.

use super::{Entry, HALF, Shape, Spelling, helper};
use crate::expr::{constant, less};

pub(super) const NEG: Entry = Entry {
    name: "neg",
    value: |x| -x,
    slope: Some(|_, _| constant(-1.0)),
    error: |_, _| 0.0,
    shape: Shape::Monotone,
    spelling: Spelling::Sign,
};

pub(super) const ABS: Entry = Entry {
    name: "abs",
    value: f64::abs,
    slope: Some(|x, _| less(0.0, x, 1.0, less(x, 0.0, -1.0, 0.0))),
    error: |_, _| 0.0,
    shape: Shape::Turning(0.0),
    spelling: Spelling::Builtin("abs"),
};

pub(super) const SQUARE: Entry = Entry {
    name: "square",
    value: |x| x * x,
    slope: Some(|x, _| 2.0 * x),
    error: |_, y| HALF * y,
    shape: Shape::Turning(0.0),
    spelling: helper!("square"),
};

pub(super) const SQRT: Entry = Entry {
    name: "sqrt",
    value: f64::sqrt,
    slope: Some(|_, y| 0.5 / y),
    // WGSL has it as 1 / inverseSqrt(x): 2 units in the last place, and 2.5 of the division.
    error: |_, y| 10.0 * HALF * y,
    shape: Shape::Monotone,
    spelling: Spelling::Builtin("sqrt"),
};

pub(super) const RELU: Entry = Entry {
    name: "relu",
    // What is not a number stays so.
    value: |x| if x < 0.0 { 0.0 } else { x },
    // By the output, which a layer keeps.
    slope: Some(|_, y| less(0.0, y, 1.0, 0.0)),
    error: |_, _| 0.0,
    shape: Shape::Monotone,
    spelling: helper!("relu"),
};

/// exp(80) is finite in f32 and has room for a sum of many.
const CAP: f64 = 80.0;

pub(super) const CAPPED: Entry = Entry {
    name: "capped",
    // What is not a number stays so.
    value: |x| if x > CAP { CAP } else { x },
    slope: Some(|_, _| constant(1.0)),
    error: |_, _| 0.0,
    shape: Shape::Monotone,
    spelling: helper!("capped"),
};
