//! Gaussians, as Kingma and Welling (2013), appendix C.2, have them.

use super::{Density, Location, LogScale, Support};
use crate::expr::HALF_LN_TAU;

/// −ln p(x) = ½·((m − x)²·exp(−log σ²) + log σ²) + ½ ln 2π; the scale is log σ². Over many pixels
/// their sum is least where σ² is the mean of (m − x)².
pub(super) const DENSITY: Density = Density {
    name: "gaussian",
    source: "Gaussian: Kingma and Welling 2013, appendix C.2",
    nll: |m, logvar, x| 0.5 * ((m - x).square() * (-&logvar).exp() + logvar) + HALF_LN_TAU,
    support: Support::Real,
    location: Location::SigmoidIfScaled,
    mean: |m, _| m,
    scale: Some(LogScale {
        parameter: "logvar",
        bound: 6.0,
        optimum: Some(|m, x| (m - x).square()),
    }),
    head: None,
};
