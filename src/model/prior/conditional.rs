//! Gaussians that the label says: p(z | y) = N(z; μ, σ²) with μ and log σ² of each class, as Sohn, Lee and Yan,
//! *Learning Structured Output Representation using Deep Conditional Generative Models* (2015), have a prior of
//! what is given. A label is a row of zeros with a 1, so that what is trained is a column for each class of
//! the weight of a linear layer without a bias. At first all classes have the standard normal.

use super::PriorFamily;
use crate::executor::{Initial, ParameterSpec};
use crate::graph::gaussian::reparameterized;
use crate::graph::{Graph, TensorId, Transposed};
use crate::model::Formula;
use crate::model::posterior::{Heads, gaussian};
use crate::model::vae::Vae;

pub(super) const FAMILY: PriorFamily = PriorFamily {
    name: "conditional",
    source: "a Gaussian for each label, p(z | y): Sohn, Lee and Yan 2015",
    formulas: || {
        let density = gaussian::log_density();
        vec![Formula {
            name: "-ln p(z)",
            expr: -density.expr,
            operands: density.operands,
            of: "of each dimension; mu and logvar are trained for each label",
        }]
    },
    components: None,
    parameters: |vae| {
        let spec = |name: &str| ParameterSpec {
            name: name.to_owned(),
            shape: [vae.config().latent_dim, vae.config().classes].into(),
            initial: Initial::Constant(0.0),
        };
        vec![spec(MU), spec(LOGVAR)]
    },
    nll: |vae, g, z, label| {
        let heads = heads(vae, g, label);
        let shape = [g.shape(z).rows(), g.shape(z).columns()];
        let operands = [z, heads.mu, heads.logvar].map(Into::into);
        g.row_sum("prior.nll", shape, gaussian::density(), &operands)
    },
    draw: |vae, g, rows, label| {
        let heads = heads(vae, g, label);
        let shape = [rows, vae.config().latent_dim];
        let eps = vae.prior_noise(g, "prior.eps", shape);
        let operands = [heads.mu, heads.logvar, eps].map(Into::into);
        g.pointwise("z", shape, reparameterized(), &operands)
    },
};

const MU: &str = "prior.mu.weight";
const LOGVAR: &str = "prior.logvar.weight";

/// The Gaussians of labels `[rows, classes]`: μ and log σ² of each row.
///
/// # Panics
/// Without labels: `check.rs` refuses a model that reads none.
pub(in crate::model) fn heads(vae: &Vae, g: &mut Graph, label: Option<TensorId>) -> Heads {
    let Some(label) = label else {
        unreachable!("`check.rs` refuses a model that reads no labels beside z")
    };
    let shape = [vae.config().latent_dim, vae.config().classes];
    let [mu, logvar] = [("prior.mu", MU), ("prior.logvar", LOGVAR)].map(|(name, weight)| {
        let weight = g.parameter(weight, shape);
        g.product(name, label, weight, Transposed::Right)
    });
    Heads::gaussian(mu, logvar)
}
