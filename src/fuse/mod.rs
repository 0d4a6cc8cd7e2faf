//! Fusion: from a graph's operations to the launches that run them. This is the one place that
//! says what runs together:
//!
//! - a product takes along its bias, a sum with an earlier tensor, a non-linearity, and the
//!   derivative of one (`linear → activation`, `linear_input_grad → add → activation_grad`), as far
//!   as the adapter's kernel can;
//! - a latent takes along its divergence, and so do their adjoints with the sums of what both send
//!   to μ and log σ²;
//! - the product that is a weight's gradient takes along the bias's;
//! - pointwise work takes along what only it reads of earlier pointwise work, and later work over the
//!   same operands: a loss its gradient, where the gradient of its rows is known before, as it is for
//!   a term of the objective;
//! - what passes values on as they are (`stop`, `scale_gradient`) is no launch: its readers read the
//!   original.

mod pointwise;
pub(crate) mod task;

use std::collections::HashMap;

use self::task::{
    CopiedPart, Copy, Kl, KlGradient, Latent, LatentGrad, Product, ProductKind, Task,
};
use crate::graph::{Graph, Node, Op, TensorId};
use crate::kernels::gemm::Epilogue;

/// The launches that run `graph`, in order; `epilogue` is what a product can take along.
pub(crate) fn fuse(graph: &Graph, epilogue: Epilogue) -> Vec<Task> {
    let mut fusion = Fusion::new(graph, epilogue);
    for index in 0..fusion.nodes.len() {
        fusion.place(index);
    }
    let Fusion { first, slots, .. } = fusion;
    first
        .into_iter()
        .chain(slots.into_iter().flatten())
        .collect()
}

/// The operations of a graph, where each reads the original of what is passed on as it is.
fn without_aliases(graph: &Graph) -> Vec<Node> {
    let mut original: HashMap<TensorId, TensorId> = HashMap::new();
    let mut nodes = Vec::new();
    for node in graph.nodes() {
        let mut node = node.clone();
        for input in &mut node.inputs {
            *input = original.get(input).copied().unwrap_or(*input);
        }
        match node.op {
            Op::Stop | Op::ScaleGradient => {
                original.insert(node.outputs[0], node.inputs[0]);
            }
            _ => nodes.push(node),
        }
    }
    nodes
}

struct Fusion<'g> {
    graph: &'g Graph,
    epilogue: Epilogue,
    nodes: Vec<Node>,
    /// The nodes that read each tensor.
    readers: HashMap<TensorId, Vec<usize>>,
    /// What reads nothing and is read by work that another task takes along.
    first: Vec<Task>,
    /// The task that runs at each node's place, if any does.
    slots: Vec<Option<Task>>,
    /// The place of the task that writes each tensor; `None` for one of `first`.
    written: HashMap<TensorId, Option<usize>>,
    /// Nodes that another node's task has taken along.
    taken: Vec<bool>,
}

impl<'g> Fusion<'g> {
    fn new(graph: &'g Graph, epilogue: Epilogue) -> Self {
        let nodes = without_aliases(graph);
        let mut readers: HashMap<_, Vec<_>> = HashMap::new();
        let mut first = Vec::new();
        let mut written = HashMap::new();
        let mut taken = vec![false; nodes.len()];
        for (index, node) in nodes.iter().enumerate() {
            for &input in &node.inputs {
                readers.entry(input).or_default().push(index);
            }
            if let Op::Ramp { scale, ramp } = node.op {
                let values = node.outputs[0];
                first.push(Task::Ramp {
                    scale,
                    ramp,
                    values,
                });
                written.insert(values, None);
                taken[index] = true;
            }
        }
        Self {
            graph,
            epilogue,
            readers,
            first,
            slots: vec![None; nodes.len()],
            written,
            taken,
            nodes,
        }
    }

    fn put(&mut self, place: usize, task: Task) {
        for id in task.writes() {
            self.written.insert(id, Some(place));
        }
        self.slots[place] = Some(task);
    }

