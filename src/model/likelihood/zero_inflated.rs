//! Zero-inflated negative binomials: a count is not seen at all with a probability of its own. Lopez et al.,
//! *Deep generative modeling for single-cell transcriptomics* (2018), equation 5 and their scVI's `zinb`.

use super::{Density, Head, negative_binomial};
use crate::expr::{Expr, less};

/// p(x) = π·[x = 0] + (1 − π)·p′(x) with p′ the negative binomial and π = sigmoid(g) of the second output g.
pub(super) const DENSITY: Density = Density {
    name: "zero-inflated-negative-binomial",
    source: "negative binomial with more zeros, of the probability sigmoid(g), for counts that were not \
             seen: scVI, Lopez et al. 2018",
    head: Some(Head {
        name: "zero_logit",
        nll,
        mean: |mean, g| mean * (-g).sigmoid(),
    }),
    ..negative_binomial::DENSITY
};

/// Of a count above 0, −ln(1 − π) − ln p′(x) with −ln(1 − π) = softplus(g). Of 0, with a = ln p′(0),
///
/// −ln(π + (1 − π)·eᵃ) = softplus(g) − ln(eᵍ + eᵃ),
///
/// in which the larger of eᵍ and eᵃ is taken out, so that the rest is a softplus of what is negative.
fn nll(nll: &dyn Fn(Expr) -> Expr, g: Expr, x: Expr) -> Expr {
    let no_count = nll(0.0.into());
    let more = &g + &no_count;
    let of_none = less(
        &more,
        0.0,
        g.softplus() + no_count - more.softplus(),
        (-&g).softplus() - (-&more).softplus(),
    );
    less(&x, 0.5, of_none, g.softplus() + nll(x.clone()))
}
