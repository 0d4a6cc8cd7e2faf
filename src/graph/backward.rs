//! Reverse-mode differentiation: every operation's adjoint, written as further operations.

use std::collections::HashMap;

use super::{Graph, Kind, Node, Op, Operand, Optimizer, Pointwise, Reduction, TensorId};
use crate::expr::operand;

impl Graph {
    /// Adds the gradients of the objective with respect to every parameter.
    ///
    /// The objective is Σ weight · ramp(step) · mean(rows) over the terms, so each term's rows start
    /// with the gradient weight · ramp(step) / n.
    pub fn differentiate(&mut self) {
        let gradients = self.backward();
        self.gradients = (0..self.tensors.len())
            .map(TensorId)
            .filter(|&id| self.tensor(id).kind == Kind::Parameter)
            .filter_map(|id| gradients.of.get(&id).map(|&gradient| (id, gradient)))
            .collect();
    }

    /// Adds the gradient of the objective with respect to an input alone, of its shape; parameters count as
    /// constants. `None` where the objective does not depend on it.
    ///
    /// # Panics
    /// Where `input` is none.
    pub fn gradient_by(&mut self, input: TensorId) -> Option<TensorId> {
        let tensor = self.tensor(input);
        assert!(tensor.kind == Kind::Input, "{} is no input", tensor.name);
        self.depend_on(|id, _| id == input);
        self.backward().of.remove(&input)
    }

    /// Adds the gradients of the objective with respect to all that it depends on.
    fn backward(&mut self) -> Gradients {
        let mut gradients = Gradients::default();
        for term in self.terms.clone() {
            if term.weight == 0.0 || !self.differentiable(term.rows) {
                continue;
            }
            let rows = self.shape(term.rows);
            let name = format!("d_{}", term.name);
            let scale = f64::from(term.weight) / rows.rows() as f64;
            let seed = self.ramp(&name, rows, scale, term.ramp);
            gradients.accumulate(self, term.rows, seed);
        }
        for index in (0..self.nodes.len()).rev() {
            let node = self.nodes[index].clone();
            self.adjoint(&node, &mut gradients);
        }
        gradients
    }

    /// Adds the gradients, and the optimiser that applies them at the end of each run. What it freezes has
    /// none.
    ///
    /// # Panics
    /// Where one of its groups names no parameter of the graph.
    pub fn minimize(&mut self, optimizer: impl Into<Optimizer>) {
        let optimizer = optimizer.into();
        self.freeze(&optimizer);
        self.differentiate();
        self.optimizer = Some(optimizer);
    }

    /// Adds what the gradient of `node`'s output contributes to the gradients of its inputs.
    fn adjoint(&mut self, node: &Node, gradients: &mut Gradients) {
        let Some(&d_out) = gradients.of.get(&node.output) else {
            return;
        };
        let inputs = &node.inputs;
        match &node.op {
            Op::Gather
            | Op::OneHot
            | Op::Normal(_)
            | Op::Uniform(_)
            | Op::Ramp { .. }
            | Op::Stop => {}
            &Op::Product { transposed } => {
                let operands = [inputs[0], inputs[1]];
                let adjoints = transposed.adjoints(operands, d_out);
                for (input, (transposed, operands)) in operands.into_iter().zip(adjoints) {
                    if self.differentiable(input) {
                        let d_input = self.grad_of(input, Op::Product { transposed }, &operands);
                        gradients.accumulate(self, input, d_input);
                    }
                }
                if let Some(&bias) = inputs.get(2).filter(|&&bias| self.differentiable(bias)) {
                    let d_bias = self.grad_of(bias, Op::ColumnSum, &[d_out]);
                    gradients.accumulate(self, bias, d_bias);
                }
            }
            &Op::BatchedProduct { groups, transposed } => {
                let operands = [inputs[0], inputs[1]];
                let adjoints = transposed.adjoints(operands, d_out);
                for (input, (transposed, operands)) in operands.into_iter().zip(adjoints) {
                    if self.differentiable(input) {
                        let op = Op::BatchedProduct { groups, transposed };
                        let d_input = self.grad_of(input, op, &operands);
                        gradients.accumulate(self, input, d_input);
                    }
                }
            }
            Op::Pointwise(work) => {
                let value = Some(node.output);
                self.send_back(work, inputs, d_out.into(), value, gradients);
            }
            Op::RowSum(work) => {
                self.send_back(work, inputs, Operand::row(d_out), None, gradients);
            }
            &Op::Reduce { function, axis } => {
                let x = inputs[0];
                let shape = self.shape(x);
                let shape = [shape.rows(), shape.columns()];
                let [y, d_y] = [node.output, d_out].map(|id| Operand::from(id).repeated(axis));
                let name = self.gradient_name(x);
                let d_x = match function {
                    Reduction::Max => self.max_adjoint(x, axis, d_out),
                    Reduction::ArgMax => unreachable!("no gradient comes to an index"),
                    Reduction::Sum => self.pointwise(&name, shape, operand(0), &[d_y]),
                    Reduction::LogSumExp => {
                        let share = (operand(0) - operand(1)).exp();
                        self.pointwise(&name, shape, operand(2) * share, &[x.into(), y, d_y])
                    }
                };
                gradients.accumulate(self, x, d_x);
            }
            Op::ColumnSum => {
                let shape = self.shape(inputs[0]);
                let shape = [shape.rows(), shape.columns()];
                let name = self.gradient_name(inputs[0]);
                let count = self.shape(d_out).len() / shape[1].max(1);
                let d_y = Operand::from(d_out).in_turn(count);
                let d_x = self.pointwise(&name, shape, operand(0), &[d_y]);
                gradients.accumulate(self, inputs[0], d_x);
            }
            Op::Lookup => {
                let (table, index) = (inputs[0], inputs[1]);
                if self.differentiable(table) {
                    let d_table = self.lookup_adjoint(table, index, d_out);
                    gradients.accumulate(self, table, d_table);
                }
            }
            Op::Concat => {
                let mut first = 0;
                for &input in inputs {
                    let columns = self.shape(input).columns();
                    if self.differentiable(input) {
                        let name = self.gradient_name(input);
                        let d_input = self.slice(&name, d_out, first, columns);
                        gradients.accumulate(self, input, d_input);
                    }
                    first += columns;
                }
            }
            Op::ScaleGradient => {
                let scaled = node.output;
                let mut scales = self.gradient_scales.iter();
                let Some(&(_, factors)) = scales.find(|(of, _)| *of == scaled) else {
                    unreachable!("{} has no factors", self.tensor(scaled).name)
                };
                let shape = self.shape(scaled);
                let name = self.gradient_name(inputs[0]);
                let d_x = self.pointwise(
                    &name,
                    [shape.rows(), shape.columns()],
                    operand(0) * operand(1),
                    &[d_out.into(), Operand::row(factors)],
                );
                gradients.accumulate(self, inputs[0], d_x);
            }
            &Op::Slice { first } => {
                let x = inputs[0];
                let [all, columns] = [x, d_out].map(|id| self.shape(id).columns());
                let name = self.gradient_name(x);
                let d_x = self.pad(&name, d_out, first, all - first - columns);
                gradients.accumulate(self, x, d_x);
            }
        }
    }