    fn place(&mut self, index: usize) {
        if self.taken[index] {
            return;
        }
        let node = self.nodes[index].clone();
        let (i, o) = (&node.inputs, &node.outputs);
        let task = match &node.op {
            Op::Gather => Task::Gather { x: o[0] },
            Op::OneHot => Task::OneHot { y: o[0] },
            &Op::Normal(draw) => Task::Normal { draw, eps: o[0] },
            &Op::Uniform(draw) => Task::Uniform { draw, u: o[0] },
            Op::Linear => return self.place_product(index, ProductKind::Forward),
            Op::LinearInputGrad => return self.place_product(index, ProductKind::InputGrad),
            Op::LinearWeightGrad => return self.place_product(index, ProductKind::WeightGrad),
            Op::ColumnSum => Task::ColumnSum { a: i[0], sum: o[0] },
            &Op::Activation(function) => Task::Activation {
                function,
                x: i[0],
                y: o[0],
            },
            &Op::ActivationGrad(function) => Task::ActivationGrad {
                function,
                y: i[0],
                d_y: i[1],
                d_x: o[0],
            },
            Op::Add => Task::Add {
                a: i[0],
                b: i[1],
                sum: o[0],
            },
            Op::Pointwise(_) | Op::RowSum(_) => self.pointwise(index),
            &Op::Reduce { function, axis } => Task::Reduce {
                function,
                axis,
                x: i[0],
                y: o[0],
            },
            Op::Concat => self.concat(&node),
            &Op::Slice { first } => Task::Copy(Copy {
                parts: vec![CopiedPart {
                    from: i[0],
                    from_first: first,
                    to: o[0],
                    to_first: 0,
                    columns: self.graph.shape(o[0]).columns(),
                }],
            }),
            Op::Reparameterize => self.latent(&node),
            Op::ReparameterizeGrad => Task::ReparameterizeGrad {
                d_z: i[0],
                logvar: i[1],
                eps: i[2],
                d_logvar: o[0],
            },
            Op::Kl => self.kl(&node),
            Op::KlGrad => match self.latent_grad(index) {
                Some((place, task)) => {
                    self.put(place, task);
                    return;
                }
                None => Task::Kl(Kl {
                    mu: i[0],
                    logvar: i[1],
                    rows: None,
                    gradient: Some(Self::kl_gradient(&node)),
                }),
            },
            Op::Ramp { .. } | Op::Stop | Op::ScaleGradient => {
                unreachable!("the operations were sorted out before")
            }
        };
        self.put(index, task);
    }

    fn concat(&self, node: &Node) -> Task {
        let mut to_first = 0;
        let parts = node.inputs.iter().map(|&from| {
            let columns = self.graph.shape(from).columns();
            let part = CopiedPart {
                from,
                from_first: 0,
                to: node.outputs[0],
                to_first,
                columns,
            };
            to_first += columns;
            part
        });
        Task::Copy(Copy {
            parts: parts.collect(),
        })
    }

    /// A product, at the place of the last operation that it takes along.
    fn place_product(&mut self, index: usize, kind: ProductKind) {
        let node = &self.nodes[index];
        let mut product = Product {
            kind,
            left: node.inputs[0],
            right: node.inputs[1],
            bias: node.inputs.get(2).copied(),
            addend: None,
            activation: None,
            gradient_of: None,
            result: node.outputs[0],
            sums: None,
        };
        if kind == ProductKind::WeightGrad {
            let bias_grad = self.reader_of(product.left, &Op::ColumnSum);
            if let Some(n) = bias_grad {
                self.taken[n] = true;
                product.sums = Some(self.nodes[n].outputs[0]);
            }
        }
        let mut place = index;
        while let Some(next) = self.only_reader(product.result) {
            let reader = &self.nodes[next];
            let linear = product.activation.is_none() && product.gradient_of.is_none();
            match &reader.op {
                Op::Add if linear && product.addend.is_none() && self.epilogue.takes_operands() => {
                    let other = usize::from(reader.inputs[0] == product.result);
                    product.addend = Some(reader.inputs[other]);
                }
                &Op::Activation(function) if linear && self.epilogue.takes_activation(function) => {
                    product.activation = Some(function);
                }
                &Op::ActivationGrad(function)
                    if self.epilogue.takes_operands()
                        && product.gradient_of.is_none()
                        && reader.inputs[1] == product.result =>
                {
                    product.gradient_of = Some((function, reader.inputs[0]));
                }
                _ => break,
            }
            self.taken[next] = true;
            product.result = reader.outputs[0];
            place = next;
        }
        self.put(place, Task::Product(product));
    }

