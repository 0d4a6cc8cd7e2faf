//! The ladder: Sønderby, Raiko, Maaløe, Sønderby and Winther, *Ladder Variational Autoencoders* (2016),
//! section 2.2.
//!
//! Hidden layers d₁, d₂, … d_L lead up without a draw between them, and each says an estimate N(μ̂, σ̂²) of its
//! stochastic layer. Draws are then taken from the top down, and q(z_l | z_{l+1}, x) is the product of the
//! estimate and p(z_l | z_{l+1}), normalised: both, weighed by their precisions. Variances are exponentials,
//! as elsewhere in this program, where the paper has softplus. The divergence is that of draws, as the
//! paper's bound.

use super::gap::Gap;
use super::{Above, Labels, excess_of_highest};
use crate::expr::{Expr, operand};
use crate::graph::{Graph, Operand, TensorId};
use crate::model::posterior::{Drawn, Heads, gaussian};
use crate::model::vae::{Inputs, Noise, Vae};

/// log σ² of the product of N(·, σ̂²) and N(·, σ_p²) from log σ̂² and log σ_p²: −ln(σ̂⁻² + σ_p⁻²).
pub(super) fn logvar(estimate: Expr, prior: Expr) -> Expr {
    &estimate - (&estimate - prior).softplus()
}

/// The mean of the product from the means and log variances of both. The estimate's share of the precision
/// σ̂⁻² + σ_p⁻² is a sigmoid of the log variances' difference.
pub(super) fn mu([mu, logvar]: [Expr; 2], [p_mu, p_logvar]: [Expr; 2]) -> Expr {
    let share = (p_logvar - logvar).sigmoid();
    &p_mu + share * (mu - &p_mu)
}

/// The estimate's μ and log σ² and the prior's (operands 0 to 3).
pub(super) fn both() -> [[Expr; 2]; 2] {
    let capped = |mean| [operand(mean), operand(mean + 1).capped()];
    [capped(0), capped(2)]
}

/// z from both and ε (operands 0 to 4).
fn sample() -> Expr {
    let [estimate, prior] = both();
    let logvar = logvar(estimate[1].clone(), prior[1].clone());
    mu(estimate, prior) + (0.5 * logvar).exp() * operand(4)
}

/// ln q(z) − ln p(z) of one dimension from both, ε and z (operands 0 to 5), where
/// log σ_p² − log σ_q² is a softplus and (z − μ_q)²/σ_q² is ε².
pub(super) fn excess() -> Expr {
    let [[_, logvar], [p_mu, p_logvar]] = both();
    let (eps, z) = (operand(4), operand(5));
    let precision = (-&p_logvar).exp();
    let ratio = (p_logvar - logvar).softplus();
    0.5 * (ratio + (z - p_mu).square() * precision - eps.square())
}

/// The estimate of each layer above the first, from below, by the way up that begins with the encoder's
/// last hidden layer d₁.
pub(super) fn estimates(vae: &Vae, g: &mut Graph, first: TensorId, inputs: Inputs) -> Vec<Heads> {
    let label = inputs.repeated_for_encoder(g, vae, 1);
    let mut h = first;
    let gaps = Gap::all(vae).into_iter();
    gaps.map(|gap| {
        h = gap.rise(vae, g, h, label);
        gap.estimate(g, h)
    })
    .collect()
}

/// The estimates of all layers, from below.
fn all<'a>(heads: &'a Heads, above: &'a Above) -> Vec<&'a Heads> {
    [heads].into_iter().chain(&above.estimates).collect()
}

/// A draw of each layer, from the highest down, with what each adds to the divergence.
pub(super) fn draw(
    vae: &Vae,
    g: &mut Graph,
    heads: &Heads,
    above: &Above,
    noise: Noise,
    samples: usize,
) -> Drawn {
    let rows = samples * g.shape(heads.mu).rows();
    let labels = Labels::repeated(g, vae, above.inputs, samples);
    let gaps = Gap::all(vae);
    let estimates = all(heads, above);
    let highest = estimates[gaps.len()];
    let eps = vae.eps(g, noise, gaps.len(), rows);
    let mut z = gaussian::draw(g, highest, eps, samples);
    let mut layers = vec![excess_of_highest(vae, g, highest, z, labels, samples)];
    for (number, gap) in gaps.iter().enumerate().rev() {
        let p = gap.down(vae, g, z, labels.down);
        let eps = vae.eps(g, noise, number, rows);
        let shape = [rows, g.shape(p.mu).columns()];
        let mut operands = operands(estimates[number], &p, samples).to_vec();
        operands.push(eps.into());
        z = g.pointwise("z", shape, sample(), &operands);
        operands.push(z.into());
        layers.push(g.row_sum("excess.layer", shape, excess(), &operands));
    }
    layers.reverse();
    Drawn {
        layers,
        ..Drawn::from(z)
    }
}

/// μ and log σ² of q(z₁ | z₂, x), where each layer above is at its own mean.
pub(super) fn location(vae: &Vae, g: &mut Graph, heads: &Heads, above: &Above) -> [TensorId; 2] {
    let labels = Labels::repeated(g, vae, above.inputs, 1);
    let gaps = Gap::all(vae);
    let estimates = all(heads, above);
    let highest = estimates[gaps.len()];
    let at = [highest.mu, highest.logvar];
    let gaps = gaps.iter().enumerate().rev();
    gaps.fold(at, |[z, _], (number, gap)| {
        let p = gap.down(vae, g, z, labels.down);
        let shape = [g.shape(p.mu).rows(), g.shape(p.mu).columns()];
        let operands = operands(estimates[number], &p, 1);
        let [estimate, prior] = both();
        let log_variance = logvar(estimate[1].clone(), prior[1].clone());
        let mean = mu(estimate, prior);
        [("z", mean), ("logvar", log_variance)]
            .map(|(name, expr)| g.pointwise(name, shape, expr, &operands))
    })
}

/// The operands of [`both`], for work on so many draws of each image.
fn operands(estimate: &Heads, p: &Heads, samples: usize) -> [Operand; 4] {
    let [mu, logvar] = gaussian::repeated(estimate, samples);
    [mu, logvar, p.mu.into(), p.logvar.into()]
}
