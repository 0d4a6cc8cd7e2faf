//! Formulas as people read them: the expressions that graphs compute, with names for their operands.

use crate::expr::Expr;

/// An expression of a part of the model, for people.
#[derive(Clone, Debug)]
pub struct Formula {
    /// What it computes.
    pub name: &'static str,
    /// The expression itself.
    pub expr: Expr,
    /// Names of its operands, by their numbers.
    pub operands: Vec<&'static str>,
    /// What it is of, where the name does not say so.
    pub of: &'static str,
}

impl Formula {
    /// The expression as text.
    pub fn text(&self) -> String {
        self.expr.text(&self.operands)
    }
}
