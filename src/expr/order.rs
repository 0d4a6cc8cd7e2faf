//! An expression as a list of steps, with each common sub-expression once.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Binary, Constant, Expr, Function, Node};

/// One step of a [`Sequence`]; arguments are the numbers of earlier steps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Step {
    /// The operand of this number.
    Operand(usize),
    /// A number.
    Constant(Constant),
    /// A function of one argument.
    Call(Function, usize),
    /// An operation on two.
    Binary(Binary, usize, usize),
    /// One of two, by a comparison.
    Select {
        /// (a, b): the comparison is a < b.
        less: (usize, usize),
        /// The value where it holds.
        yes: usize,
        /// The value elsewhere.
        no: usize,
    },
}

impl Step {
    /// The steps it reads.
    pub(crate) fn arguments(self) -> Vec<usize> {
        match self {
            Step::Operand(_) | Step::Constant(_) => vec![],
            Step::Call(_, x) => vec![x],
            Step::Binary(_, a, b) => vec![a, b],
            Step::Select {
                less: (a, b),
                yes,
                no,
            } => vec![a, b, yes, no],
        }
    }
}

/// Expressions as steps, to be run over many elements.
#[derive(Clone, Debug)]
pub struct Sequence {
    steps: Vec<Step>,
    results: Vec<usize>,
}

impl Sequence {
    /// Steps that compute all of these. Arguments come before what reads them.
    pub fn of(results: &[&Expr]) -> Self {
        let mut maker = Maker::default();
        let results = results.iter().map(|expr| maker.place(expr)).collect();
        Self {
            steps: maker.steps,
            results,
        }
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The step that each result is.
    pub fn results(&self) -> &[usize] {
        &self.results
    }

    /// The operands that are read, each once, in the order in which the expressions first do.
    pub(crate) fn operands(&self) -> impl Iterator<Item = usize> {
        self.steps.iter().filter_map(|step| match step {
            Step::Operand(index) => Some(*index),
            _ => None,
        })
    }
}

#[derive(Default)]
struct Maker {
    steps: Vec<Step>,
    by_step: HashMap<Step, usize>,
    /// Nodes that were met before; the expressions outlive the maker.
    by_node: HashMap<*const Node, usize>,
}

impl Maker {
    fn place(&mut self, expr: &Expr) -> usize {
        if let Some(&known) = self.by_node.get(&Arc::as_ptr(&expr.0)) {
            return known;
        }
        let step = match expr.node() {
            Node::Operand(index) => Step::Operand(*index),
            Node::Constant(constant) => Step::Constant(*constant),
            Node::Call(function, x) => Step::Call(*function, self.place(x)),
            Node::Binary(binary, a, b) => Step::Binary(*binary, self.place(a), self.place(b)),
            Node::Select {
                less: (a, b),
                yes,
                no,
            } => Step::Select {
                less: (self.place(a), self.place(b)),
                yes: self.place(yes),
                no: self.place(no),
            },
        };
        let next = self.steps.len();
        let number = *self.by_step.entry(step).or_insert(next);
        if number == next {
            self.steps.push(step);
        }
        self.by_node.insert(Arc::as_ptr(&expr.0), number);
        number
    }
}
