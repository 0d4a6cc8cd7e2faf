//! ln Γ and its derivatives, for positive arguments: not a number below zero, infinite at zero.

use super::{Entry, HALF, Shape, helper, polynomial};

/// Where ψ is zero, and ln Γ smallest.
const ROOT: f64 = 1.461_632_144_968_362_3;

pub(super) const LGAMMA: Entry = Entry {
    name: "lgamma",
    value: |x| if x < 0.0 { f64::NAN } else { libm::lgamma(x) },
    slope: Some(|x, _| x.digamma()),
    // Polynomials about the roots 1 and 2, which the argument's distance multiplies. Below ½ and to 4.5 ln
    // of a product joins them; beyond, Stirling's formula.
    error: |x, y| {
        if x < 0.5 {
            8.0 * HALF * (y + 1.0)
        } else if x < 2.5 {
            10.0 * HALF * y
        } else if x < 4.5 {
            14.0 * HALF * (y + 1.0)
        } else {
            8.0 * HALF * (y + x.ln() * x)
        }
    },
    shape: Shape::Turning(ROOT),
    spelling: helper!("lgamma", Ln),
};

/// From here on the asymptotic series in 1/x² below hold to 10⁻¹⁷.
const ASYMPTOTIC: f64 = 12.0;

/// ψ(x) = ψ(x + 1) − 1/x up to where ln x − 1/(2x) − Σ B₂ₖ / (2k·x²ᵏ) holds.
fn digamma(x: f64) -> f64 {
    if x < 0.0 {
        return f64::NAN;
    }
    let (mut x, mut sum) = (x, 0.0);
    while x < ASYMPTOTIC {
        sum += 1.0 / x;
        x += 1.0;
    }
    let t = 1.0 / (x * x);
    let series = polynomial(
        t,
        &[
            1.0 / 12.0,
            -1.0 / 120.0,
            1.0 / 252.0,
            -1.0 / 240.0,
            1.0 / 132.0,
            -691.0 / 32_760.0,
            1.0 / 12.0,
            -3617.0 / 8160.0,
        ],
    );
    x.ln() - 0.5 / x - t * series - sum
}

pub(super) const DIGAMMA: Entry = Entry {
    name: "digamma",
    value: digamma,
    slope: Some(|x, _| x.trigamma()),
    // Absolute about the root, where terms of about 1 cancel; relative far from it.
    error: |_, y| 10.0 * HALF * (y + 1.0),
    shape: Shape::Monotone,
    spelling: helper!("digamma", Ln),
};

/// ψ′(x) = ψ′(x + 1) + 1/x² up to where 1/x + 1/(2x²) + Σ B₂ₖ / x²ᵏ⁺¹ holds.
fn trigamma(x: f64) -> f64 {
    if x < 0.0 {
        return f64::NAN;
    }
    let (mut x, mut sum) = (x, 0.0);
    while x < ASYMPTOTIC {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    let t = 1.0 / (x * x);
    let series = polynomial(
        t,
        &[
            1.0 / 6.0,
            -1.0 / 30.0,
            1.0 / 42.0,
            -1.0 / 30.0,
            5.0 / 66.0,
            -691.0 / 2730.0,
            7.0 / 6.0,
            -3617.0 / 510.0,
        ],
    );
    1.0 / x + 0.5 * t + t / x * series + sum
}

pub(super) const TRIGAMMA: Entry = Entry {
    name: "trigamma",
    value: trigamma,
    slope: None,
    // Sums of positive terms, of which 1/x² has the largest error: two divisions and a product.
    error: |_, y| 16.0 * HALF * y,
    shape: Shape::Monotone,
    spelling: helper!("trigamma"),
};
