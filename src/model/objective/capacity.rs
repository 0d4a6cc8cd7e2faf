//! A capacity that rises: Burgess, Higgins, Pal, Matthey, Watters, Desjardins and Lerchner, *Understanding
//! disentangling in β-VAE* (2018).
//!
//! The divergence is an expectation over the images in the paper, so that the distance is that of the batch's
//! mean from C, not the mean of the images' distances: images may differ in what they need.

use super::super::Formula;
use super::super::vae::{Inputs, Noise, Pass, Vae};
use super::draws::Draws;
use crate::expr::{Expr, operand};
use crate::graph::{Graph, Operand, Ramp};
use crate::setting::Setting;

/// recon + γ·|KL − C·ramp|, where KL is the mean over the batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Capacity {
    /// γ, the weight of the distance.
    pub weight: f64,
    /// C, the nats at which the divergence is held.
    pub nats: f64,
    /// How C follows the step while training.
    pub ramp: Ramp,
    /// Draws of z for an image.
    pub samples: usize,
}

impl Default for Capacity {
    /// The paper's: γ is 1000, and C ends at 25 nats.
    fn default() -> Self {
        Self {
            weight: 1000.0,
            nats: 25.0,
            ramp: Ramp::NONE,
            samples: 1,
        }
    }
}

/// |KL − C| from the sum of the divergences, one over their number, and C (operands 0 to 2).
fn gap(share: Expr) -> Expr {
    (share * operand(0) - operand(2)).abs()
}

/// The formula of its distance.
pub(super) fn formulas() -> Vec<Formula> {
    vec![Formula {
        name: "kl_gap",
        expr: gap(operand(1)),
        operands: vec!["sum(kl)", "(1 / B)", "C"],
        of: "of B images",
    }]
}

/// What its settings are, and where they come from.
pub(super) const SETTINGS: [(Setting, &str); 4] = [
    (Setting::Samples, "L of Kingma and Welling 2013"),
    (Setting::Capacity, "C of Burgess et al. 2018"),
    (
        Setting::CapacitySteps,
        "the same paper, whose capacity rises over 100000",
    ),
    (Setting::CapacityWeight, "gamma of the same paper"),
];

impl Capacity {
    /// The terms `recon` and `kl_gap`; `kl` is reported.
    pub(super) fn add_terms(&self, vae: &Vae, g: &mut Graph, inputs: Inputs, noise: Noise) -> Pass {
        let draws = Draws::new(vae, g, inputs, noise, self.samples);
        let (outputs, recon) = draws.decode(g);
        let kl = draws.kl(g);
        let share = 1.0 / g.shape(kl).rows() as f64;
        let sum = g.column_sum("kl.sum", kl);
        let capacity = g.ramp("capacity", [1], self.nats, self.ramp);
        let operands = [sum, sum, capacity].map(Operand::from);
        let gap = g.pointwise("kl_gap", [1, 1], gap(share.into()), &operands);
        g.add_term("recon", recon, 1.0);
        g.add_term("kl_gap", gap, self.weight as f32);
        g.add_term("kl", kl, 0.0);
        draws.pass(g, outputs)
    }
}
