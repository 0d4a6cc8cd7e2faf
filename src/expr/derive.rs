//! The derivative of an expression by one of its operands.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Binary, Expr, Node, constant, less};

impl Expr {
    /// Its derivative by an operand, simplified.
    ///
    /// Where a function has a corner, the derivative is one of the two at its sides: of |x| it is 0 at
    /// 0, of relu 0 at 0, of a clamp 1 at its bounds; of min and max with both the same it is the
    /// left one's. A comparison has no derivative: a select's is that of the branch taken.
    ///
    /// # Panics
    /// At a function whose derivative is not in the table: trigamma, and the slope of the Langevin
    /// function. They are themselves the second derivatives of `lgamma` and `ln_sinhc`.
    pub fn derivative(&self, operand: usize) -> Expr {
        derive(self, operand, &mut HashMap::new())
    }
}

fn derive(expr: &Expr, by: usize, done: &mut HashMap<*const Node, Expr>) -> Expr {
    if let Some(known) = done.get(&Arc::as_ptr(&expr.0)) {
        return known.clone();
    }
    let result = match expr.node() {
        Node::Operand(index) => constant(if *index == by { 1.0 } else { 0.0 }),
        Node::Constant(_) => constant(0.0),
        Node::Call(function, x) => {
            let inner = derive(x, by, done);
            match inner.as_constant() {
                Some(0.0) => inner,
                _ => function.slope(x, expr) * inner,
            }
        }
        Node::Binary(binary, a, b) => {
            let [da, db] = [derive(a, by, done), derive(b, by, done)];
            match binary {
                Binary::Add => da + db,
                Binary::Sub => da - db,
                Binary::Mul => da * b + a * db,
                Binary::Div if db.as_constant() == Some(0.0) => da / b,
                // By the quotient itself: b² could overflow.
                Binary::Div => (da - expr * db) / b,
                Binary::Min => less(b, a, db, da),
                Binary::Max => less(a, b, db, da),
            }
        }
        Node::Select {
            less: (a, b),
            yes,
            no,
        } => less(a, b, derive(yes, by, done), derive(no, by, done)),
    };
    done.insert(Arc::as_ptr(&expr.0), result.clone());
    result
}
