//! Continuous Bernoullis on [0, 1]: Loaiza-Ganem and Cunningham, *The continuous Bernoulli* (2019).

use super::{Density, Location, Support};

/// p(x) = C(λ)·λˣ·(1 − λ)¹⁻ˣ with λ = sigmoid(l). As ln C = ln(l / tanh(l/2)) and softplus(l) = l/2 +
/// ln(2 cosh(l/2)), −ln p(x) = ln(sinh(l/2) / (l/2)) + l·(½ − x).
///
/// Its mean is 1 / (1 − e⁻ˡ) − 1/l = ½ + ½·(coth(l/2) − 2/l).
pub(super) const DENSITY: Density = Density {
    name: "continuous-bernoulli",
    source: "continuous Bernoulli: Loaiza-Ganem and Cunningham 2019",
    nll: |l, _, x| (0.5 * &l).ln_sinhc() + l * (0.5 - x),
    support: Support::UnitInterval,
    location: Location::Output,
    mean: |l, _| 0.5 + 0.5 * (0.5 * l).langevin(),
    scale: None,
    head: None,
};
