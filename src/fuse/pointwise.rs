//! Pointwise work: what of it runs in one launch.

use super::Fusion;
use super::task::{Pointwise, Task};
use crate::expr::{Expr, operand};
use crate::graph::{self, Broadcast, Operand, TensorId};

/// The most storage buffers of a launch that pointwise work is joined into: WebGPU's default limit.
const MOST_BUFFERS: usize = 8;

/// The most sums of such a launch: the components of a vector.
const MOST_SUMS: usize = 4;

/// The work of a node: its values, or their sums over rows.
pub(super) fn alone(
    work: &graph::Pointwise,
    inputs: &[TensorId],
    result: TensorId,
    sums: bool,
) -> Pointwise {
    let operands = inputs.iter().zip(&work.operands);
    let operands = operands.map(|(&tensor, &broadcast)| Operand { tensor, broadcast });
    let result = vec![(work.expr.clone(), result)];
    let (values, sums) = match sums {
        true => (vec![], result),
        false => (result, vec![]),
    };
    Pointwise {
        shape: work.shape,
        operands: operands.collect(),
        values,
        sums,
    }
}

impl Fusion<'_> {
    /// The operand of the work that is this tensor, with an element for each, where no other one has values
    /// of it.
    pub(super) fn only_operand(&self, work: &Pointwise, tensor: TensorId) -> Option<usize> {
        let broadcast = Broadcast::EACH.over(work.shape);
        let wanted = Operand { tensor, broadcast };
        let values = |own: &&Operand| self.storage(own.tensor) == self.storage(tensor);
        let alone = work.operands.iter().filter(values).count() == 1;
        let place = work.operands.iter().position(|own| *own == wanted);
        place.filter(|_| alone)
    }

    fn work(&self, place: usize) -> Option<&Pointwise> {
        match &self.slots[place] {
            Some(Task::Pointwise(work)) => Some(work),
            _ => None,
        }
    }

    /// Work takes along earlier work whose one value only it reads.
    pub(super) fn substitute(&mut self) {
        for place in 0..self.slots.len() {
            while let Some((earlier, larger)) = self.with_an_operand_computed(place) {
                self.take(earlier);
                self.take(place);
                self.put(place, Task::Pointwise(larger));
            }
        }
    }

    /// The work at a place with earlier work in the place of one of its operands, and that one's place.
    fn with_an_operand_computed(&self, place: usize) -> Option<(usize, Pointwise)> {
        let work = self.work(place)?;
        work.operands.iter().find_map(|own| {
            let &from = self.written.get(&own.tensor)?;
            let earlier = self.work(from)?;
            let number = self.only_operand(work, own.tensor)?;
            let alone = earlier.values.len() == 1 && earlier.sums.is_empty();
            let only_here = self.only_reader(own.tensor) == Some(place);
            if !alone || !only_here || earlier.shape != work.shape {
                return None;
            }
            let larger = substituted(work, number, earlier);
            fits(&larger).then_some((from, larger))
        })
    }

    /// Work takes along later work over its operands, where all that this reads is known before.
    pub(super) fn join(&mut self) {
        for place in 0..self.slots.len() {
            for later in place + 1..self.slots.len() {
                if let Some(larger) = self.with_later(place, later) {
                    self.take(later);
                    self.take(place);
                    self.put(place, Task::Pointwise(larger));
                }
            }
        }
    }

    fn with_later(&self, place: usize, later: usize) -> Option<Pointwise> {
        let (work, other) = (self.work(place)?, self.work(later)?);
        let shared = other.operands.iter().any(|o| work.operands.contains(o));
        let known = |o: &Operand| self.is_known(o.tensor, place);
        if work.shape != other.shape || !shared || !other.operands.iter().all(known) {
            return None;
        }
        Some(joined(work, other)).filter(fits)
    }
}

/// Both works as one.
fn joined(work: &Pointwise, other: &Pointwise) -> Pointwise {
    let mut joined = work.clone();
    let by = numbers(&mut joined.operands, &other.operands);
    let renumbered = |(expr, id): &(Expr, TensorId)| (expr.substitute(&by), *id);
    joined.values.extend(other.values.iter().map(renumbered));
    joined.sums.extend(other.sums.iter().map(renumbered));
    joined
}

/// The work with the one value of `earlier` in the place of its operand `number`.
pub(super) fn substituted(work: &Pointwise, number: usize, earlier: &Pointwise) -> Pointwise {
    let others = work.operands.iter().enumerate();
    let others = others.filter(|&(other, _)| other != number);
    let mut operands: Vec<_> = others.map(|(_, &operand)| operand).collect();
    let by = numbers(&mut operands, &earlier.operands);
    let expr = earlier.values[0].0.substitute(&by);
    let by: Vec<_> = (0..work.operands.len())
        .map(|other| match other {
            _ if other == number => expr.clone(),
            _ => operand(other - usize::from(other > number)),
        })
        .collect();
    let renumbered = |(expr, id): &(Expr, TensorId)| (expr.substitute(&by), *id);
    Pointwise {
        shape: work.shape,
        values: work.values.iter().map(renumbered).collect(),
        sums: work.sums.iter().map(renumbered).collect(),
        operands,
    }
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

/// Whether one launch can do it.
pub(super) fn fits(work: &Pointwise) -> bool {
    let buffers = work.operands.len() + work.values.len() + work.sums.len();
    buffers <= MOST_BUFFERS && work.sums.len() <= MOST_SUMS
}
