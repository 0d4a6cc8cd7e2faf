//! Laplace distributions: the absolute error with a scale.

use super::{Density, Location, LogScale, Support};

/// −ln p(x) = |x − m|·exp(−log b) + log b + ln 2; the scale is log b. Over many pixels their sum is
/// least where b is the mean of |x − m|.
pub(super) const DENSITY: Density = Density {
    name: "laplace",
    source: "Laplace: the absolute error with a scale",
    nll: |m, logb, x| (x - m).abs() * (-&logb).exp() + logb + std::f64::consts::LN_2,
    support: Support::Real,
    location: Location::SigmoidIfScaled,
    mean: |m, _| m,
    scale: Some(LogScale {
        parameter: "log_scale",
        bound: 5.0,
        optimum: Some(|m, x| (x - m).abs()),
    }),
    head: None,
};
