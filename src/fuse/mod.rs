//! Fusion: from a graph's operations to the launches that run them. This is the one place that
//! says what runs together, by graphs and expressions alone:
//!
//! - a product takes along pointwise work that is all that reads it (a sum with an earlier tensor, a
//!   non-linearity, the derivative of one) as its epilogue, as far as who runs it says that it can;
//! - the product that is a weight's gradient takes along the bias's;
//! - pointwise work takes along earlier pointwise work that only it reads, by substitution;
//! - then later work over the same operands: a loss its gradient, where the gradient of its rows is
//!   known before, as it is for a term of the objective; a latent its divergence;
//! - what passes values on as they are (`stop`, `scale_gradient`) is no launch: its readers read the
//!   original.

mod pointwise;
pub(crate) mod task;

use std::collections::{BTreeSet, HashMap, HashSet};

use self::task::{CopiedPart, Copy, Pointwise, Product, Task};
use crate::expr::operand;
use crate::graph::{Graph, Kind, Node, Op, Operand, Shape, TensorId, Transposed};

/// The launches that run `graph`, in order; `takes` says whether one launch can do a product with its
/// epilogue.
pub(crate) fn fuse(graph: &Graph, takes: impl Fn(&Product) -> bool) -> Vec<Task> {
    let mut fusion = Fusion::new(graph);
    fusion.extend_products(takes);
    fusion.take_sums();
    fusion.substitute();
    fusion.join();
    fusion.slots.into_iter().flatten().collect()
}

/// The operations of a graph, where each reads the original of what is passed on as it is. Ramps, which
/// read nothing, come first, so that a loss can take along a gradient that starts from one.
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
                original.insert(node.output, node.inputs[0]);
            }
            _ => nodes.push(node),
        }
    }
    nodes.sort_by_key(|node| !matches!(node.op, Op::Ramp { .. }));
    nodes
}

/// Tasks in the making.
struct Fusion<'g> {
    graph: &'g Graph,
    /// Of each tensor the one that holds its values, by which readers are known.
    storage: Vec<TensorId>,
    /// Tensors that are read after a run, too.
    visible: HashSet<TensorId>,
    /// A place for each operation, with the task that runs there, if any does.
    slots: Vec<Option<Task>>,
    /// The place of the task that writes each tensor.
    written: HashMap<TensorId, usize>,
    /// The places of the tasks that read each tensor.
    readers: HashMap<TensorId, BTreeSet<usize>>,
}

impl<'g> Fusion<'g> {
    /// Each operation alone.
    fn new(graph: &'g Graph) -> Self {
        let nodes = without_aliases(graph);
        let outputs = graph.outputs().iter().copied();
        let terms = graph.terms().iter().map(|term| term.rows);
        let gradients = graph.gradients().iter().map(|&(_, gradient)| gradient);
        let storage = graph.storage();
        let assigned = graph.assignments().iter().map(|&(_, assigned)| assigned);
        let visible = outputs.chain(terms).chain(gradients).chain(assigned);
        let mut fusion = Self {
            graph,
            visible: visible.map(|id| storage[id.index()]).collect(),
            storage,
            slots: vec![None; nodes.len()],
            written: HashMap::new(),
            readers: HashMap::new(),
        };
        for (place, node) in nodes.iter().enumerate() {
            fusion.put(place, task(graph, node));
        }
        fusion
    }

    /// The tensor that holds another's values.
    fn storage(&self, id: TensorId) -> TensorId {
        self.storage[id.index()]
    }

    fn put(&mut self, place: usize, task: Task) {
        for id in task.writes() {
            self.written.insert(id, place);
        }
        for id in task.reads() {
            let id = self.storage(id);
            self.readers.entry(id).or_default().insert(place);
        }
        self.slots[place] = Some(task);
    }

    fn take(&mut self, place: usize) {
        let Some(task) = self.slots[place].take() else {
            return;
        };
        for id in task.writes() {
            self.written.remove(&id);
        }
        for id in task.reads() {
            let id = self.storage(id);
            self.readers.entry(id).or_default().remove(&place);
        }
    }

