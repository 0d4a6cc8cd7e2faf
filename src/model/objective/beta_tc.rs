//! The divergence in three parts, of which the total correlation has a weight: Chen, Li, Grosse and Duvenaud,
//! *Isolating Sources of Disentanglement in Variational Autoencoders* (2018).
//!
//! The mean of KL(q(z | x) ‖ p(z)) is what z says of the image, the total correlation of the dimensions of
//! q(z), and the divergence of each dimension's q(z_j) from the prior. q(z) is the mean of q(z | x) over the
//! training images, which is estimated from a batch by minibatch-weighted sampling. With N
//! images in training and M in the batch, q(z) ≈ 1 / (N·M) · Σ q(z | x_i). N shifts what is reported and no
//! gradient. While evaluating it is the same N, so that training and test are on one scale.

use super::super::Formula;
use super::super::posterior::{Posterior, gaussian};
use super::super::vae::{Inputs, Noise, Pass, Vae};
use super::draws::Draws;
use crate::expr::{Expr, operand};
use crate::graph::{Graph, Operand, Reduction};
use crate::setting::Setting;

/// recon + mi + β·tc + dwkl.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BetaTc {
    /// β, the total correlation's weight.
    pub beta: f64,
    /// N, the images of the training.
    pub images: usize,
    /// Draws of z for an image.
    pub samples: usize,
}

impl Default for BetaTc {
    fn default() -> Self {
        Self {
            beta: 1.0,
            images: 1,
            samples: 1,
        }
    }
}

/// −ln q(z | x) of one dimension from z, μ and log σ² (operands 0 to 2), where the dimensions are independent:
/// only then has q(z_j | x) a density of its own in closed form.
fn density(posterior: Posterior) -> Option<Expr> {
    match posterior {
        Posterior::Gaussian => Some(gaussian::density()),
        Posterior::Planar | Posterior::Radial | Posterior::Iaf => None,
    }
}

/// Whether each dimension of z has a density.
pub(in super::super) fn has_marginals(posterior: Posterior) -> bool {
    density(posterior).is_some()
}

/// Of a draw, what z says of the image: from −ln q(z | x), ln Σ q(z | x_i) and ln(N·M) (operands 0 to 2).
fn mutual_information(log_count: Expr) -> Expr {
    log_count - operand(0) - operand(1)
}

/// The total correlation: from ln Σ q(z | x_i), Σ_j ln q(z_j) and ln(N·M) (operands 0 to 2).
fn total_correlation(log_count: Expr) -> Expr {
    operand(0) - operand(1) - log_count
}

/// The divergence of the dimensions from Σ_j ln q(z_j) and −ln p(z) (operands 0 and 1).
fn dimension_wise() -> Expr {
    operand(0) + operand(1)
}

/// ln q(z_j) from ln Σ q(z_j | x_i) and ln(N·M) (operands 0 and 1).
fn marginal(log_count: Expr) -> Expr {
    operand(0) - log_count
}

/// The formulas of the three parts.
pub(super) fn formulas() -> Vec<Formula> {
    const COUNT: &str = "ln(N * M)";
    const AGGREGATE: &str = "logsumexp(ln q(z | x_i))";
    const PRODUCT: &str = "sum(ln q(z_j))";
    vec![
        Formula {
            name: "ln q(z_j)",
            expr: marginal(operand(1)),
            operands: vec!["logsumexp(ln q(z_j | x_i))", COUNT],
            of: "of each dimension, by all M images of the batch; N is the number of the training's",
        },
        Formula {
            name: "mi",
            expr: mutual_information(operand(2)),
            operands: vec!["(-ln q(z | x))", AGGREGATE, COUNT],
            of: "ln q(z | x) - ln q(z) of each draw: what z says of the image",
        },
        Formula {
            name: "tc",
            expr: total_correlation(operand(2)),
            operands: vec![AGGREGATE, PRODUCT, COUNT],
            of: "ln q(z) - sum(ln q(z_j)): the total correlation",
        },
        Formula {
            name: "dwkl",
            expr: dimension_wise(),
            operands: vec![PRODUCT, "(-ln p(z))"],
            of: "the divergence of the dimensions, each for itself",
        },
    ]
}

/// What its settings are, and where they come from.
pub(super) const SETTINGS: [(Setting, &str); 2] = [
    (Setting::Samples, "L of Kingma and Welling 2013"),
    (
        Setting::Beta,
        "Chen et al. 2018, whose alpha and gamma are 1",
    ),
];

impl BetaTc {
    /// The terms `recon`, `mi`, `tc` and `dwkl`, of each draw; `kl` is reported.
    ///
    /// # Panics
    /// Where the posterior has no density of each dimension, which the model's check refuses.
    pub(super) fn add_terms(&self, vae: &Vae, g: &mut Graph, inputs: Inputs, noise: Noise) -> Pass {
        let draws = Draws::new(vae, g, inputs, noise, self.samples);
        let (outputs, recon) = draws.decode(g);
        let (z, batch) = (draws.drawn.z, g.shape(draws.heads.mu).rows());
        let [rows, columns] = [g.shape(z).rows(), g.shape(z).columns()];
        let log_count = || -> Expr { (self.images as f64 * batch as f64).ln().into() };

        // Each draw with each image of the batch: [B · samples · B, Z].
        let Some(density) = density(vae.config().posterior) else {
            unreachable!("the model was checked")
        };
        let shape = [rows * batch, columns];
        let [mu, logvar] = [draws.heads.mu, draws.heads.logvar];
        let of_images = [mu, logvar].map(|of| Operand::from(of).in_turn(batch));
        let operands = [Operand::from(z).repeated(batch)];
        let operands: Vec<_> = operands.into_iter().chain(of_images).collect();
        let each = g.pointwise("pairs.each", shape, -density, &operands);
        let whole = g.row_sum("pairs", shape, operand(0), &[each.into()]);

        let marginals = g.reduce("marginals", Reduction::LogSumExp, each, batch);
        let marginal = marginal(log_count());
        let product = g.row_sum("product", [rows, columns], marginal, &[marginals.into()]);
        let aggregate = g.reduce("aggregate", Reduction::LogSumExp, whole, batch);
        let posterior = draws.posterior_nll(g);
        let prior = draws.prior_nll(g, z);

        let mut part = |name: &str, expr: Expr, of: [_; 2]| {
            g.pointwise(name, [rows, 1], expr, &of.map(Operand::from))
        };
        let mi = part(
            "mi",
            mutual_information(log_count()),
            [posterior, aggregate],
        );
        let tc = part("tc", total_correlation(log_count()), [aggregate, product]);
        let dwkl = part("dwkl", dimension_wise(), [product, prior]);
        g.add_term("recon", recon, 1.0);
        g.add_term("mi", mi, 1.0);
        g.add_term("tc", tc, self.beta as f32);
        g.add_term("dwkl", dwkl, 1.0);
        let kl = draws.kl(g);
        g.add_term("kl", kl, 0.0);
        draws.pass(g, outputs)
    }
}
