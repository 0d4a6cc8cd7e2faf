//! Graphs: tensors, the operations between them, shape rules and reverse-mode differentiation.
//!
//! A model writes its loss into a [`Graph`]; [`Graph::minimize`] adds the backward pass and the
//! optimiser. Two executors run the result: [`crate::plan`] on the GPU and [`crate::reference`] on
//! the CPU. Nothing here knows of either.
//!
//! ```
//! use vae_wgpu::graph::{Activation, Graph};
//!
//! let mut g = Graph::new();
//! let x = g.input("x", [8, 3]);
//! let weight = g.parameter("weight", [2, 3]);
//! let bias = g.parameter("bias", [2]);
//! let y = g.linear("y", x, weight, bias);
//! let y = g.activation("tanh", Activation::Tanh, y);
//! assert_eq!(g.shape(y).dims(), [8, 2]);
//! ```

use std::collections::HashMap;
use std::sync::Arc;

mod activation;
mod backward;
mod build;
pub mod gaussian;
mod group;
mod index;
mod op;
mod optimizer;
mod pointwise;
mod ramp;
mod schedule;
mod shape;
mod state;

pub use activation::Activation;
pub use group::{GroupUpdate, ParameterGroup, Update};
pub use op::{Op, Reduction, Transposed};
pub use optimizer::{Adam, Optimizer};
pub use pointwise::{Broadcast, Operand, Pointwise, Rows};
pub use ramp::Ramp;
pub use schedule::{Curve, Schedule, ScheduleError, Segment};
pub use shape::Shape;

/// A tensor of a [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TensorId(pub(crate) usize);

impl TensorId {
    /// Its position in [`Graph::tensors`].
    pub fn index(self) -> usize {
        self.0
    }
}

/// Where a tensor's values come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Written by the caller before each run.
    Input,
    /// A trained parameter; the executor holds one set for all graphs, by name.
    Parameter,
    /// Neither trained nor given: it stays from run to run, and a run may leave new values in it
    /// ([`Graph::assign`]). The executor holds one set, beside the parameters, by name.
    State,
    /// Every element has this value.
    Constant(f64),
    /// Those of another tensor, in another shape.
    View(TensorId),
    /// The elements have these values.
    Values(Arc<[f32]>),
    /// The output of an operation.
    Computed,
}

/// A named array of `f32`, row-major.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// For messages: `encoder.mu`, `d_encoder.mu.weight`.
    pub name: String,
    /// Its dimensions.
    pub shape: Shape,
    /// Where its values come from.
    pub kind: Kind,
    /// Whether it depends on a parameter.
    pub(crate) differentiable: bool,
}

/// An operation with its operands, in the order that [`Op`] defines, and its result.
#[derive(Clone, Debug)]
pub struct Node {
    /// What is computed.
    pub op: Op,
    /// The operands.
    pub inputs: Vec<TensorId>,
    /// The result.
    pub output: TensorId,
}

/// A named quantity, and what it contributes to the objective: `weight · ramp(step) · mean(rows)`.
#[derive(Clone, Debug)]
pub struct Term {
    /// Its name in logs.
    pub name: String,
    /// `[n]`: one value for each row of the batch, or for each sample; in nats.
    pub rows: TensorId,
    /// Its factor in the objective; 0 for what is only reported.
    pub weight: f32,
    /// How the factor follows the step.
    pub ramp: Ramp,
}

/// Tensors and the operations between them, in an order in which they can run.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    tensors: Vec<Tensor>,
    nodes: Vec<Node>,
    terms: Vec<Term>,
    outputs: Vec<TensorId>,
    gradients: Vec<(TensorId, TensorId)>,
    optimizer: Option<Optimizer>,
    /// States, each with the values that a run leaves in it.
    assignments: Vec<(TensorId, TensorId)>,
    /// By which the gradient of each [`Op::ScaleGradient`]'s result is multiplied.
    gradient_scales: Vec<(TensorId, TensorId)>,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// All tensors; a [`TensorId`] indexes them.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// One tensor.
    pub fn tensor(&self, id: TensorId) -> &Tensor {
        &self.tensors[id.0]
    }

    /// A tensor's dimensions.
    pub fn shape(&self, id: TensorId) -> Shape {
        self.tensors[id.0].shape
    }

    /// Of each tensor the one that holds its values: of what a view shows or what passes values on as they
    /// are, the original, else itself.
    pub(crate) fn storage(&self) -> Vec<TensorId> {
        let passes = |node: &&Node| matches!(node.op, Op::Stop | Op::ScaleGradient);
        let passed = self.nodes.iter().filter(passes);
        let passed: HashMap<_, _> = passed.map(|node| (node.output, node.inputs[0])).collect();
        let mut storage: Vec<TensorId> = Vec::with_capacity(self.tensors.len());
        for (index, tensor) in self.tensors.iter().enumerate() {
            let id = TensorId(index);
            let original = match tensor.kind {
                Kind::View(of) => Some(of),
                _ => passed.get(&id).copied(),
            };
            // An original comes before what shows it.
            storage.push(original.map_or(id, |of| storage[of.0]));
        }
        storage
    }

    /// The first tensor of a name.
    pub fn find(&self, name: &str) -> Option<TensorId> {
        self.tensors
            .iter()
            .position(|tensor| tensor.name == name)
            .map(TensorId)
    }

    /// The operations, in order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The summands of the objective.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Rows of a batch: of the images that the graph gathers, or of its first term.
    pub fn batch(&self) -> usize {
        let gathers = |node: &&Node| node.op == Op::Gather;
        let gathered = self.nodes.iter().find(gathers).map(|node| node.output);
        let rows = gathered.or_else(|| self.terms.first().map(|term| term.rows));
        rows.map_or(0, |id| self.shape(id).rows())
    }

    /// Whether it reads the labels of its batches.
    pub(crate) fn reads_labels(&self) -> bool {
        self.nodes.iter().any(|node| node.op == Op::OneHot)
    }

    /// The tensors that can be read after a run, in the order in which they were asked for.
    pub fn outputs(&self) -> &[TensorId] {
        &self.outputs
    }

    /// Each parameter with its gradient, once [`Graph::minimize`] or [`Graph::differentiate`] ran.
    pub fn gradients(&self) -> &[(TensorId, TensorId)] {
        &self.gradients
    }

    /// What updates the parameters at the end of a run, if anything does.
    pub fn optimizer(&self) -> Option<&Optimizer> {
        self.optimizer.as_ref()
    }
}
