//! Dropout: Srivastava et al., *Dropout: A Simple Way to Prevent Neural Networks from Overfitting* (2014), with
//! what is kept scaled up while training in the place of weights scaled down afterwards.

use super::super::Formula;
use super::Mode;
use crate::expr::{Expr, less, operand};
use crate::graph::{Graph, Operand, TensorId};
use crate::rng::Stream;

/// An output h (operand 0) as a training sees it with the uniform number u (operand 1): 0 with the probability p,
/// else h / (1 − p), so that its mean is h.
fn dropped(p: f64) -> Expr {
    let [h, u] = [0, 1].map(operand);
    less(u, p, 0.0, h / (1.0 - p))
}

/// Its formula, of p = 0.5.
pub fn formulas() -> Vec<Formula> {
    vec![Formula {
        name: "h'",
        expr: dropped(0.5),
        operands: vec!["h", "u"],
        of: "with P = 0.5, and u uniform in [0, 1), drawn for each unit of each row and step",
    }]
}

/// `h [B, units]`, of which a training keeps each element with the probability 1 − p, independently in every
/// layer, row and step.
pub(super) fn apply(mode: Mode, g: &mut Graph, name: &str, h: TensorId, p: f64) -> TensorId {
    if mode == Mode::Evaluation || p == 0.0 {
        return h;
    }
    let shape = g.shape(h);
    let u = g.uniform(&format!("{name}.dropout.uniform"), Stream::Dropout, shape);
    let shape = [shape.rows(), shape.columns()];
    let operands = [Operand::from(h), u.into()];
    g.pointwise(&format!("{name}.dropout"), shape, dropped(p), &operands)
}
