//! Pointwise work: what of it runs in one launch.

use super::Fusion;
use super::task::{Pointwise, Task};
use crate::expr::{Expr, operand};
use crate::graph::{self, Kind, Op, Operand, TensorId};

/// The most storage buffers of a launch that pointwise work is joined into: WebGPU's default limit.
const MOST_BUFFERS: usize = 8;

impl Fusion<'_> {
    /// Pointwise work of a node alone.
    fn alone(&self, index: usize) -> Option<Pointwise> {
        let node = &self.nodes[index];
        let (work, sums) = match &node.op {
            Op::Pointwise(work) => (work, false),
            Op::RowSum(work) => (work, true),
            _ => return None,
        };
        let operands = node.inputs.iter().zip(&work.operands);
        let operands = operands.map(|(&tensor, &broadcast)| Operand { tensor, broadcast });
        let result = vec![(work.expr.clone(), node.outputs[0])];
        let (values, sums) = match sums {
            true => (vec![], result),
            false => (result, vec![]),
        };
        Some(Pointwise {
            shape: work.shape,
            operands: operands.collect(),
            values,
            sums,
        })
    }

    /// The work of a node with what only it reads of earlier work, and with later work over its operands.
    pub(super) fn pointwise(&mut self, index: usize) -> Task {
        let Some(mut work) = self.alone(index) else {
            unreachable!("the node is pointwise")
        };
        while let Some((place, larger)) = self.with_an_operand_computed(&work, index) {
            self.slots[place] = None;
            work = larger;
        }
        for later in index + 1..self.nodes.len() {
            let shared = |work: &Pointwise, other: &Pointwise| {
                let known = |operand| work.operands.contains(operand);
                work.shape == other.shape && other.operands.iter().any(known)
            };
            if let Some(other) = self.alone(later)
                && !self.taken[later]
                && shared(&work, &other)
                && other
                    .operands
                    .iter()
                    .all(|o| self.is_known(o.tensor, index))
                && let Some(larger) = joined(&work, &other)
            {
                self.taken[later] = true;
                work = larger;
            }
        }
        Task::Pointwise(work)
    }

    /// Whether a tensor has its values before the task at `place` runs.
    pub(super) fn is_known(&self, tensor: TensorId, place: usize) -> bool {
        match self.written.get(&tensor) {
            Some(written) => written.is_none_or(|written| written < place),
            None => self.graph.tensor(tensor).kind != Kind::Computed,
        }
    }

    /// The work with the expression of one of its operands in that operand's place, if the operand is
    /// the only result of earlier pointwise work of the same shape and nothing else reads it.
    fn with_an_operand_computed(
        &self,
        work: &Pointwise,
        reader: usize,
    ) -> Option<(usize, Pointwise)> {
        work.operands.iter().enumerate().find_map(|(number, own)| {
            let &Some(place) = self.written.get(&own.tensor)? else {
                return None;
            };
            let Some(Task::Pointwise(earlier)) = &self.slots[place] else {
                return None;
            };
            let [(expr, _)] = earlier.values.as_slice() else {
                return None;
            };
            let each = match work.shape {
                [_, 1] => graph::Broadcast::ROW,
                _ => graph::Broadcast::EACH,
            };
            let fits = earlier.sums.is_empty()
                && earlier.shape == work.shape
                && own.broadcast == each
                && self.only_reader(own.tensor) == Some(reader);
            fits.then(|| substituted(work, number, earlier, expr))
                .flatten()
                .map(|work| (place, work))
        })
    }
}

/// Both works as one, if it has few enough buffers.
fn joined(work: &Pointwise, other: &Pointwise) -> Option<Pointwise> {
    let mut joined = work.clone();
    let by = numbers(&mut joined.operands, &other.operands);
    let renumbered = |(expr, id): &(Expr, TensorId)| (expr.substitute(&by), *id);
    joined.values.extend(other.values.iter().map(renumbered));
    joined.sums.extend(other.sums.iter().map(renumbered));
    fits(joined)
}

/// The work with `expr` over the operands of `earlier` in the place of its operand `number`.
fn substituted(
    work: &Pointwise,
    number: usize,
    earlier: &Pointwise,
    expr: &Expr,
) -> Option<Pointwise> {
    let others = work.operands.iter().enumerate();
    let others = others.filter(|&(other, _)| other != number);
    let mut operands: Vec<_> = others.map(|(_, &operand)| operand).collect();
    let by = numbers(&mut operands, &earlier.operands);
    let expr = expr.substitute(&by);
    let by: Vec<_> = (0..work.operands.len())
        .map(|other| match other {
            _ if other == number => expr.clone(),
            _ => operand(other - usize::from(other > number)),
        })
        .collect();
    let renumbered = |(expr, id): &(Expr, TensorId)| (expr.substitute(&by), *id);
    fits(Pointwise {
        shape: work.shape,
        values: work.values.iter().map(renumbered).collect(),
        sums: work.sums.iter().map(renumbered).collect(),
        operands,
    })
}

/// The numbers of `others` among `operands`, which gain those that are missing.
fn numbers(operands: &mut Vec<Operand>, others: &[Operand]) -> Vec<Expr> {
    let number = |other: &Operand| {
        let known = operands.iter().position(|own| own == other);
        operand(known.unwrap_or_else(|| {
            operands.push(*other);
            operands.len() - 1
        }))
    };
    others.iter().map(number).collect()
}

fn fits(work: Pointwise) -> Option<Pointwise> {
    let buffers = work.operands.len() + work.values.len() + work.sums.len();
    (buffers <= MOST_BUFFERS).then_some(work)
}
