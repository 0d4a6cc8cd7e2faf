//! The squared error of sigmoid outputs: no density, but what textbooks print.

use super::{Density, Location, Support};

/// (y − x)².
pub(super) const DENSITY: Density = Density {
    name: "squared-error",
    source: "squared error of sigmoid outputs: no density, but what textbooks print",
    nll: |y, _, x| (y - x).square(),
    support: Support::Real,
    location: Location::Sigmoid,
    mean: |y, _| y,
    scale: None,
    head: None,
};
