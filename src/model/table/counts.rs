//! Columns of counts: negative binomials, with the decoder's output as ln of the mean and a trained dispersion for
//! each column. A row of a table has no sum that its columns would share out, as the counts of a cell's genes do.

use super::Cells;
use crate::executor::{Initial, ParameterSpec};
use crate::expr::{Expr, operand};
use crate::graph::{Graph, Operand, TensorId};
use crate::model::Likelihood;

/// The likelihood of a count.
pub const COUNT: Likelihood = Likelihood::NegativeBinomial;

/// ln of a mean lies within these bounds: from a count in three million rows to one of 24 million, beyond the largest
/// count that f32 tells from its neighbours.
const LOG_MEAN: [f64; 2] = [-15.0, 17.0];

/// The parameter ln θ of each column, where θ is the inverse of its dispersion.
const DISPERSION: &str = "decoder.log_theta";

/// [`DISPERSION`] of so many columns.
pub(in crate::model) fn dispersion(columns: usize) -> Option<ParameterSpec> {
    (columns > 0).then(|| ParameterSpec {
        name: DISPERSION.to_owned(),
        shape: [columns].into(),
        initial: Initial::Constant(0.0),
    })
}

fn log_mean() -> Expr {
    operand(0).clamp(LOG_MEAN[0], LOG_MEAN[1])
}

/// ln θ within its bounds, from the operand of this number.
pub(super) fn log_theta(index: usize) -> Expr {
    let bound = COUNT.density().scale.map_or(0.0, |scale| scale.bound);
    operand(index).clamp(-bound, bound)
}

/// The parameter in a graph.
pub(super) fn parameter(g: &mut Graph, columns: usize) -> TensorId {
    g.parameter(DISPERSION, [columns])
}

/// −ln p of a count, and what it is made of.
fn formula(g: &mut Graph, cells: &Cells) -> (Expr, [Operand; 4]) {
    let theta = Operand::column(parameter(g, cells.shape[1]));
    let nll = (COUNT.density().nll)(log_mean(), log_theta(2), operand(1));
    let operands = [cells.outputs.into(), cells.x, theta, cells.mask()];
    (cells.masked(nll, 3), operands)
}

/// −ln p of the counts of each row that are there, `[R]`.
pub(super) fn nll(g: &mut Graph, name: &str, cells: &Cells) -> TensorId {
    let (nll, operands) = formula(g, cells);
    g.row_sum(name, cells.shape, nll, &operands)
}

/// The same of each count, `[R, n]`.
pub(super) fn each(g: &mut Graph, cells: &Cells) -> TensorId {
    let (nll, operands) = formula(g, cells);
    g.pointwise("cells.counts", cells.shape, nll, &operands)
}

/// The mean of each, from the decoder's outputs `[R, n]`.
pub(super) fn mean(g: &mut Graph, outputs: TensorId) -> TensorId {
    let shape = [g.shape(outputs).rows(), g.shape(outputs).columns()];
    let mean = (COUNT.density().mean)(log_mean(), log_theta(1));
    g.pointwise(
        "mean.counts",
        shape,
        mean,
        &[outputs.into(), outputs.into()],
    )
}
