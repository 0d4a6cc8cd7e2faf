//! Bounds between the ELBO and the importance-weighted one: Rainforth, Kosiorek, Le, Maddison, Igl, Wood and
//! Teh, *Tighter Variational Bounds are Not Necessarily Better* (2018).
//!
//! The more samples an importance-weighted bound has, the more of the encoder's gradient is noise. MIWAE is
//! the mean of M bounds of K samples each: MIWAE(1, K) is the importance-weighted bound, MIWAE(M, 1) the
//! ELBO. CIWAE is a mean of both. PIWAE, which has an objective for each network, is in `piwae.rs`.

use super::super::Formula;
use super::super::vae::{Inputs, Noise, Pass, Vae};
use super::draws::Draws;
use super::iwae::{bound_formula, bounds, log_weights, weight_formulas};
use crate::expr::{Expr, operand};
use crate::graph::{Graph, TensorId};
use crate::setting::Setting;

/// The formulas of MIWAE.
pub(super) fn formulas() -> Vec<Formula> {
    let mut formulas = weight_formulas("of each of the M * K samples");
    formulas.push(bound_formula("of each of an image's M groups of K samples"));
    formulas
}

/// The settings of MIWAE, and where they come from.
pub(super) const SETTINGS: [(Setting, &str); 2] = [
    (Setting::Samples, "K of Rainforth et al. 2018"),
    (Setting::OuterSamples, "M of the same paper"),
];

/// −β·ELBO − (1 − β)·IWAE, both of the same K samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ciwae {
    /// β, from 0 to 1.
    pub elbo_weight: f64,
    /// K, draws of z for an image.
    pub samples: usize,
}

impl Default for Ciwae {
    /// Half of each.
    fn default() -> Self {
        Self {
            elbo_weight: 0.5,
            samples: 1,
        }
    }
}

/// What a sample adds to −ELBO from its terms recon and excess (operands 0 and 1).
fn cost() -> Expr {
    operand(0) + operand(1)
}

/// The formulas of CIWAE.
pub(super) fn ciwae_formulas() -> Vec<Formula> {
    let mut formulas = weight_formulas("of each of the K samples");
    formulas.push(bound_formula("of each image"));
    formulas.push(Formula {
        name: "elbo",
        expr: cost(),
        operands: vec!["recon", "excess"],
        of: "of each of the K samples, whose mean is the negative ELBO",
    });
    formulas
}

/// The settings of CIWAE, and where they come from.
pub(super) const CIWAE_SETTINGS: [(Setting, &str); 2] = [
    (Setting::Samples, "K of Rainforth et al. 2018"),
    (Setting::ElboWeight, "beta of the same paper"),
];

impl Ciwae {
    /// The terms `elbo` and `bound`, both negative; `recon` and `kl` are reported.
    pub(super) fn add_terms(&self, vae: &Vae, g: &mut Graph, inputs: Inputs, noise: Noise) -> Pass {
        let draws = Draws::new(vae, g, inputs, noise, self.samples);
        let (outputs, recon) = draws.decode(g);
        let excess = draws.excess(g);
        let log_weights = log_weights(g, recon, excess);
        let [_, bound] = bounds(g, "bound", log_weights, self.samples);
        let cost = costs(g, recon, excess);
        g.add_term("elbo", cost, self.elbo_weight as f32);
        g.add_term("bound", bound, (1.0 - self.elbo_weight) as f32);
        g.add_term("recon", recon, 0.0);
        draws.report_kl(g, excess);
        draws.pass(g, outputs)
    }
}

/// −ln w of each draw `[rows]`.
fn costs(g: &mut Graph, recon: TensorId, excess: TensorId) -> TensorId {
    let rows = g.shape(recon).rows();
    let operands = [recon.into(), excess.into()];
    g.pointwise("elbo", [rows, 1], cost(), &operands)
}