    /// A node of one kind that reads a tensor, if nobody has taken it.
    fn reader_of(&self, tensor: TensorId, op: &Op) -> Option<usize> {
        let readers = self.readers.get(&tensor).into_iter().flatten().copied();
        readers
            .into_iter()
            .find(|&n| self.nodes[n].op == *op && !self.taken[n])
    }

    /// The one node that reads a tensor, if nothing else sees it and nobody has taken the node.
    fn only_reader(&self, tensor: TensorId) -> Option<usize> {
        let visible = self.graph.outputs().contains(&tensor)
            || self.graph.terms().iter().any(|term| term.rows == tensor)
            || self
                .graph
                .gradients()
                .iter()
                .any(|&(_, gradient)| gradient == tensor);
        match self.readers.get(&tensor).map(Vec::as_slice) {
            Some(&[reader]) if !visible && !self.taken[reader] => Some(reader),
            _ => None,
        }
    }

    /// A reparameterization, with the divergence of the same μ and log σ² if the graph has it.
    fn latent(&mut self, node: &Node) -> Task {
        let (mu, logvar, eps) = (node.inputs[0], node.inputs[1], node.inputs[2]);
        let z = node.outputs[0];
        let kl = self.reader_of(mu, &Op::Kl);
        match kl.filter(|&n| self.nodes[n].inputs == [mu, logvar]) {
            Some(n) => {
                self.taken[n] = true;
                let rows = self.nodes[n].outputs[0];
                Task::Latent(Latent {
                    mu,
                    logvar,
                    eps,
                    z,
                    rows,
                })
            }
            None => Task::Reparameterize { mu, logvar, eps, z },
        }
    }

    /// The divergence's gradient at `index`, if what it sends to μ and log σ² is only added to what
    /// a reparameterization of the same ones sends; and the place of the last of these operations.
    fn latent_grad(&mut self, index: usize) -> Option<(usize, Task)> {
        let nodes = &self.nodes;
        let kl = &nodes[index];
        let (mu, logvar, d_rows) = (kl.inputs[0], kl.inputs[1], kl.inputs[2]);
        let sums = [
            self.only_reader(kl.outputs[0])?,
            self.only_reader(kl.outputs[1])?,
        ];
        let [to_mu, to_logvar] = sums.map(|n| &nodes[n]);
        if to_mu.op != Op::Add || to_logvar.op != Op::Add {
            return None;
        }
        let other = |sum: &Node, own| sum.inputs[usize::from(sum.inputs[0] == own)];
        let d_z = other(to_mu, kl.outputs[0]);
        let through_z = other(to_logvar, kl.outputs[1]);
        let reparameterize = nodes
            .iter()
            .position(|node| node.outputs.contains(&through_z))?;
        let adjoint = &nodes[reparameterize];
        let fits = adjoint.op == Op::ReparameterizeGrad
            && adjoint.inputs[..2] == [d_z, logvar]
            && self.only_reader(through_z) == Some(sums[1]);
        if !fits {
            return None;
        }
        let task = Task::LatentGrad(LatentGrad {
            mu,
            logvar,
            eps: adjoint.inputs[2],
            d_z,
            d_rows,
            d_mu: to_mu.outputs[0],
            d_logvar: to_logvar.outputs[0],
        });
        let place = sums[0].max(sums[1]).max(reparameterize);
        for taken in [index, reparameterize, sums[0], sums[1]] {
            self.taken[taken] = true;
        }
        Some((place, task))
    }

    /// A divergence, with its gradient where that needs nothing that comes later.
    fn kl(&mut self, node: &Node) -> Task {
        let (mu, logvar) = (node.inputs[0], node.inputs[1]);
        let readers = self.readers.get(&mu).into_iter().flatten().copied();
        let gradient = readers.into_iter().find(|&n| {
            let other = &self.nodes[n];
            let same = other.op == Op::KlGrad && other.inputs.starts_with(&[mu, logvar]);
            let early = |d_rows| self.is_known(d_rows, 0);
            same && early(other.inputs[2]) && !self.taken[n]
        });
        let gradient = gradient.map(|n| {
            self.taken[n] = true;
            Self::kl_gradient(&self.nodes[n])
        });
        Task::Kl(Kl {
            mu,
            logvar,
            rows: Some(node.outputs[0]),
            gradient,
        })
    }

