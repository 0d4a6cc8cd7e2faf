//! Independent Gaussians, whose means and variances are two heads of the encoder: Kingma and Welling
//! (2013), section 3 and appendix C.2.

use super::{Heads, PosteriorFamily, head};
use crate::executor::ParameterSpec;
use crate::expr::{Expr, HALF_LN_TAU, operand};
use crate::graph::gaussian::reparameterized;
use crate::graph::{Graph, Operand, TensorId};
use crate::model::Formula;
use crate::model::network::Layer;
use crate::model::vae::Vae;

pub(super) const FAMILY: PosteriorFamily = PosteriorFamily {
    name: "gaussian",
    source: "independent Gaussians: Kingma and Welling 2013",
    formulas,
    flow_steps: None,
    parameters,
    encode,
    location: |_, _, heads| heads.mu,
    draw: |_, g, heads, eps, samples| draw(g, heads, eps, samples).into(),
    nll: |_, g, heads, drawn, samples| nll(g, heads, drawn.z, samples),
};

/// μ and log σ² as operands of work on `samples` draws of each image.
pub(in crate::model) fn repeated(heads: &Heads, samples: usize) -> [Operand; 2] {
    [heads.mu, heads.logvar].map(|of| Operand::from(of).repeated(samples))
}

/// −ln q(z | x) of one dimension from z, μ and log σ² (operands 0 to 2).
pub(in crate::model) fn density() -> Expr {
    let [z, mu, logvar] = [0, 1, 2].map(operand);
    let logvar = logvar.capped();
    let precision = (-&logvar).exp();
    0.5 * (logvar + (z - mu).square() * precision) + HALF_LN_TAU
}

/// The formula of ln N(z; μ, σ²), for people.
pub(in crate::model) fn log_density() -> Formula {
    Formula {
        name: "ln N(z)",
        expr: -density(),
        operands: vec!["z", "mu", "logvar"],
        of: "of each dimension",
    }
}

fn formulas() -> Vec<Formula> {
    vec![
        Formula {
            name: "z",
            expr: reparameterized(),
            operands: vec!["mu", "logvar", "eps"],
            of: "with eps from N(0, 1), of each dimension",
        },
        Formula {
            name: "-ln q(z)",
            expr: density(),
            operands: vec!["z", "mu", "logvar"],
            of: "",
        },
    ]
}

/// Weight and bias of both heads.
pub(super) fn parameters(vae: &Vae) -> Vec<ParameterSpec> {
    let weights = vae.config().initial_weights;
    layers(vae)
        .iter()
        .flat_map(|layer| layer.parameters(weights))
        .collect()
}

/// μ and log σ² from the encoder's last hidden layer.
pub(super) fn encode(vae: &Vae, g: &mut Graph, h: TensorId) -> Heads {
    let [mu, logvar] = layers(vae).map(|layer| layer.apply(g, h));
    Heads::gaussian(mu, logvar)
}

/// z `[B · samples, Z]` from ε of the same shape.
pub(in crate::model) fn draw(
    g: &mut Graph,
    heads: &Heads,
    eps: TensorId,
    samples: usize,
) -> TensorId {
    if samples == 1 {
        return g.reparameterize("z", heads.mu, heads.logvar, eps);
    }
    let shape = g.shape(eps);
    let [mu, logvar] = repeated(heads, samples);
    g.pointwise(
        "z",
        [shape.rows(), shape.columns()],
        reparameterized(),
        &[mu, logvar, eps.into()],
    )
}

/// −ln N(z; μ, σ²) of each draw `[B · samples]`, in nats.
pub(super) fn nll(g: &mut Graph, heads: &Heads, z: TensorId, samples: usize) -> TensorId {
    let shape = g.shape(z);
    let [mu, logvar] = repeated(heads, samples);
    g.row_sum(
        "posterior.nll",
        [shape.rows(), shape.columns()],
        density(),
        &[z.into(), mu, logvar],
    )
}

/// The layers of μ and of log σ².
fn layers(vae: &Vae) -> [Layer; 2] {
    ["encoder.mu", "encoder.logvar"].map(|name| head(vae, name, vae.config().latent_dim))
}
