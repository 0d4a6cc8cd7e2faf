//! What stays from run to run and is no parameter, such as the running means of a normalisation: no gradient
//! descends it. A run may leave new values in it.

use super::{Graph, Kind, Operand, Shape, TensorId};
use crate::expr::operand;

impl Graph {
    /// A tensor whose values stay from run to run; the same name is the same tensor in every graph of an
    /// executor, which holds it beside the parameters.
    pub fn state(&mut self, name: &str, shape: impl Into<Shape>) -> TensorId {
        let existing = self
            .tensors
            .iter()
            .position(|t| t.kind == Kind::State && t.name == name);
        match existing {
            Some(index) => TensorId(index),
            None => self.push_tensor(name, shape.into(), Kind::State, false),
        }
    }

    /// Leaves these values, as many as there are, in a state once all operations have run: each of them sees
    /// the values of before. Of several calls the last counts.
    ///
    /// # Panics
    /// Where `state` is none, or the values are no results of an operation, or of another number.
    pub fn assign(&mut self, state: TensorId, values: TensorId) {
        let of = self.tensor(state);
        let name = &of.name;
        assert!(of.kind == Kind::State, "{name} is no state");
        assert!(
            self.tensor(values).kind == Kind::Computed,
            "{name}: what is assigned is no result"
        );
        let (len, expected) = (self.shape(values).len(), of.shape.len());
        assert_eq!(len, expected, "{name}: values");
        match self.assignments.iter_mut().find(|(to, _)| *to == state) {
            Some((_, assigned)) => *assigned = values,
            None => self.assignments.push((state, values)),
        }
    }

    /// Takes a state so far on the way to values of its shape: state + rate · (values − state) is assigned to
    /// it. Where the graph has already assigned to it, the way goes on from there.
    pub fn follow(&mut self, state: TensorId, values: TensorId, rate: f64) {
        let assigned = self.assignments.iter().find(|(to, _)| *to == state);
        let from = assigned.map_or(state, |&(_, assigned)| assigned);
        let name = format!("{}.next", self.tensor(state).name);
        let shape = self.shape(state);
        let shape = [shape.rows(), shape.columns()];
        let [is, to] = [0, 1].map(operand);
        let next = &is + rate * (to - &is);
        let operands = [Operand::from(from), values.into()];
        let next = self.pointwise(&name, shape, next, &operands);
        self.assign(state, next);
    }

    /// The states that a run leaves new values in, each with these.
    pub fn assignments(&self) -> &[(TensorId, TensorId)] {
        &self.assignments
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Adam;

    #[test]
    fn a_state_has_no_gradient_and_what_it_follows_has_none_of_it() {
        let mut g = Graph::new();
        let x = g.parameter("x", [3]);
        let state = g.state("mean", [3]);
        assert_eq!(g.state("mean", [3]), state);
        g.follow(state, x, 0.1);
        let product = operand(0) * operand(1);
        let rows = g.row_sum("rows", [3, 1], product, &[x.into(), state.into()]);
        g.add_term("rows", rows, 1.0);
        g.minimize(Adam::default());
        assert_eq!(g.gradients().len(), 1);
        assert_eq!(g.updates().len(), 1);
        assert_eq!(g.assignments().len(), 1);
    }

    #[test]
    fn a_state_that_follows_twice_goes_on_from_the_first() {
        let mut g = Graph::new();
        let [a, b] = ["a", "b"].map(|name| g.input(name, [2]));
        let state = g.state("mean", [2]);
        g.follow(state, a, 0.5);
        let first = g.assignments()[0].1;
        g.follow(state, b, 0.5);
        let &[(_, second)] = g.assignments() else {
            panic!("one state, one assignment")
        };
        let last = g.nodes().iter().find(|node| node.output == second).unwrap();
        assert_eq!(last.inputs, [first, b]);
    }

    #[test]
    #[should_panic(expected = "x is no state")]
    fn a_parameter_is_no_state() {
        let mut g = Graph::new();
        let x = g.parameter("x", [2]);
        let y = g.add("y", x, x);
        g.assign(x, y);
    }
}