    /// Pointwise work sends the gradient of its result, or of its rows, on to each of its operands.
    fn send_back(
        &mut self,
        work: &Pointwise,
        inputs: &[TensorId],
        d_out: Operand,
        value: Option<TensorId>,
        gradients: &mut Gradients,
    ) {
        for (index, &input) in inputs.iter().enumerate() {
            if self.differentiable(input)
                && let Some(d_input) = self.pointwise_adjoint(work, inputs, index, d_out, value)
            {
                gradients.accumulate(self, input, d_input);
            }
        }
    }

    /// The gradient of what a view shows, of that of the view: a view again, but of a parameter a copy, as its
    /// gradient is a tensor of its own.
    fn gradient_of_view(&mut self, original: TensorId, d_view: TensorId) -> TensorId {
        let (name, shape) = (self.gradient_name(original), self.shape(original));
        let d_original = self.reshape(&name, d_view, shape);
        if self.tensor(original).kind != Kind::Parameter {
            return d_original;
        }
        let matrix = [shape.rows(), shape.columns()];
        self.pointwise(&name, matrix, operand(0), &[d_original.into()])
    }

    fn differentiable(&self, id: TensorId) -> bool {
        self.tensor(id).differentiable
    }

    pub(super) fn gradient_name(&self, of: TensorId) -> String {
        format!("d_{}", self.tensor(of).name)
    }

    fn grad_of(&mut self, of: TensorId, op: Op, operands: &[TensorId]) -> TensorId {
        let (name, shape) = (self.gradient_name(of), self.shape(of));
        self.push(op, &name, shape, operands)
    }
}

/// The gradient of each tensor, as far as it is known.
#[derive(Default)]
struct Gradients {
    of: HashMap<TensorId, TensorId>,
}

impl Gradients {
    /// A tensor used twice receives the sum of what its uses send back.
    fn accumulate(&mut self, graph: &mut Graph, of: TensorId, gradient: TensorId) {
        if !graph.differentiable(of) {
            return;
        }
        if let Kind::View(original) = graph.tensor(of).kind {
            let gradient = graph.gradient_of_view(original, gradient);
            return self.accumulate(graph, original, gradient);
        }
        let total = match self.of.get(&of) {
            Some(&sum) => {
                let name = graph.gradient_name(of);
                graph.add(&name, sum, gradient)
            }
            None => gradient,
        };
        self.of.insert(of, total);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{Context, Values, evaluate};

    /// Of Σ (w·x)² over the rows, 2·w²·x, whatever other parameters and inputs there are.
    #[test]
    fn the_gradient_by_an_input_takes_parameters_for_constants() {
        let mut g = Graph::new();
        let [x, other] = ["x", "other"].map(|name| g.input(name, [3, 2]));
        let w = g.parameter("w", [1, 2]);
        let product = operand(0) * operand(1);
        let operands = [x.into(), Operand::column(w)];
        let scaled = g.pointwise("scaled", [3, 2], product, &operands);
        let squares = operand(0).square() + operand(1);
        let rows = g.row_sum("rows", [3, 2], squares, &[scaled.into(), other.into()]);
        g.add_term("rows", rows, 3.0);
        let gradient = g.gradient_by(x).unwrap();
        assert!(g.gradients().is_empty());
        let mut values = Values::<f64>::new(&g);
        let at = [1.0, -2.0, 0.5, 3.0, 0.0, 1.0];
        values.set(x, at.to_vec());
        values.set(other, vec![7.0; 6]);
        values.set(w, vec![2.0, -3.0]);
        evaluate(&g, &mut values, Context::default(), |_, _| true);
        let expected = at.chunks(2).flat_map(|row| [8.0 * row[0], 18.0 * row[1]]);
        assert_eq!(values.get(gradient), expected.collect::<Vec<_>>());
        // What the objective does not depend on has none.
        let unused = g.input("unused", [3, 2]);
        assert_eq!(g.gradient_by(unused), None);
    }
}
