//! A mixture of Gaussians with trained means and variances, all of the same weight.
//!
//! ln N(z; m, v) is −½ Σ (z²·p − 2z·mp + m²p + ln v) − ½ Z ln 2π with the precisions p = 1/v: a linear function
//! of z and z². So the densities of B draws under N components are two products, `[B, Z]·[Z, N]` each, and
//! exponentials are taken of N·Z and of B·N numbers, where (z − m)²/v of each would be B·N·Z of them, which
//! the adjoints would write and read again three times.
//!
//! What that costs are digits: Σ z²p and its like are larger than the density where components are narrow
//! and far from 0, and the sum is rounded at their size. [`tests`] holds it against the plain form in f64.

use super::PriorFamily;
use crate::executor::{Initial, ParameterSpec};
use crate::expr::{Expr, HALF_LN_TAU, operand};
use crate::graph::gaussian::reparameterized;
use crate::graph::{Graph, Operand, Reduction, TensorId, Transposed};
use crate::model::Formula;
use crate::model::vae::Vae;
use crate::rng::Stream;

pub(super) const FAMILY: PriorFamily = PriorFamily {
    name: "mixture",
    source: "a mixture of Gaussians with trained means and variances and equal weights, as Tomczak and Welling \
             2018 compare with",
    formulas,
    components: Some(100),
    parameters: |vae| {
        let config = vae.config();
        let spec = |name: &str, initial| ParameterSpec {
            name: name.to_owned(),
            shape: [config.components, config.latent_dim].into(),
            initial,
        };
        vec![
            spec(MEAN, Initial::Normal),
            spec(LOGVAR, Initial::Constant(0.0)),
        ]
    },
    nll: |vae, g, z, _| components(vae, g).nll(g, z),
    draw: |vae, g, rows, _| components(vae, g).draw(g, rows),
};

const MEAN: &str = "prior.mean";
const LOGVAR: &str = "prior.logvar";

/// Gaussians of the same weight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Components {
    /// m, `[N, Z]`.
    pub(super) mean: TensorId,
    /// log v, `[N, Z]`.
    pub(super) logvar: TensorId,
}

fn components(vae: &Vae, g: &mut Graph) -> Components {
    let shape = [vae.config().components, vae.config().latent_dim];
    let [mean, logvar] = [MEAN, LOGVAR].map(|name| g.parameter(name, shape));
    Components { mean, logvar }
}

/// −½/v from log v (operand 0): the factor of z².
fn of_square() -> Expr {
    -0.5 * (-operand(0).capped()).exp()
}

/// m/v from −½/v and m (operands 0 and 1): the factor of z.
fn of_z() -> Expr {
    -2.0 * operand(0) * operand(1)
}

/// What of ln N(z; m, v) does not depend on z, of one dimension, from −½/v, m and log v (operands 0 to 2).
fn constant() -> Expr {
    operand(0) * operand(1).square() - 0.5 * operand(2).capped() - HALF_LN_TAU
}

/// ln N(z; m, v) of one dimension from z, m and log v (operands 0 to 2), as the linear function that is computed.
fn density() -> Expr {
    let [z, m, logvar] = [0, 1, 2].map(operand);
    let square = of_square().substitute(&[logvar.clone()]);
    let linear = of_z().substitute(&[square.clone(), m.clone()]);
    let constant = constant().substitute(&[square.clone(), m, logvar]);
    square * z.square() + linear * z + constant
}

/// −ln p(z) from ln Σ N(z; m, v) (operand 0).
fn nll(log_components: Expr) -> Expr {
    log_components - operand(0)
}

fn formulas() -> Vec<Formula> {
    vec![
        Formula {
            name: "ln N(z)",
            expr: density(),
            operands: vec!["z", "m", "logvar"],
            of: "of each dimension and component; m and logvar are trained",
        },
        mixed(),
    ]
}

/// The formula of a mixture of such densities.
pub(super) fn mixed() -> Formula {
    Formula {
        name: "-ln p(z)",
        expr: nll(operand(1)),
        operands: vec!["logsumexp(ln N(z))", "ln(N)"],
        of: "over N components",
    }
}

impl Components {
    /// −ln p(z) of each row of `z [rows, Z]`, in nats: `[rows]`.
    pub(super) fn nll(&self, g: &mut Graph, z: TensorId) -> TensorId {
        let [of_components, rows] = [self.mean, z].map(|of| shape(g, of));
        let [count, _] = of_components;
        let square = of_square();
        let square = g.pointwise("prior.square", of_components, square, &[self.logvar.into()]);
        let operands = [square.into(), self.mean.into(), self.logvar.into()];
        let linear = g.pointwise("prior.linear", of_components, of_z(), &operands);
        let constant = g.row_sum("prior.constant", of_components, constant(), &operands);

        let squares = g.pointwise("z.square", rows, operand(0).square(), &[z.into()]);
        let right = Transposed::Right;
        let of_squares = g.product("prior.of_squares", squares, square, right);
        let of_z = g.linear("prior.of_z", z, linear, constant);
        let each = g.add("prior.each", of_z, of_squares);
        let each = g.reshape("prior.components", each, [rows[0] * count]);
        let total = g.reduce("prior.total", Reduction::LogSumExp, each, count);
        let nll = nll((count as f64).ln().into());
        g.pointwise("prior.nll", [rows[0], 1], nll, &[total.into()])
    }

    /// A draw `[rows, Z]`. Of a uniform number for each component, the largest says which it is.
    pub(super) fn draw(&self, g: &mut Graph, rows: usize) -> TensorId {
        let [count, columns] = shape(g, self.mean);
        let numbers = g.uniform("component.uniform", Stream::Sampling, [rows * count]);
        let which = g.reduce("component", Reduction::ArgMax, numbers, count);
        let [mean, logvar] = [("component.mean", self.mean), ("component.logvar", self.logvar)]
            .map(|(name, table)| g.lookup(name, table, which));
        let eps = g.normal("component.eps", Stream::Sampling, [rows, columns]);
        let operands: [Operand; 3] = [mean.into(), logvar.into(), eps.into()];
        g.pointwise("z", [rows, columns], reparameterized(), &operands)
    }
}

/// Rows and columns.
fn shape(g: &Graph, of: TensorId) -> [usize; 2] {
    let shape = g.shape(of);
    [shape.rows(), shape.columns()]
}
