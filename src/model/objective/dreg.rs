//! The doubly reparameterised gradient of the importance-weighted bound: Tucker, Lawson, Gu and Maddison,
//! *Doubly Reparameterized Gradient Estimators for Monte Carlo Objectives* (2018).

use super::super::Formula;
use super::super::vae::{Inputs, Noise, Pass, Vae};
use super::draws::Draws;
use super::iwae::{self, TOTAL, bounds, log_weights};
use crate::expr::{Expr, operand};
use crate::graph::{Graph, Operand};

/// A sample's share of an image's weights from ln w and ln Σ w (operands 0 and 1).
fn share() -> Expr {
    (operand(0) - operand(1)).exp()
}

/// The formulas of the bound, and of what its gradient adds.
pub(super) fn formulas() -> Vec<Formula> {
    let mut formulas = iwae::formulas();
    formulas.push(Formula {
        name: "share",
        expr: share(),
        operands: vec!["log_weight", TOTAL],
        of: "which multiplies the gradient that reaches the encoder through z",
    });
    formulas
}

/// The terms of the importance-weighted bound. q's parameters within ln q count as constants, and the gradient
/// that reaches the encoder through z is multiplied by each sample's share of the weights.
pub(super) fn add_terms(
    vae: &Vae,
    g: &mut Graph,
    inputs: Inputs,
    noise: Noise,
    samples: usize,
) -> Pass {
    let draws = Draws::new(vae, g, inputs, noise, samples);
    let (scaled, q) = (draws.drawn.scaled(g), draws.heads.stopped(g));
    let (outputs, recon) = draws.decode_at(g, scaled.z);
    let excess = draws.excess_at(g, &q, &scaled);
    let log_weights = log_weights(g, recon, excess);
    let [total, bound] = bounds(g, "bound", log_weights, samples);
    let rows = g.shape(scaled.z).rows();
    let operands = [log_weights.into(), Operand::row(total).repeated(samples)];
    let share = g.pointwise("share", [rows, 1], share(), &operands);
    g.set_gradient_scale(scaled.z, share);
    g.add_term("bound", bound, 1.0);
    g.add_term("recon", recon, 0.0);
    draws.report_kl(g, excess);
    draws.pass(g, outputs)
}
