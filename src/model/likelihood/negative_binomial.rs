//! Negative binomials of counts, which are Poissons whose rates are drawn from Gammas: Lopez et al., *Deep
//! generative modeling for single-cell transcriptomics* (2018), equation 4 and their scVI's likelihood `nb`.

use super::{Density, Location, LogScale, Support};
use crate::expr::{Expr, less};

/// With the mean μ and the inverse dispersion θ, of which the variance is μ + μ²/θ,
///
/// −ln p(x) = θ·ln(1 + μ/θ) + x·ln(1 + θ/μ) + ln Γ(x + 1) − ln(Γ(θ + x) / Γ(θ)),
///
/// from ln μ; the scale is ln θ. Both first terms are softplus functions of ±(ln μ − ln θ), so that neither
/// 1 + μ/θ is rounded nor anything small is added to a logarithm's argument.
pub(super) const DENSITY: Density = Density {
    name: "negative-binomial",
    source: "negative binomial: counts about a share of their image's sum, of variance mu + mu^2/theta, \
             as in scVI, Lopez et al. 2018",
    nll: |log_mean, log_theta, x| {
        let ratio = log_mean - &log_theta;
        log_theta.exp() * ratio.softplus() + &x * (-ratio).softplus() + (&x + 1.0).lgamma()
            - ln_rising(log_theta, x)
    },
    support: Support::Counts,
    location: Location::LogMean,
    mean: |log_mean, _| log_mean.exp(),
    scale: Some(LogScale {
        parameter: "log_theta",
        bound: 10.0,
        optimum: None,
    }),
    head: None,
};

/// From this θ on, ln Γ is taken from its series: what the series leaves out is below 1/(1680·8⁷), 3·10⁻¹⁰.
const LARGE: f64 = 8.0;

/// ln(Γ(θ + x) / Γ(θ)) = ln(θ·(θ + 1)·…·(θ + x − 1)) from ln θ. Of a large θ the difference of two ln Γ
/// would lose its digits in f32; by Stirling's series it is
///
/// (θ + x − ½)·ln(1 + x/θ) + x·ln θ − x + r(θ + x) − r(θ) with r(θ) = 1/(12θ) − 1/(360θ³) + 1/(1260θ⁵).
fn ln_rising(log_theta: Expr, x: Expr) -> Expr {
    let theta = log_theta.exp();
    let sum = &theta + &x;
    let reciprocal = 1.0 / &theta;
    let rest = |reciprocal: Expr| {
        let square = reciprocal.square();
        (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0) * &square) * &square) * reciprocal
    };
    let of_large = (&sum - 0.5) * (&x * &reciprocal).ln1p() + &x * &log_theta - &x
        + (rest(1.0 / &sum) - rest(reciprocal));
    let of_small = sum.lgamma() - theta.lgamma();
    less(log_theta, LARGE.ln(), of_small, of_large)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::operand;

    /// Against the sum of ln(θ + k), for θ on both sides of where the formulas change.
    #[test]
    fn the_rising_product_is_that_of_its_factors_in_f32_too() {
        let [log_theta, x] = [0, 1].map(operand);
        let expr = ln_rising(log_theta, x);
        for log_theta in [-10.0_f32, -3.0, 0.0, 1.5, 2.07, 2.08, 4.0, 7.0, 10.0] {
            let theta = f64::from(log_theta).exp();
            for x in [0.0_f32, 1.0, 2.0, 7.0, 40.0, 255.0, 3000.0] {
                let factors = (0..x as u32).map(|k| (theta + f64::from(k)).ln());
                let exact: f64 = factors.sum();
                let given = [f64::from(log_theta), f64::from(x)];
                let found = expr.evaluate(&given);
                let size = exact.abs() + f64::from(x);
                assert!((found - exact).abs() <= 1e-9 + 1e-13 * size, "{theta}, {x}");
                // Whatever a GPU makes of it is as near as its terms' sizes allow: x·ln θ of a large θ, and of
                // one below 8 two ln Γ, whose errors count y + x·ln x, 25 at 8.
                let bounded = expr.bounded(&[log_theta, x]);
                let size = size + f64::from(x) * (theta + f64::from(x)).ln().abs() + 50.0;
                assert!(bounded.error <= 2e-6 * size, "{theta}, {x}: {bounded:?}");
            }
        }
    }
}
