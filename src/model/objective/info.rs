//! The InfoVAE with the maximum mean discrepancy: Zhao, Song and Ermon, *InfoVAE: Balancing Learning and Inference
//! in Variational Autoencoders* (2019).
//!
//! The kernel and its width are those of the authors' code (MMD-Variational-Autoencoder): k(a, b) =
//! exp(−‖a − b‖² / Z²), and every mean is over all pairs, those of a draw with itself among them.

use super::super::Formula;
use super::super::vae::{Inputs, Noise, Pass, Vae};
use super::draws::Draws;
use crate::expr::{Expr, operand};
use crate::graph::{Graph, Operand, Reduction, TensorId};
use crate::setting::Setting;

/// recon + (1 − α)·KL + (α + λ − 1)·MMD.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Info {
    /// α, at most 1, where the divergence of each image's posterior counts nothing.
    pub alpha: f64,
    /// λ, at least 1 − α.
    pub lambda: f64,
    /// Draws of z for an image.
    pub samples: usize,
}

impl Default for Info {
    /// The paper's MMD-VAE, in which α is 1. The discrepancy is below 2, and a reconstruction of an image is
    /// hundreds of nats, so that it has a weight of that size.
    fn default() -> Self {
        Self {
            alpha: 1.0,
            lambda: 1000.0,
            samples: 1,
        }
    }
}

/// (a − b)² of one dimension.
fn squared_distance() -> Expr {
    (operand(0) - operand(1)).square()
}

/// k(a, b) from ‖a − b‖² (the operand `of`) and 1 / Z².
fn kernel(of: usize, width: Expr) -> Expr {
    (-(width * operand(of))).exp()
}

/// Of two draws of each, from ‖z − z′‖², ‖p − p′‖² and ‖z − p′‖² (operands 0 to 2).
fn discrepancy(width: Expr) -> Expr {
    let [z, p, both] = [0, 1, 2].map(|of| kernel(of, width.clone()));
    z + p - 2.0 * both
}

/// The formula of the discrepancy.
pub(super) fn formulas() -> Vec<Formula> {
    vec![Formula {
        name: "mmd",
        expr: discrepancy(operand(3)),
        operands: vec!["|z - z'|^2", "|p - p'|^2", "|z - p'|^2", "(1 / Z^2)"],
        of: "as the mean over all pairs of draws z of the batch and as many p from the prior",
    }]
}

/// What its settings are, and where they come from.
pub(super) const SETTINGS: [(Setting, &str); 3] = [
    (Setting::Samples, "L of Kingma and Welling 2013"),
    (Setting::InfoAlpha, "Zhao, Song and Ermon 2019"),
    (Setting::InfoLambda, "the same paper"),
];

impl Info {
    /// The name of the draws from the prior `[B · samples, Z]`, which a graph reads as an input where the noise is
    /// given, too.
    const PRIOR: &str = "prior.z";

    /// The terms `recon`, `kl` and `mmd`; with the weight 0, as α has it at 1, `kl` is only reported.
    pub(super) fn add_terms(&self, vae: &Vae, g: &mut Graph, inputs: Inputs, noise: Noise) -> Pass {
        let draws = Draws::new(vae, g, inputs, noise, self.samples);
        let (outputs, recon) = draws.decode(g);
        let z = draws.drawn.z;
        let [rows, columns] = [g.shape(z).rows(), g.shape(z).columns()];
        let prior = match noise {
            Noise::Given(_) => g.input(Self::PRIOR, [rows, columns]),
            Noise::Stream(_) => {
                let draw = vae.config().prior.family().draw;
                let drawn = draw(vae, g, rows, draws.label);
                g.stop(Self::PRIOR, drawn)
            }
        };
        let mut distances = |name: &str, a: TensorId, b: TensorId| {
            let pairs = [
                Operand::from(a).repeated(rows),
                Operand::from(b).in_turn(rows),
            ];
            g.row_sum(name, [rows * rows, columns], squared_distance(), &pairs)
        };
        let distances = [
            distances("mmd.posterior", z, z),
            distances("mmd.prior", prior, prior),
            distances("mmd.both", z, prior),
        ];
        let width = 1.0 / (columns * columns) as f64;
        let share = 1.0 / rows as f64 * discrepancy(width.into());
        let operands = distances.map(Operand::from);
        let pairs = g.pointwise("mmd.pairs", [rows * rows, 1], share, &operands);
        let mmd = g.reduce("mmd", Reduction::Sum, pairs, rows);
        g.add_term("recon", recon, 1.0);
        let kl = draws.kl(g);
        g.add_term("kl", kl, (1.0 - self.alpha) as f32);
        g.add_term("mmd", mmd, (self.alpha + self.lambda - 1.0) as f32);
        draws.pass(g, outputs)
    }
}