    fn kl_gradient(node: &Node) -> KlGradient {
        KlGradient {
            d_rows: node.inputs[2],
            d_mu: node.outputs[0],
            d_logvar: node.outputs[1],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Activation, Adam, Kind};
    use crate::kernels::rows::Score;
    use crate::rng::Stream;

    /// A VAE small enough to count its launches.
    fn vae(train: bool) -> Graph {
        let mut g = Graph::new();
        let x = g.gather("x", 8, 6);
        let layer = |g: &mut Graph, name: &str, x, size: [usize; 2]| {
            let weight = g.parameter(&format!("{name}.weight"), size);
            let bias = g.parameter(&format!("{name}.bias"), [size[0]]);
            g.linear(name, x, weight, bias)
        };
        let h = layer(&mut g, "hidden", x, [5, 6]);
        let h = g.activation("relu", Activation::Relu, h);
        let mu = layer(&mut g, "mu", h, [2, 5]);
        let logvar = layer(&mut g, "logvar", h, [2, 5]);
        let eps = g.normal("eps", Stream::Noise, [8, 2]);
        let z = g.reparameterize("z", mu, logvar, eps);
        let h = layer(&mut g, "decoder", z, [5, 2]);
        let h = g.activation("relu", Activation::Relu, h);
        let logits = layer(&mut g, "output", h, [6, 5]);
        let nll = Score::BernoulliNll.expr();
        let recon = g.row_sum("recon", [8, 6], nll, &[logits.into(), x.into()]);
        let kl = g.kl("kl", mu, logvar);
        g.add_term("recon", recon, 1.0);
        g.add_term("kl", kl, 1.0);
        if train {
            g.minimize(Adam::default());
        }
        g
    }

    #[test]
    fn a_forward_pass_has_one_launch_a_layer_and_a_loss() {
        let tasks = fuse(&vae(false), Epilogue::All);
        // gather, hidden, mu, logvar, eps, latent, decoder, output, recon
        assert_eq!(tasks.len(), 9, "{tasks:#?}");
    }

    #[test]
    fn activations_and_their_derivatives_ride_on_products() {
        let tasks = fuse(&vae(true), Epilogue::All);
        assert!(!tasks.iter().any(|t| matches!(t, Task::Activation { .. })));
        assert!(
            !tasks
                .iter()
                .any(|t| matches!(t, Task::ActivationGrad { .. }))
        );
        let with_addend = |t: &&Task| matches!(t, Task::Product(p) if p.addend.is_some() && p.gradient_of.is_some());
        assert_eq!(tasks.iter().filter(with_addend).count(), 1, "{tasks:#?}");
        let count = |of: fn(&Task) -> bool| tasks.iter().filter(|t| of(t)).count();
        assert_eq!(
            count(|t| matches!(t, Task::Pointwise(_))),
            1,
            "recon and its gradient"
        );
        assert_eq!(count(|t| matches!(t, Task::Latent(_))), 1);
        assert_eq!(count(|t| matches!(t, Task::LatentGrad(_))), 1);
        assert_eq!(count(|t| matches!(t, Task::ColumnSum { .. })), 0);
        // Nine forward; of the five layers each a weight's gradient, of four an input's; the latent's.
        assert_eq!(tasks.len(), 9 + 5 + 4 + 1, "{tasks:#?}");
    }

    #[test]
    fn every_tensor_is_written_once_before_it_is_read() {
        for epilogue in [Epilogue::All, Epilogue::Relu] {
            check_order(&vae(true), epilogue);
        }
    }

    fn check_order(graph: &Graph, epilogue: Epilogue) {
        let mut written: Vec<TensorId> = (0..graph.tensors().len())
            .map(TensorId)
            .filter(|&id| graph.tensor(id).kind != Kind::Computed)
            .collect();
        for task in fuse(graph, epilogue) {
            for read in task.reads() {
                assert!(written.contains(&read), "{task:?} reads {read:?} too early");
            }
            for write in task.writes() {
                assert!(!written.contains(&write), "{task:?} writes {write:?} again");
                written.push(write);
            }
        }
        for &(_, gradient) in graph.gradients() {
            assert!(written.contains(&gradient));
        }
    }
}
