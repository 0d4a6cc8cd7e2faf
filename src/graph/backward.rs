//! Reverse-mode differentiation: every operation's adjoint, written as further operations.

use std::collections::HashMap;

use super::{Graph, Kind, Node, Op, Optimizer, TensorId};

impl Graph {
    /// Adds the gradients of the objective with respect to every parameter.
    ///
    /// The objective is Σ weight · mean(rows) over the terms, so each term's rows start with the
    /// constant gradient weight / batch.
    pub fn differentiate(&mut self) {
        let mut gradients = Gradients::default();
        for term in self.terms.clone() {
            let rows = self.shape(term.rows);
            let seed = self.constant(
                &format!("d_{}", term.name),
                rows,
                f64::from(term.weight) / rows.rows() as f64,
            );
            gradients.accumulate(self, term.rows, seed);
        }
        for index in (0..self.nodes.len()).rev() {
            let node = self.nodes[index].clone();
            self.adjoint(&node, &mut gradients);
        }
        self.gradients = (0..self.tensors.len())
            .map(TensorId)
            .filter(|&id| self.tensor(id).kind == Kind::Parameter)
            .filter_map(|id| gradients.of.get(&id).map(|&gradient| (id, gradient)))
            .collect();
    }

    /// Adds the gradients, and the optimiser that applies them at the end of each run.
    pub fn minimize(&mut self, optimizer: impl Into<Optimizer>) {
        self.differentiate();
        self.optimizer = Some(optimizer.into());
    }

    /// Adds what the gradient of `node`'s output contributes to the gradients of its inputs.
    fn adjoint(&mut self, node: &Node, gradients: &mut Gradients) {
        let Some(&d_out) = node.outputs.first().and_then(|id| gradients.of.get(id)) else {
            return;
        };
        let inputs = &node.inputs;
        match node.op {
            Op::Gather | Op::Normal(_) => {}
            Op::Linear => {
                let (x, weight, bias) = (inputs[0], inputs[1], inputs[2]);
                if self.differentiable(x) {
                    let d_x = self.grad_of(x, Op::LinearInputGrad, &[d_out, weight]);
                    gradients.accumulate(self, x, d_x);
                }
                if self.differentiable(weight) {
                    let d_weight = self.grad_of(weight, Op::LinearWeightGrad, &[d_out, x]);
                    gradients.accumulate(self, weight, d_weight);
                }
                if self.differentiable(bias) {
                    let d_bias = self.grad_of(bias, Op::ColumnSum, &[d_out]);
                    gradients.accumulate(self, bias, d_bias);
                }
            }
            Op::Activation(function) => {
                let operands = [node.outputs[0], d_out];
                let d_x = self.grad_of(inputs[0], Op::ActivationGrad(function), &operands);
                gradients.accumulate(self, inputs[0], d_x);
            }
            Op::Add => {
                for &input in inputs {
                    gradients.accumulate(self, input, d_out);
                }
            }
            Op::Reparameterize => {
                let (mu, logvar, eps) = (inputs[0], inputs[1], inputs[2]);
                gradients.accumulate(self, mu, d_out);
                if self.differentiable(logvar) {
                    let operands = [d_out, logvar, eps];
                    let d_logvar = self.grad_of(logvar, Op::ReparameterizeGrad, &operands);
                    gradients.accumulate(self, logvar, d_logvar);
                }
            }
            Op::Kl => {
                let (mu, logvar) = (inputs[0], inputs[1]);
                let shape = self.shape(mu);
                let names = [self.gradient_name(mu), self.gradient_name(logvar)];
                let outputs = [(names[0].as_str(), shape), (names[1].as_str(), shape)];
                let d = self.push_many(Op::KlGrad, &outputs, &[mu, logvar, d_out]);
                gradients.accumulate(self, mu, d[0]);
                gradients.accumulate(self, logvar, d[1]);
            }
            Op::BernoulliNll => {
                let operands = [inputs[0], inputs[1], d_out];
                let d_logits = self.grad_of(inputs[0], Op::BernoulliNllGrad, &operands);
                gradients.accumulate(self, inputs[0], d_logits);
            }
            Op::SquaredError { scale, .. } => {
                let operands = [inputs[0], inputs[1], d_out];
                let d_y = self.grad_of(inputs[0], Op::SquaredErrorGrad { scale }, &operands);
                gradients.accumulate(self, inputs[0], d_y);
            }
            Op::LinearInputGrad
            | Op::LinearWeightGrad
            | Op::ColumnSum
            | Op::ActivationGrad(_)
            | Op::ReparameterizeGrad
            | Op::KlGrad
            | Op::BernoulliNllGrad
            | Op::SquaredErrorGrad { .. } => {
                unreachable!("gradients are added after the forward operations")
            }
        }
    }

    fn differentiable(&self, id: TensorId) -> bool {
        self.tensor(id).differentiable
    }

    fn gradient_name(&self, of: TensorId) -> String {
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