    /// The one place where a tensor is read, if nothing else sees it.
    fn only_reader(&self, tensor: TensorId) -> Option<usize> {
        let tensor = self.storage(tensor);
        let readers = self.readers.get(&tensor)?;
        match (readers.len(), readers.first()) {
            (1, Some(&place)) if !self.visible.contains(&tensor) => Some(place),
            _ => None,
        }
    }

    /// Whether a tensor has its values before the task at `place` runs.
    fn is_known(&self, tensor: TensorId, place: usize) -> bool {
        let tensor = self.storage(tensor);
        match self.written.get(&tensor) {
            Some(&written) => written < place,
            None => self.graph.tensor(tensor).kind != Kind::Computed,
        }
    }

    /// Products take along what only reads them, one operation after the other, and run in its place.
    fn extend_products(&mut self, takes: impl Fn(&Product) -> bool) {
        for place in 0..self.slots.len() {
            if let Some((next, larger)) = self.with_next(place).filter(|(_, p)| takes(p)) {
                self.take(place);
                self.take(next);
                self.put(next, Task::Product(larger));
            }
        }
    }

    /// The product at a place with the work that is all that reads it, and that one's place.
    fn with_next(&self, place: usize) -> Option<(usize, Product)> {
        let Some(Task::Product(product)) = &self.slots[place] else {
            return None;
        };
        let next = self.only_reader(product.result())?;
        let Some(Task::Pointwise(work)) = &self.slots[next] else {
            return None;
        };
        let number = self.only_operand(work, product.result())?;
        let fits = work.shape == product.epilogue.shape && work.sums.is_empty();
        let larger = || pointwise::substituted(work, number, &product.epilogue);
        let epilogue = fits.then(larger).filter(pointwise::fits)?;
        let product = product.clone();
        Some((
            next,
            Product {
                epilogue,
                ..product
            },
        ))
    }

    /// A weight's gradient takes along the bias's, the sums of the same tensor.
    fn take_sums(&mut self) {
        for place in 0..self.slots.len() {
            let Some(Task::Product(product)) = &self.slots[place] else {
                continue;
            };
            if product.transposed != Transposed::Left {
                continue;
            }
            let readers = self
                .readers
                .get(&self.storage(product.left))
                .into_iter()
                .flatten();
            let [m, _] = product.epilogue.shape;
            let sums = readers.filter_map(|&reader| match self.slots[reader] {
                Some(Task::ColumnSum { sum, .. }) if self.graph.shape(sum).len() == m => {
                    Some((reader, sum))
                }
                _ => None,
            });
            let later = |&(_, sum): &(usize, TensorId)| {
                let mut readers = self.readers.get(&sum).into_iter().flatten();
                readers.all(|&reader| reader > place)
            };
            let Some((reader, sum)) = sums.into_iter().find(later) else {
                continue;
            };
            let larger = Product {
                sums: Some(sum),
                ..product.clone()
            };
            self.take(reader);
            self.put(place, Task::Product(larger));
        }
    }
}

/// The task of an operation alone.
fn task(graph: &Graph, node: &Node) -> Task {
    let (i, o) = (&node.inputs, node.output);
    match &node.op {
        Op::Gather => Task::Gather { x: o },
        Op::OneHot => Task::OneHot { y: o },
        &Op::Normal(draw) => Task::Normal { draw, eps: o },
        &Op::Uniform(draw) => Task::Uniform { draw, u: o },
        &Op::Ramp { scale, ramp } => Task::Ramp {
            scale,
            ramp,
            values: o,
        },
        &Op::Product { transposed } => product(graph, node, transposed),
        &Op::BatchedProduct { groups, transposed } => {
            let [result, left] = [o, i[0]].map(|id| graph.shape(id));
            let of_group = |shape: Shape| [shape.rows() / groups, shape.columns()];
            Task::BatchedProduct {
                groups,
                shape: transposed.shape(of_group(result), of_group(left)),
                transposed,
                left: i[0],
                right: i[1],
                y: o,
            }
        }
        Op::ColumnSum => Task::ColumnSum { a: i[0], sum: o },
        Op::Pointwise(work) => Task::Pointwise(pointwise::alone(work, i, o, false)),
        Op::RowSum(work) => Task::Pointwise(pointwise::alone(work, i, o, true)),
        &Op::Reduce { function, axis } => Task::Reduce {
            function,
            axis,
            x: i[0],
            y: o,
        },
        Op::Lookup => Task::Lookup {
            table: i[0],
            index: i[1],
            y: o,
        },
        Op::Concat => concat(graph, node),
        &Op::Slice { first } => Task::Copy(Copy {
            parts: vec![CopiedPart {
                from: i[0],
                from_first: first,
                to: o,
                to_first: 0,
                columns: graph.shape(o).columns(),
            }],
        }),
        Op::Stop | Op::ScaleGradient => unreachable!("aliases were sorted out before"),
    }
}

