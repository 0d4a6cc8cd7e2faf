//! The squared error of sigmoid outputs: no density, but what textbooks print.

use super::{Density, Location};

/// (y − x)².
pub(super) const DENSITY: Density = Density {
    name: "squared-error",
    source: "squared error of sigmoid outputs: no density, but what textbooks print",
    nll: |y, _, x| (y - x).square(),
    location: Location::Sigmoid,
    mean: |y| y,
    scale: None,
};
