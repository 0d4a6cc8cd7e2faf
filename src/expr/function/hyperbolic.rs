//! Hyperbolic functions, with those of the hyperspherical and von Mises–Fisher distributions.

use super::exponential::{exp_deviation, expm1_error, ln1p_error};
use super::{Entry, HALF, Shape, helper};

pub(super) const TANH: Entry = Entry {
    name: "tanh",
    value: f64::tanh,
    slope: Some(|_, y| 1.0 - y.square()),
    // −t / (2 + t) with t = expm1(−2|x|), which it follows with at most 2 / (2 + t) of its relative error.
    error: |x, y| {
        let t = (-2.0 * x.abs()).exp_m1();
        let followed = if t == 0.0 {
            8.0 * HALF
        } else {
            2.0 / (2.0 + t) * expm1_error(-2.0 * x.abs()) / t.abs()
        };
        (followed + 7.0 * HALF) * y
    },
    shape: Shape::Monotone,
    spelling: helper!("tanh", Expm1),
};

/// Where series end and exponentials begin.
const FAR: f64 = 2.0;

/// Σₖ c(k)·x²ᵏ for |x| < 2, where c(k) falls as 4ᵏ / (2k)!.
fn even_series(x: f64, coefficient: impl Fn(i32) -> f64) -> f64 {
    let t = x * x;
    (0..24).rev().fold(0.0, |sum, k| coefficient(k) + t * sum)
}

/// 1 / n!.
fn inverse_factorial(n: i32) -> f64 {
    (2..=n).fold(1.0, |product, k| product / f64::from(k))
}

/// sinh x / x − 1, over x².
fn sinhc_minus_one(x: f64) -> f64 {
    even_series(x, |k| inverse_factorial(2 * k + 3))
}

fn ln_sinhc(x: f64) -> f64 {
    let a = x.abs();
    if a < FAR {
        (x * x * sinhc_minus_one(x)).ln_1p()
    } else if a.is_finite() {
        (a - a.ln()) - std::f64::consts::LN_2 + (-(-2.0 * a).exp()).ln_1p()
    } else {
        a
    }
}

pub(super) const LN_SINHC: Entry = Entry {
    name: "ln_sinhc",
    value: ln_sinhc,
    slope: Some(|x, _| x.langevin()),
    // Below 2, ln1p of a sum of positive terms with 5 roundings; elsewhere the sum of |x|, ln |x| and ln 2.
    error: |x, y| {
        let a = x.abs();
        if a < FAR {
            let q = x * x * sinhc_minus_one(x);
            5.0 * HALF * q / (1.0 + q) + ln1p_error(q)
        } else {
            let logarithm = if a > 2.0 {
                6.0 * HALF * a.ln()
            } else {
                12.0 * HALF
            };
            logarithm + 2.0 * HALF * a + 2.0 * HALF * y + 4.0 * HALF
        }
    },
    shape: Shape::Turning(0.0),
    spelling: helper!("ln_sinhc", Ln1p),
};

/// (x·cosh x − sinh x) / (x · sinh x), both as series of positive terms.
fn langevin(x: f64) -> f64 {
    if x.abs() < FAR {
        let above = even_series(x, |k| f64::from(2 * k + 2) * inverse_factorial(2 * k + 3));
        x * above / (1.0 + x * x * sinhc_minus_one(x))
    } else {
        1.0 / x.tanh() - 1.0 / x
    }
}

pub(super) const LANGEVIN: Entry = Entry {
    name: "langevin",
    value: langevin,
    slope: Some(|x, _| x.langevin_slope()),
    // Below 2 a quotient of series; elsewhere 1 + 2e/(1 − e) − 1/|x| with e = exp(−2|x|) below 0.02.
    error: |x, y| {
        if x.abs() < FAR {
            20.0 * HALF * y
        } else {
            let e = (-2.0 * x.abs()).exp();
            2.5 * exp_deviation(-2.0 * x.abs())
                + 16.0 * HALF * e
                + 10.0 * HALF * (1.0 / x.abs() + e)
                + 3.0 * HALF
        }
    },
    shape: Shape::Monotone,
    spelling: helper!("langevin"),
};

/// (sinh² x − x²) / (x² · sinh² x), both as series of positive terms.
fn langevin_slope(x: f64) -> f64 {
    if x.abs() < FAR {
        let above = even_series(x, |k| {
            2.0_f64.powi(2 * k + 3) * inverse_factorial(2 * k + 4)
        });
        let sinhc = 1.0 + x * x * sinhc_minus_one(x);
        above / (sinhc * sinhc)
    } else {
        let inverse = 1.0 / x;
        let sinh = 1.0 / x.sinh();
        inverse * inverse - sinh * sinh
    }
}

pub(super) const LANGEVIN_SLOPE: Entry = Entry {
    name: "langevin_slope",
    value: langevin_slope,
    slope: None,
    // As above; elsewhere 1/x² − 4e/(1 − e)².
    error: |x, y| {
        if x.abs() < FAR {
            25.0 * HALF * y
        } else {
            let e = (-2.0 * x.abs()).exp();
            let square = 1.0 / (x * x);
            12.0 * HALF * square + 5.0 * exp_deviation(-2.0 * x.abs()) + 48.0 * HALF * e + HALF * y
        }
    },
    shape: Shape::Turning(0.0),
    spelling: helper!("langevin_slope"),
};
