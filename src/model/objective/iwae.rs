//! The importance-weighted bound: Burda, Grosse and Salakhutdinov, *Importance Weighted Autoencoders*
//! (2016); with the doubly reparameterised gradient of Tucker et al. (2018).

use super::super::Formula;
use super::super::divergence::gaussian_excess;
use super::super::vae::{Inputs, Noise, Pass, Vae};
use crate::expr::{Expr, operand};
use crate::graph::{Graph, Operand, Reduction};
use crate::setting::Setting;

/// ln w of a sample from its terms recon and excess (operands 0 and 1).
fn log_weight() -> Expr {
    -(operand(0) + operand(1))
}

/// −ln of the mean of an image's weights from ln Σ w (operand 0).
fn bound(log_samples: Expr) -> Expr {
    log_samples - operand(0)
}

/// A sample's share of an image's weights from ln w and ln Σ w (operands 0 and 1).
fn share() -> Expr {
    (operand(0) - operand(1)).exp()
}

/// The formulas of the bound, and of what the doubly reparameterised gradient adds.
pub(super) fn formulas(doubly_reparameterised: bool) -> Vec<Formula> {
    const TOTAL: &str = "logsumexp(log_weight)";
    let mut formulas = vec![
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
            of: "of each of the K samples",
        },
        Formula {
            name: "bound",
            expr: bound(operand(1)),
            operands: vec![TOTAL, "ln(K)"],
            of: "of each image",
        },
    ];
    if doubly_reparameterised {
        formulas.push(Formula {
            name: "share",
            expr: share(),
            operands: vec!["log_weight", TOTAL],
            of: "which multiplies the gradient that reaches the encoder through z",
        });
    }
    formulas
}

/// What its settings are, and where they come from.
pub(super) const SETTINGS: [(Setting, &str); 1] = [(
    Setting::Samples,
    "K of Burda, Grosse and Salakhutdinov 2016",
)];

/// The term `bound`: −ln of the mean of K weights w = p(x, z) / q(z | x); `recon` and `kl` are reported.
///
/// With `doubly_reparameterised`, q's parameters within ln q count as constants, and the gradient that
/// reaches the encoder through z is multiplied by each sample's share of the weights.
pub(in super::super) fn add_terms(
    vae: &Vae,
    g: &mut Graph,
    inputs: Inputs,
    noise: Noise,
    samples: usize,
    doubly_reparameterised: bool,
) -> Pass {
    let heads = vae.encode(g, inputs);
    let drawn = vae.draw(g, &heads, noise, samples);
    let (scaled, q) = match doubly_reparameterised {
        true => (drawn.scaled(g), heads.stopped(g)),
        false => (drawn.clone(), heads.clone()),
    };
    let label = inputs.repeated_label(g, vae, samples);
    let outputs = vae.decode(g, scaled.z, label);
    let x = Operand::from(inputs.x).repeated(samples);
    let recon = vae.reconstruction(g, &outputs, x);

    let rows = g.shape(scaled.z).rows();
    let excess = vae.excess(g, &q, &scaled, label, samples);
    let operands = [recon.into(), excess.into()];
    let log_weight = g.pointwise("log_weight", [rows, 1], log_weight(), &operands);
    let total = g.reduce("log_weights", Reduction::LogSumExp, log_weight, samples);
    let bound = bound((samples as f64).ln().into());
    let bound = g.pointwise("bound", [rows / samples, 1], bound, &[total.into()]);
    if doubly_reparameterised {
        let operands = [log_weight.into(), Operand::row(total).repeated(samples)];
        let share = g.pointwise("share", [rows, 1], share(), &operands);
        g.set_gradient_scale(scaled.z, share);
    }
    g.add_term("bound", bound, 1.0);
    g.add_term("recon", recon, 0.0);
    let of_images = inputs.repeated_label(g, vae, 1);
    let kl = vae.kl(g, &heads, of_images).unwrap_or(excess);
    g.add_term("kl", kl, 0.0);
    vae.report_layers(g, &drawn);
    Pass {
        mu: heads.mu,
        logvar: heads.logvar,
        z: drawn.z,
        outputs,
    }
}
