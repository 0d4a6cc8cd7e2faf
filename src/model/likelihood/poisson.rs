//! Poisson distributions of counts, whose means share out the sum of an image's counts: Lopez et al., *Deep
//! generative modeling for single-cell transcriptomics* (2018), as the likelihood `poisson` of their scVI.

use super::{Density, Location, Support};

/// −ln p(x) = μ − x·ln μ + ln Γ(x + 1), from ln μ.
pub(super) const DENSITY: Density = Density {
    name: "poisson",
    source: "Poisson: counts about a share of their image's sum, as in scVI, Lopez et al. 2018",
    nll: |log_mean, _, x| log_mean.exp() - &x * log_mean + (x + 1.0).lgamma(),
    support: Support::Counts,
    location: Location::LogMean,
    mean: |log_mean, _| log_mean.exp(),
    scale: None,
    head: None,
};
