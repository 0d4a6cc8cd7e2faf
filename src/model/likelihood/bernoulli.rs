//! Bernoullis, as Kingma and Welling (2013), appendix C.1, have them; grey pixels count as probabilities.

use super::{Density, Location, Support};

/// −ln p(x) = softplus(l) − l·x with the logit l.
pub(super) const DENSITY: Density = Density {
    name: "bernoulli",
    source: "Bernoulli: Kingma and Welling 2013, appendix C.1",
    nll: |l, _, x| l.softplus() - l * x,
    support: Support::UnitInterval,
    location: Location::Output,
    mean: |l, _| l.sigmoid(),
    scale: None,
    head: None,
};
