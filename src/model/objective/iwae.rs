//! The importance-weighted bound: Burda, Grosse and Salakhutdinov, *Importance Weighted Autoencoders*
//! (2016). The objectives that are made of the same weights take them from here.

use super::super::Formula;
use super::super::divergence::gaussian_excess;
use super::super::vae::{Inputs, Noise, Pass, Vae};
use super::draws::Draws;
use crate::expr::{Expr, operand};
use crate::graph::{Graph, Reduction, TensorId};
use crate::setting::Setting;

/// What text calls ln Σ w of an image.
pub(super) const TOTAL: &str = "logsumexp(log_weight)";

/// ln w of a sample from its terms recon and excess (operands 0 and 1).
fn log_weight() -> Expr {
    -(operand(0) + operand(1))
}

/// −ln of the mean of weights from ln Σ w (operand 0).
fn bound(log_samples: Expr) -> Expr {
    log_samples - operand(0)
}

/// The formulas of the weights.
pub(super) fn weight_formulas(of: &'static str) -> Vec<Formula> {
    vec![
        Formula {
            name: "excess",
            expr: gaussian_excess(),
            operands: vec!["z", "mu", "logvar"],
            of: "ln q(z | x) - ln p(z), summed over the latent's dimensions",
        },
        Formula {
            name: "log_weight",
            expr: log_weight(),
            operands: vec!["recon", "excess"],
            of,
        },
    ]
}

/// The formula of the bound, of what `of` says.
pub(super) fn bound_formula(of: &'static str) -> Formula {
    Formula {
        name: "bound",
        expr: bound(operand(1)),
        operands: vec![TOTAL, "ln(K)"],
        of,
    }
}

/// The formulas of the bound.
pub(super) fn formulas() -> Vec<Formula> {
    let mut formulas = weight_formulas("of each of the K samples");
    formulas.push(bound_formula("of each image"));
    formulas
}

/// What its settings are, and where they come from.
pub(super) const SETTINGS: [(Setting, &str); 1] = [(
    Setting::Samples,
    "K of Burda, Grosse and Salakhutdinov 2016",
)];

/// ln w = ln p(x, z) − ln q(z | x) of each draw `[rows]`.
pub(super) fn log_weights(g: &mut Graph, recon: TensorId, excess: TensorId) -> TensorId {
    let rows = g.shape(recon).rows();
    let operands = [recon.into(), excess.into()];
    g.pointwise("log_weight", [rows, 1], log_weight(), &operands)
}

/// ln Σ w of each `count` consecutive draws, and −ln of their mean: `[rows / count]` each.
pub(super) fn bounds(
    g: &mut Graph,
    name: &str,
    log_weights: TensorId,
    count: usize,
) -> [TensorId; 2] {
    let groups = g.shape(log_weights).rows() / count;
    let total = g.reduce("log_weights", Reduction::LogSumExp, log_weights, count);
    let log_count = (count as f64).ln();
    let bound = g.pointwise(name, [groups, 1], bound(log_count.into()), &[total.into()]);
    [total, bound]
}

/// The term `bound`: −ln of the mean of K weights w = p(x, z) / q(z | x); `recon` and `kl` are reported. With
/// `groups` of K draws for an image, it is the mean of the bounds of each.
pub(super) fn add_terms(
    vae: &Vae,
    g: &mut Graph,
    inputs: Inputs,
    noise: Noise,
    groups: usize,
    samples: usize,
) -> Pass {
    let draws = Draws::new(vae, g, inputs, noise, groups * samples);
    let (outputs, recon) = draws.decode(g);
    let excess = draws.excess(g);
    let log_weights = log_weights(g, recon, excess);
    let [_, bound] = bounds(g, "bound", log_weights, samples);
    g.add_term("bound", bound, 1.0);
    g.add_term("recon", recon, 0.0);
    draws.report_kl(g, excess);
    draws.pass(g, outputs)
}
