//! Columns of numbers: the model's likelihood, about the decoder's output as it is, whatever the scale. Pixels have
//! the sigmoid of it where the scale is not 1, and numbers have no range to be held in.

use super::Cells;
use crate::expr::{Expr, constant, operand};
use crate::graph::{Graph, Operand, TensorId};
use crate::model::Vae;

/// ln of the scale within its bounds, from the operand of this number; of a Gaussian, of its square.
pub(super) fn log_scale(vae: &Vae, given: Option<Operand>, index: usize) -> Expr {
    match vae
        .config()
        .likelihood
        .density()
        .scale
        .filter(|_| given.is_some())
    {
        Some(scale) => operand(index).clamp(-scale.bound, scale.bound),
        None => constant(0.0),
    }
}

/// −ln p of a number, and what it is made of.
fn formula(vae: &Vae, cells: &Cells, scale: Option<Operand>) -> (Expr, [Operand; 4]) {
    let density = vae.config().likelihood.density();
    let nll = (density.nll)(operand(0), log_scale(vae, scale, 2), operand(1));
    let outputs = Operand::from(cells.outputs);
    let operands = [outputs, cells.x, scale.unwrap_or(outputs), cells.mask()];
    (cells.masked(nll, 3), operands)
}

/// −ln p of the numbers of each row that are there, `[R]`.
pub(super) fn nll(
    vae: &Vae,
    g: &mut Graph,
    name: &str,
    cells: &Cells,
    scale: Option<Operand>,
) -> TensorId {
    let (nll, operands) = formula(vae, cells, scale);
    g.row_sum(name, cells.shape, nll, &operands)
}

/// The same of each number, `[R, n]`.
pub(super) fn each(vae: &Vae, g: &mut Graph, cells: &Cells, scale: Option<Operand>) -> TensorId {
    let (nll, operands) = formula(vae, cells, scale);
    g.pointwise("cells.numbers", cells.shape, nll, &operands)
}
