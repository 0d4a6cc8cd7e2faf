//! Exponentials and logarithms.

use super::{Entry, HALF, Shape, Spelling, ULP, helper};
use crate::expr::less;

/// WGSL's accuracy of exp, relative: 3 + 2|x| units in the last place.
pub(super) fn exp_error(x: f64) -> f64 {
    (3.0 + 2.0 * x.abs()) * ULP
}

/// Likewise absolute, 0 where exp is.
pub(super) fn exp_deviation(x: f64) -> f64 {
    let y = x.exp();
    if y == 0.0 { 0.0 } else { exp_error(x) * y }
}

pub(super) const EXP: Entry = Entry {
    name: "exp",
    value: f64::exp,
    slope: Some(|_, y| y.clone()),
    error: |x, _| exp_deviation(x),
    shape: Shape::Monotone,
    spelling: Spelling::Builtin("exp"),
};

/// A polynomial below ½, where three roundings of at most a quarter of the sum join its own; elsewhere
/// exp and a difference.
pub(super) fn expm1_error(x: f64) -> f64 {
    let y = x.exp_m1().abs();
    if x.abs() < 0.5 {
        4.0 * HALF * y
    } else {
        exp_deviation(x) + HALF * y
    }
}

pub(super) const EXPM1: Entry = Entry {
    name: "expm1",
    value: f64::exp_m1,
    slope: Some(|x, _| x.exp()),
    error: |x, _| expm1_error(x),
    shape: Shape::Monotone,
    spelling: helper!("expm1"),
};

fn expm1_minus(x: f64) -> f64 {
    if x.abs() >= 1.0 {
        return x.exp_m1() - x;
    }
    // x²/2 · (1 + x/3 · (1 + x/4 · (…))), to below 2⁻⁵³ for |x| ≤ 1.
    let series = (3..=20)
        .rev()
        .fold(1.0, |sum, n| 1.0 + x / f64::from(n) * sum);
    0.5 * x * x * series
}

pub(super) const EXPM1_MINUS: Entry = Entry {
    name: "expm1_minus",
    value: expm1_minus,
    slope: Some(|x, _| x.expm1()),
    // Below 1 a polynomial, whose terms are at most 1.4 times their sum; elsewhere exp and two differences.
    error: |x, y| {
        if x.abs() < 1.0 {
            9.0 * HALF * y
        } else {
            exp_deviation(x) + 2.0 * HALF * (1.0 + x.abs()) + HALF * y
        }
    },
    shape: Shape::Turning(0.0),
    spelling: helper!("expm1_minus"),
};

/// Of 2·artanh by its series: 5 half units of the division, the rest of sums and products.
const ARTANH: f64 = 12.0 * HALF;

pub(super) const LN: Entry = Entry {
    name: "ln",
    value: f64::ln,
    slope: Some(|x, _| 1.0 / x),
    // Between ½ and 2 by the inverse hyperbolic tangent, elsewhere as WGSL's log: 3 units in the last place.
    error: |x, y| {
        if (0.5..=2.0).contains(&x) {
            ARTANH * y
        } else {
            3.0 * ULP * y
        }
    },
    shape: Shape::Monotone,
    spelling: helper!("ln"),
};

/// Likewise, with the rounding of 1 + x.
pub(super) fn ln1p_error(x: f64) -> f64 {
    let y = x.ln_1p().abs();
    if (-0.5..=1.0).contains(&x) {
        ARTANH * y
    } else {
        3.0 * ULP * y + HALF
    }
}

pub(super) const LN1P: Entry = Entry {
    name: "ln1p",
    value: f64::ln_1p,
    slope: Some(|x, _| 1.0 / (x + 1.0)),
    error: |x, _| ln1p_error(x),
    shape: Shape::Monotone,
    spelling: helper!("ln1p"),
};

pub(super) const SOFTPLUS: Entry = Entry {
    name: "softplus",
    value: |x| {
        if x > 0.0 {
            x + (-x).exp().ln_1p()
        } else {
            x.exp().ln_1p()
        }
    },
    slope: Some(|x, _| x.sigmoid()),
    // That of exp(−|x|), at a slope of at most 1, of ln1p and of the sum.
    error: |x, y| {
        let t = (-x.abs()).exp();
        exp_deviation(-x.abs()) / (1.0 + t) + ln1p_error(t) + HALF * y
    },
    shape: Shape::Monotone,
    spelling: helper!("softplus", Ln1p),
};

/// Without a difference at either side.
fn sigmoid(x: f64) -> f64 {
    let t = (-x.abs()).exp();
    if x < 0.0 {
        t / (1.0 + t)
    } else {
        1.0 / (1.0 + t)
    }
}

pub(super) const SIGMOID: Entry = Entry {
    name: "sigmoid",
    value: sigmoid,
    slope: Some(|_, y| y * (1.0 - y)),
    // That of exp(−|x|), of a sum and of a division.
    error: |x, y| exp_deviation(-x.abs()) + 8.0 * HALF * y,
    shape: Shape::Monotone,
    spelling: helper!("sigmoid"),
};

pub(super) const ELU: Entry = Entry {
    name: "elu",
    value: |x| if x > 0.0 { x } else { x.exp_m1() },
    slope: Some(|x, _| less(0.0, x, 1.0, x.min(0.0).exp())),
    error: |x, _| if x > 0.0 { 0.0 } else { expm1_error(x) },
    shape: Shape::Monotone,
    spelling: helper!("elu", Expm1),
};
