//! Standard normals: Kingma and Welling (2013), section 3.

use super::PriorFamily;
use crate::expr::{Expr, HALF_LN_TAU, operand};
use crate::model::Formula;

pub(super) const FAMILY: PriorFamily = PriorFamily {
    name: "standard",
    source: "standard normals: Kingma and Welling 2013",
    formulas: || {
        vec![Formula {
            name: "-ln p(z)",
            expr: nll(),
            operands: vec!["z"],
            of: "of each dimension",
        }]
    },
    components: None,
    parameters: |_| Vec::new(),
    nll: |_, g, z, _| {
        let shape = g.shape(z);
        g.row_sum(
            "prior.nll",
            [shape.rows(), shape.columns()],
            nll(),
            &[z.into()],
        )
    },
    draw: |vae, g, rows, _| vae.prior_noise(g, "z", [rows, vae.config().latent_dim]),
};

/// −ln p(z) of one dimension from z (operand 0).
fn nll() -> Expr {
    0.5 * operand(0).square() + HALF_LN_TAU
}
