//! Independent Gaussians, whose means and variances are two heads of the encoder: Kingma and Welling
//! (2013), section 3 and appendix C.2.

use super::{Drawn, Heads, PosteriorFamily};
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
    parameters: |vae| {
        let weights = vae.config().initial_weights;
        layers(vae)
            .iter()
            .flat_map(|layer| layer.parameters(weights))
            .collect()
    },
    encode: |vae, g, h| {
        let [mu, logvar] = layers(vae).map(|layer| layer.apply(g, h));
        Heads { mu, logvar }
    },
    draw: |_, g, heads, eps, samples| draw(g, heads, eps, samples),
    nll: |_, g, heads, drawn, samples| {
        let shape = g.shape(drawn.z);
        let [mu, logvar] = repeated(heads, samples);
        let operands = [drawn.z.into(), mu, logvar];
        g.row_sum(
            "posterior.nll",
            [shape.rows(), shape.columns()],
            nll(),
            &operands,
        )
    },
};

/// μ and log σ² as operands of work on `samples` draws of each image.
pub(in crate::model) fn repeated(heads: &Heads, samples: usize) -> [Operand; 2] {
    [heads.mu, heads.logvar].map(|of| Operand::from(of).repeated(samples))
}

/// −ln q(z | x) of one dimension from z, μ and log σ² (operands 0 to 2).
fn nll() -> Expr {
    let [z, mu, logvar] = [0, 1, 2].map(operand);
    let logvar = logvar.capped();
    let precision = (-&logvar).exp();
    0.5 * (logvar + (z - mu).square() * precision) + HALF_LN_TAU
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
            expr: nll(),
            operands: vec!["z", "mu", "logvar"],
            of: "",
        },
    ]
}

fn draw(g: &mut Graph, heads: &Heads, eps: TensorId, samples: usize) -> Drawn {
    let z = match samples {
        1 => g.reparameterize("z", heads.mu, heads.logvar, eps),
        _ => {
            let shape = g.shape(eps);
            let [mu, logvar] = repeated(heads, samples);
            let operands = [mu, logvar, eps.into()];
            g.pointwise(
                "z",
                [shape.rows(), shape.columns()],
                reparameterized(),
                &operands,
            )
        }
    };
    Drawn { z }
}

/// The layers of μ and of log σ², on the encoder's last hidden layer.
fn layers(vae: &Vae) -> [Layer; 2] {
    let config = vae.config();
    let inputs = config.hidden.last().copied().unwrap_or_default();
    let shape = [config.latent_dim, inputs];
    ["encoder.mu", "encoder.logvar"].map(|name| Layer::new(name, shape))
}
