//! PIWAE: Rainforth et al., *Tighter Variational Bounds are Not Necessarily Better* (2018). The
//! encoder descends MIWAE(M, K), whose gradient is less noise, and the decoder, with the prior, the
//! importance-weighted bound of all M·K samples, which is the tightest.
//!
//! Both gradients are sums of ∂ ln w over the samples, with other coefficients: w over Σ w of its group of K
//! samples, divided by M, for the encoder; w over Σ w of all M·K for the decoder. Their quotient is
//! r = M · Σ_group w / Σ_all w, which is at most M. One backward pass has both: it begins with the encoder's
//! coefficients, the gradient that enters ln p(x, z) is multiplied by r, and the one that leaves it through z is
//! divided by r. What goes to the encoder through ln q passes neither.
//!
//! Where a group's weights are next to nothing beside those of the image's others, r would be too small to divide
//! by. It is held above e⁻⁴⁰. The encoder's gradient is exact all the same, since one factor undoes the other, and
//! in the decoder's a sample counts at most e⁻⁴⁰ of what it counts in the encoder's, far below rounding.

use super::super::Formula;
use super::super::vae::{Inputs, Noise, Pass, Vae};
use super::draws::Draws;
use super::iwae::{TOTAL, bound_formula, bounds};
use crate::expr::{Expr, operand};
use crate::graph::{Graph, Operand};

/// The least ln r.
const LEAST: f64 = -40.0;

/// −ln p(x, z) of a sample from recon and −ln p(z) (operands 0 and 1).
fn joint() -> Expr {
    operand(0) + operand(1)
}

/// ln w of a sample from −ln p(x, z) and −ln q(z | x) (operands 0 and 1).
fn log_weight() -> Expr {
    operand(1) - operand(0)
}

/// ln r of a group from its ln Σ w and the image's (operands 0 and 1).
fn log_ratio(log_groups: Expr) -> Expr {
    (operand(0) - operand(1) + log_groups).max(LEAST)
}

/// r of a group, likewise.
fn ratio(log_groups: Expr) -> Expr {
    log_ratio(log_groups).exp()
}

/// 1 / r of a group, likewise.
fn inverse_ratio(log_groups: Expr) -> Expr {
    (-log_ratio(log_groups)).exp()
}

/// The formulas of both bounds and of how the gradients differ.
pub(super) fn formulas() -> Vec<Formula> {
    vec![
        Formula {
            name: "joint",
            expr: joint(),
            operands: vec!["recon", "prior_nll"],
            of: "-ln p(x, z) of each of the M * K samples",
        },
        Formula {
            name: "log_weight",
            expr: log_weight(),
            operands: vec!["joint", "posterior_nll"],
            of: "of each of the M * K samples",
        },
        bound_formula("of each of an image's M groups of K samples, which the encoder descends"),
        Formula {
            name: "ratio",
            expr: ratio(operand(2)),
            operands: vec![TOTAL, "logsumexp(all)", "ln(M)"],
            of: "which multiplies the gradient that enters ln p(x, z), and divides the one that leaves it through \
                 z: the decoder descends iwae, the bound of all M * K samples",
        },
    ]
}

/// The terms `bound`, of which the encoder has the gradient, and `iwae`, of which the decoder and the prior
/// have it; `recon` and `kl` are reported. `groups` is M, and `samples` K.
pub(super) fn add_terms(
    vae: &Vae,
    g: &mut Graph,
    inputs: Inputs,
    noise: Noise,
    groups: usize,
    samples: usize,
) -> Pass {
    let of_image = groups * samples;
    let draws = Draws::new(vae, g, inputs, noise, of_image);
    let rows = g.shape(draws.drawn.z).rows();
    let z = g.scale_gradient("z.scaled", draws.drawn.z);
    let (outputs, recon) = draws.decode_at(g, z);
    let prior = draws.prior_nll(g, z);
    let operands = [recon.into(), prior.into()];
    let joint = g.pointwise("joint", [rows, 1], joint(), &operands);
    let scaled = g.scale_gradient("joint.scaled", joint);
    let posterior = draws.posterior_nll(g);
    let operands = [scaled.into(), posterior.into()];
    let log_weights = g.pointwise("log_weight", [rows, 1], log_weight(), &operands);

    let [total, bound] = bounds(g, "bound", log_weights, samples);
    let [of_all, iwae] = bounds(g, "iwae", log_weights, of_image);
    let operands = [
        Operand::row(total).repeated(samples),
        Operand::row(of_all).repeated(of_image),
    ];
    let log_groups = || (groups as f64).ln().into();
    let factor = g.pointwise("ratio", [rows, 1], ratio(log_groups()), &operands);
    g.set_gradient_scale(scaled, factor);
    let inverse = inverse_ratio(log_groups());
    let factor = g.pointwise("ratio.inverse", [rows, 1], inverse, &operands);
    g.set_gradient_scale(z, factor);

    g.add_term("bound", bound, 1.0);
    g.add_term("iwae", iwae, 0.0);
    g.add_term("recon", recon, 0.0);
    let kl = draws.kl(g);
    g.add_term("kl", kl, 0.0);
    draws.pass(g, outputs)
}
