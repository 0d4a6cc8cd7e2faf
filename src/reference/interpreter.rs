//! Runs a graph, operation by operation, on the twins.

use super::real::Real;
use super::{column_sum, copy, draw, gather, gemm, lookup, objective, one_hot, pointwise, reduce};
use crate::executor;
use crate::graph::{Graph, Kind, Node, Op, TensorId};

/// The data set that [`Op::Gather`] reads.
#[derive(Clone, Copy, Debug)]
pub struct Batches<'a> {
    /// `[count, dim]`.
    pub pixels: &'a executor::Values<'a>,
    /// A class of each row, where there are any.
    pub labels: Option<&'a [u8]>,
    /// The order of the rows.
    pub order: &'a [u32],
    /// Rows of the epoch that are done.
    pub position: usize,
}

/// What operations see besides their operands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// The key of all noise.
    pub seed: u64,
    /// The step's number.
    pub step: u32,
    /// The data set, for graphs that gather.
    pub batches: Option<Batches<'a>>,
}

/// The value of every tensor of a graph, as far as it is known.
#[derive(Clone, Debug)]
pub struct Values<T> {
    of: Vec<Option<Vec<T>>>,
    /// Of each tensor the one that holds its values.
    storage: Vec<TensorId>,
}

impl<T: Real> Values<T> {
    /// Constants filled in; inputs and parameters are to be set.
    pub fn new(graph: &Graph) -> Self {
        let constant = |tensor: &crate::graph::Tensor| match &tensor.kind {
            Kind::Constant(value) => Some(vec![T::narrow(*value); tensor.shape.len()]),
            Kind::Values(values) => Some(values.iter().map(|&v| T::narrow(f64::from(v))).collect()),
            Kind::Input | Kind::Parameter | Kind::State | Kind::View(_) | Kind::Computed => None,
        };
        Self {
            of: graph.tensors().iter().map(constant).collect(),
            storage: graph.storage(),
        }
    }

    /// Gives a tensor its values.
    pub fn set(&mut self, id: TensorId, values: Vec<T>) {
        self.of[self.storage[id.index()].index()] = Some(values);
    }

    /// A tensor's values.
    ///
    /// # Panics
    /// Where it has none yet: an input that was not set, or a graph that was not run.
    pub fn get(&self, id: TensorId) -> &[T] {
        match &self.of[self.storage[id.index()].index()] {
            Some(values) => values,
            None => unreachable!("tensor {} has no values", id.index()),
        }
    }
}

/// Computes every operation's result from the inputs and parameters in `values`, and returns the
/// objective and its terms. `watch` sees each node's result and stops the run with `false`.
///
/// # Panics
/// Where an input or parameter was not set, or the graph gathers and there is no data set.
pub fn evaluate<T: Real>(
    graph: &Graph,
    values: &mut Values<T>,
    context: Context<'_>,
    mut watch: impl FnMut(TensorId, &[T]) -> bool,
) -> Vec<f64> {
    for node in graph.nodes() {
        let (id, result) = (node.output, compute(graph, node, values, context));
        debug_assert_eq!(
            result.len(),
            graph.shape(id).len(),
            "{}",
            graph.tensor(id).name
        );
        let go_on = watch(id, &result);
        values.set(id, result);
        if !go_on {
            return Vec::new();
        }
    }
    let terms: Vec<_> = graph
        .terms()
        .iter()
        .map(|term| {
            let weight = f64::from(term.weight) * term.ramp.at(context.step);
            (weight, values.get(term.rows))
        })
        .collect();
    objective::value(&terms)
}

fn compute<T: Real>(
    graph: &Graph,
    node: &Node,
    values: &Values<T>,
    context: Context<'_>,
) -> Vec<T> {
    let input = |index: usize| values.get(node.inputs[index]);
    let all_inputs = || (0..node.inputs.len()).map(input).collect::<Vec<_>>();
    let matrix = |index: usize| {
        let shape = graph.shape(node.inputs[index]);
        [shape.rows(), shape.columns()]
    };
    let output = graph.shape(node.output);
    match &node.op {
        Op::Gather => {
            let Batches {
                pixels,
                order,
                position,
                ..
            } = batches(context);
            let shape = [output.rows(), output.columns()];
            match pixels {
                executor::Values::Bytes(images) => gather::bytes(images, order, position, shape),
                executor::Values::Floats(images) => gather::floats(images, order, position, shape),
            }
        }
        Op::OneHot => {
            let Batches {
                labels: Some(labels),
                order,
                position,
                ..
            } = batches(context)
            else {
                unreachable!("the graph reads labels, and the data set has none")
            };
            one_hot::value(labels, order, position, [output.rows(), output.columns()])
        }
        &Op::Normal(draw) => draw::normals(context.seed, draw, context.step, output.len()),
        &Op::Uniform(draw) => draw::uniforms(context.seed, draw, context.step, output.len()),
        &Op::Ramp { scale, ramp } => {
            vec![T::narrow(scale * ramp.at(context.step)); output.len()]
        }
        &Op::Product { transposed } => {
            let bias = node.inputs.get(2).map(|&bias| values.get(bias));
            let shape = transposed.shape([output.rows(), output.columns()], matrix(0));
            gemm::product([input(0), input(1)], transposed, bias, shape)
        }
        &Op::BatchedProduct { groups, transposed } => {
            let of_group = |[rows, columns]: [usize; 2]| [rows / groups, columns];
            let result = of_group([output.rows(), output.columns()]);
            let shape = transposed.shape(result, of_group(matrix(0)));
            gemm::batched([input(0), input(1)], transposed, groups, shape)
        }
        Op::ColumnSum => {
            let (x, sums) = (input(0), output.len());
            column_sum::value(x, [x.len() / sums.max(1), sums])
        }
        Op::Pointwise(work) => pointwise::value(work, &all_inputs()),
        Op::RowSum(work) => pointwise::row_sum(work, &all_inputs()),
        &Op::Reduce { function, axis } => reduce::value(function, input(0), axis, matrix(0)[1]),
        Op::Lookup => lookup::value(input(0), input(1), matrix(0)[1]),
        Op::Concat => {
            let part = |index: usize| (input(index), matrix(index)[1]);
            let parts: Vec<_> = (0..node.inputs.len()).map(part).collect();
            copy::concat(&parts, output.rows())
        }
        &Op::Slice { first } => copy::slice(input(0), matrix(0), first, output.columns()),
        Op::Stop | Op::ScaleGradient => input(0).to_vec(),
    }
}

fn batches(context: Context<'_>) -> Batches<'_> {
    match context.batches {
        Some(batches) => batches,
        None => unreachable!("the graph gathers batches, but there is no data set"),
    }
}
