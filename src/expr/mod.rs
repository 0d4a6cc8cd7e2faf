//! Scalar expressions: small trees of operands, constants, arithmetic, comparison and calls of a
//! closed table of stable functions ([`Function`]).
//!
//! A tree knows nothing of graphs or GPUs, and has five readings: its derivative
//! ([`Expr::derivative`]), its value ([`Expr::evaluate`]), its value with a bound on what a GPU may
//! make of it ([`Expr::bounded`]), WGSL ([`wgsl()`]) and text for people ([`Expr::text`]).
//!
//! ```
//! use vae_wgpu::expr::{constant, operand};
//!
//! let (x, y) = (operand(0), operand(1));
//! let loss = constant(0.5) * (&y - &x).square();
//! assert_eq!(loss.text(&["x", "y"]), "0.5 * (y - x)^2");
//! assert_eq!(loss.derivative(0).text(&["x", "y"]), "x - y");
//! assert_eq!(loss.evaluate(&[1.0, 4.0]), 4.5);
//! ```

mod bound;
mod build;
mod derive;
mod evaluate;
mod function;
mod order;
mod text;
mod wgsl;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

pub use bound::Bounded;
pub use build::less;
pub use evaluate::Number;
pub use function::Function;
pub use order::{Sequence, Step};
pub use wgsl::{Wgsl, wgsl};

/// An expression over numbered operands. Clones share their nodes; equality is that of the trees.
///
/// The operators and methods that build one simplify on the way, by identities that lose no digits:
/// `(a + 1) − 1` is `a`, `x·1` is `x`, `x·0` is 0 (also where x might be infinite), and what holds
/// constants alone is a constant.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Expr(Arc<Node>);

/// What an expression is at its root.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Node {
    /// The operand of this number.
    Operand(usize),
    /// A number.
    Constant(Constant),
    /// A function of one argument.
    Call(Function, Expr),
    /// An operation on two.
    Binary(Binary, Expr, Expr),
    /// One of two, by a comparison.
    Select {
        /// (a, b): the comparison is a < b.
        less: (Expr, Expr),
        /// The value where it holds.
        yes: Expr,
        /// The value elsewhere.
        no: Expr,
    },
}

/// A finite number that is compared by its bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Constant(u64);

impl Constant {
    fn new(value: f64) -> Self {
        Self(value.to_bits())
    }

    /// The number.
    pub fn value(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl std::fmt::Debug for Constant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.value())
    }
}

/// Operations on two numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Binary {
    /// a + b.
    Add,
    /// a − b.
    Sub,
    /// a · b.
    Mul,
    /// a / b.
    Div,
    /// The smaller.
    Min,
    /// The larger.
    Max,
}

/// ½ ln 2π: what a Gaussian's −ln p adds per dimension.
pub const HALF_LN_TAU: f64 = 0.918_938_533_204_672_7;

/// The operand of this number.
pub fn operand(index: usize) -> Expr {
    Expr::of(Node::Operand(index))
}

/// A number.
///
/// # Panics
/// If it is not finite as an f32: a shader could not say it.
pub fn constant(value: f64) -> Expr {
    assert!(
        (value as f32).is_finite(),
        "a constant of an expression is finite in f32, and {value} is not"
    );
    // Zero has one sign, so that equal trees compare equal.
    Expr::of(Node::Constant(Constant::new(value + 0.0)))
}

impl From<f64> for Expr {
    /// [`constant`].
    fn from(value: f64) -> Self {
        constant(value)
    }
}

impl From<&Expr> for Expr {
    fn from(value: &Expr) -> Self {
        value.clone()
    }
}

impl Expr {
    fn of(node: Node) -> Self {
        Self(Arc::new(node))
    }

    /// What it is at its root.
    pub fn node(&self) -> &Node {
        &self.0
    }

    /// Its number, if it is a constant.
    pub fn as_constant(&self) -> Option<f64> {
        match self.node() {
            Node::Constant(constant) => Some(constant.value()),
            _ => None,
        }
    }

    /// How many operands it asks for: one more than the highest number among them.
    pub fn arity(&self) -> usize {
        let sequence = Sequence::of(&[self]);
        let numbers = sequence.operands().map(|number| number + 1);
        numbers.max().unwrap_or(0)
    }

    /// Whether its value depends on this operand.
    pub fn reads(&self, operand: usize) -> bool {
        let sequence = Sequence::of(&[self]);
        sequence.operands().any(|number| number == operand)
    }

    /// The same with operand i replaced by `by[i]`, all at once.
    ///
    /// # Panics
    /// If it reads an operand that `by` has no expression for.
    pub fn substitute(&self, by: &[Expr]) -> Expr {
        let replaced = |expr: &Expr| match expr.node() {
            Node::Operand(index) => Some(by[*index].clone()),
            _ => None,
        };
        self.rebuilt(&replaced, &mut HashMap::new())
    }

    /// The same with `by` in the place of every `part` in it.
    pub fn replace(&self, part: &Expr, by: &Expr) -> Expr {
        let replaced = |expr: &Expr| (expr == part).then(|| by.clone());
        self.rebuilt(&replaced, &mut HashMap::new())
    }

    /// The same with what `replaced` has something for replaced. Nodes that are shared stay so.
    fn rebuilt(
        &self,
        replaced: &impl Fn(&Expr) -> Option<Expr>,
        done: &mut HashMap<*const Node, Expr>,
    ) -> Expr {
        if let Some(known) = done.get(&Arc::as_ptr(&self.0)) {
            return known.clone();
        }
        let mut inner = |expr: &Expr| expr.rebuilt(replaced, done);
        let result = match (replaced(self), self.node()) {
            (Some(other), _) => other,
            (None, Node::Operand(_) | Node::Constant(_)) => self.clone(),
            (None, Node::Call(function, x)) => inner(x).call(*function),
            (None, Node::Binary(binary, a, b)) => {
                let a = inner(a);
                build::binary(*binary, a, inner(b))
            }
            (
                None,
                Node::Select {
                    less: (a, b),
                    yes,
                    no,
                },
            ) => {
                let [a, b, yes, no] = [a, b, yes, no].map(inner);
                less(a, b, yes, no)
            }
        };
        done.insert(Arc::as_ptr(&self.0), result.clone());
        result
    }
}
