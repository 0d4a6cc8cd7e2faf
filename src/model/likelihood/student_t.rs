//! Student's t, whose heavy tails forgive outliers; five degrees of freedom.

use super::{Density, Location, LogScale, Support};

/// Degrees of freedom, ν.
pub const NU: f64 = 5.0;

/// ½ ln(νπ) + ln Γ(ν/2) − ln Γ((ν + 1)/2), with Γ(5/2) = ¾√π and Γ(3) = 2.
const NORMALISER: f64 = 0.968_619_589_054_724_3;

/// −ln p(x) = ½(ν + 1)·ln(1 + t²/ν) + log s + ½ ln(νπ) + ln Γ(ν/2) − ln Γ((ν + 1)/2) with t = (x − m)/s;
/// the scale is log s.
pub(super) const DENSITY: Density = Density {
    name: "student-t",
    source: "Student's t with five degrees of freedom",
    nll: |m, log_s, x| {
        let t = (x - m) * (-&log_s).exp();
        0.5 * (NU + 1.0) * ((1.0 / NU) * t.square()).ln1p() + log_s + NORMALISER
    },
    support: Support::Real,
    location: Location::SigmoidIfScaled,
    mean: |m, _| m,
    scale: Some(LogScale {
        parameter: "log_scale",
        bound: 5.0,
        optimum: None,
    }),
    head: None,
};

#[cfg(test)]
mod tests {
    use super::{NORMALISER, NU};
    use crate::expr::constant;

    #[test]
    fn the_normaliser_is_that_of_the_density() {
        let lgamma = |x: f64| constant(x).lgamma().evaluate::<f64>(&[]);
        let expected =
            0.5 * (NU * std::f64::consts::PI).ln() + lgamma(0.5 * NU) - lgamma(0.5 * (NU + 1.0));
        assert!((NORMALISER - expected).abs() < 1e-14, "{expected}");
    }
}