/// A product with its bias, where it has one, as its epilogue.
fn product(graph: &Graph, node: &Node, transposed: Transposed) -> Task {
    let product = node.output;
    let shape = graph.shape(product);
    let shape = [shape.rows(), shape.columns()];
    let bias = node.inputs.get(2).copied().map(Operand::column);
    let operands = [Operand::from(product)].into_iter().chain(bias);
    let value = match bias {
        Some(_) => operand(0) + operand(1),
        None => operand(0),
    };
    Task::Product(Product {
        transposed,
        left: node.inputs[0],
        right: node.inputs[1],
        product,
        epilogue: Pointwise {
            shape,
            operands: operands.map(|of| of.over(shape)).collect(),
            values: vec![(value, product)],
            sums: vec![],
        },
        sums: None,
    })
}

fn concat(graph: &Graph, node: &Node) -> Task {
    let mut to_first = 0;
    let parts = node.inputs.iter().map(|&from| {
        let columns = graph.shape(from).columns();
        let part = CopiedPart {
            from,
            from_first: 0,
            to: node.output,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Activation, Adam, Kind};
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
        let (y, observed) = (operand(0), operand(1));
        let nll = y.softplus() - y * observed;
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
        let tasks = fuse(&vae(false), |_| true);
        // gather, hidden, mu, logvar, eps, latent, decoder, output, recon
        assert_eq!(tasks.len(), 9, "{tasks:#?}");
    }

    #[test]
    fn activations_and_their_derivatives_ride_on_products() {
        let tasks = fuse(&vae(true), |_| true);
        let works = tasks.iter().filter_map(|task| match task {
            Task::Pointwise(work) => Some([work.values.len(), work.sums.len()]),
            _ => None,
        });
        // The latent with its divergence, the loss with its gradient, the gradients of both heads.
        assert_eq!(works.collect::<Vec<_>>(), [[1, 1], [1, 1], [2, 0]]);
        // The sum of what both heads send back, times the derivative of the hidden layer's ReLU.
        let operands = |t: &&Task| matches!(t, Task::Product(p) if p.epilogue.operands.len() == 3);
        assert_eq!(tasks.iter().filter(operands).count(), 1, "{tasks:#?}");
        let alone = |t: &&Task| matches!(t, Task::ColumnSum { .. });
        assert_eq!(tasks.iter().filter(alone).count(), 0);
        // Nine forward; of the five layers each a weight's gradient, of four an input's; the latent's.
        assert_eq!(tasks.len(), 9 + 5 + 4 + 1, "{tasks:#?}");
    }

    #[test]
    fn what_products_cannot_take_is_one_launch_with_what_follows_it() {
        let plain =
            |p: &Product| p.epilogue.operands.len() < 3 && p.transposed != Transposed::Neither;
        let tasks = fuse(&vae(true), plain);
        // Both derivatives of ReLU, one of them with the sum that it is of.
        assert_eq!(tasks.len(), 9 + 5 + 4 + 1 + 2, "{tasks:#?}");
    }

    /// What a work reads in two shapes is not computed within it in one of them.
    #[test]
    fn what_a_view_shows_is_stored() {
        let mut g = Graph::new();
        let x = g.input("x", [1, 6]);
        let y = g.pointwise("y", [1, 6], operand(0).exp(), &[x.into()]);
        let column = g.reshape("column", y, [6]);
        let operands = [y.into(), Operand::column(column)];
        let z = g.pointwise("z", [1, 6], operand(0) * operand(1), &operands);
        g.output(z);
        assert_eq!(fuse(&g, |_| true).len(), 2);
        // An output that is a view, too.
        let weight = g.input("weight", [2, 6]);
        let y = g.product("product", z, weight, Transposed::Right);
        let view = g.reshape("view", y, [2]);
        g.output(view);
        let bent = g.activation("bent", Activation::Tanh, y);
        g.output(bent);
        assert_eq!(fuse(&g, |_| true).len(), 4);
    }

    /// A bias's gradient has a sum for each column, and others are none.
    #[test]
    fn sums_of_rows_in_turn_are_launches_of_their_own() {
        let mut g = Graph::new();
        let [a, b] = ["a", "b"].map(|name| g.input(name, [6, 3]));
        let product = g.product("product", a, b, Transposed::Left);
        let sums = g.sum_in_turn("sums", a, 2);
        g.output(product);
        g.output(sums);
        let tasks = fuse(&g, |_| true);
        assert_eq!(tasks.len(), 2, "{tasks:#?}");
        let sums = g.column_sum("all", a);
        g.output(sums);
        let tasks = fuse(&g, |_| true);
        assert_eq!(tasks.len(), 2, "{tasks:#?}");
    }

    #[test]
    fn a_product_reads_no_more_arrays_than_a_launch_binds() {
        let mut g = Graph::new();
        let x = g.input("x", [8, 6]);
        let product = |g: &mut Graph, number| {
            let weight = g.parameter(&format!("weight.{number}"), [6, 6]);
            g.product("y", x, weight, Transposed::Right)
        };
        let first = product(&mut g, 0);
        let sum = (1..20).fold(first, |sum, number| {
            let next = product(&mut g, number);
            g.add("sum", sum, next)
        });
        g.output(sum);
        let tasks = fuse(&g, |_| true);
        let reads = tasks.iter().filter_map(|task| match task {
            Task::Product(product) => Some(product.epilogue.operands.len()),
            _ => None,
        });
        let most = reads.max().unwrap();
        assert!((3..8).contains(&most), "{most}: {tasks:#?}");
    }

    #[test]
    fn every_tensor_is_written_once_before_it_is_read() {
        for all in [true, false] {
            check_order(&vae(true), all);
            check_order(&tied(), all);
            check_order(&read_in_two_ways(), all);
        }
    }

    /// A layer that is used twice, so that its gradients are sums.
    fn tied() -> Graph {
        let mut g = Graph::new();
        let mut x = g.gather("x", 8, 6);
        let weight = g.parameter("weight", [6, 6]);
        let bias = g.parameter("bias", [6]);
        for _ in 0..2 {
            x = g.linear("y", x, weight, bias);
            x = g.activation("tanh", Activation::Tanh, x);
        }
        let rows = g.row_sum("rows", [8, 6], operand(0).square(), &[x.into()]);
        g.add_term("rows", rows, 1.0);
        g.minimize(Adam::default());
        g
    }

    /// Of one row, a value for each element is one for each column.
    fn read_in_two_ways() -> Graph {
        let mut g = Graph::new();
        let x = g.gather("x", 1, 4);
        let y = g.activation("y", Activation::Tanh, x);
        let operands = [y.into(), Operand::column(y)];
        let rows = g.row_sum("rows", [1, 4], operand(0) * operand(1), &operands);
        g.add_term("rows", rows, 1.0);
        g
    }

    fn check_order(graph: &Graph, all: bool) {
        let mut written: Vec<TensorId> = (0..graph.tensors().len())
            .map(TensorId)
            .filter(|&id| graph.tensor(id).kind != Kind::Computed)
            .collect();
        for task in fuse(graph, |_| all) {
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
