//! Writing a graph: one method per operation, each with its shape rule.
//!
//! Shapes come from a model's code, never from a user, so a rule that is broken is a mistake in the
//! program and panics, as indexing does.

use super::{Activation, Graph, Kind, Node, Op, Shape, Tensor, TensorId, Term};
use crate::rng::{Draw, Stream};

/// Half of ln 2π: what a unit-variance Gaussian adds per dimension.
const HALF_LN_TAU: f32 = 0.918_938_5;

impl Graph {
    /// A tensor that the caller writes before each run.
    pub fn input(&mut self, name: &str, shape: impl Into<Shape>) -> TensorId {
        self.push_tensor(name, shape.into(), Kind::Input, false)
    }

    /// A trained parameter; the same name is the same parameter in every graph of an executor.
    pub fn parameter(&mut self, name: &str, shape: impl Into<Shape>) -> TensorId {
        let existing = self
            .tensors
            .iter()
            .position(|t| t.kind == Kind::Parameter && t.name == name);
        match existing {
            Some(index) => TensorId(index),
            None => self.push_tensor(name, shape.into(), Kind::Parameter, true),
        }
    }

    /// A tensor whose elements all have one value.
    pub fn constant(&mut self, name: &str, shape: impl Into<Shape>, value: f64) -> TensorId {
        self.push_tensor(name, shape.into(), Kind::Constant(value), false)
    }

    /// The next batch of the data set, `[batch, dim]`, in [0, 1].
    pub fn gather(&mut self, name: &str, batch: usize, dim: usize) -> TensorId {
        self.push(Op::Gather, name, [batch, dim].into(), &[])
    }

    /// Standard normals: the next draw of a stream, independent of those before it in the graph.
    pub fn normal(&mut self, name: &str, stream: Stream, shape: impl Into<Shape>) -> TensorId {
        let of_stream = |node: &&Node| matches!(node.op, Op::Normal(draw) if draw.stream == stream);
        let number = self.nodes.iter().filter(of_stream).count() as u32;
        let draw = Draw { stream, number };
        self.push(Op::Normal(draw), name, shape.into(), &[])
    }

    /// x·weightᵀ + bias: `[B, in], [out, in], [out] → [B, out]`.
    pub fn linear(
        &mut self,
        name: &str,
        x: TensorId,
        weight: TensorId,
        bias: TensorId,
    ) -> TensorId {
        let (xs, ws, bs) = (self.shape(x), self.shape(weight), self.shape(bias));
        assert_eq!(
            xs.columns(),
            ws.columns(),
            "{name}: x {xs} does not fit weight {ws}"
        );
        assert_eq!(
            bs.dims(),
            [ws.rows()],
            "{name}: bias {bs} does not fit weight {ws}"
        );
        self.push(
            Op::Linear,
            name,
            [xs.rows(), ws.rows()].into(),
            &[x, weight, bias],
        )
    }

    /// A pointwise non-linearity.
    pub fn activation(&mut self, name: &str, function: Activation, x: TensorId) -> TensorId {
        self.push(Op::Activation(function), name, self.shape(x), &[x])
    }

    /// a + b, of one shape.
    pub fn add(&mut self, name: &str, a: TensorId, b: TensorId) -> TensorId {
        self.same_shape(name, &[a, b]);
        self.push(Op::Add, name, self.shape(a), &[a, b])
    }

    /// μ + exp(½ log σ²)·ε, of one shape.
    pub fn reparameterize(
        &mut self,
        name: &str,
        mu: TensorId,
        logvar: TensorId,
        eps: TensorId,
    ) -> TensorId {
        self.same_shape(name, &[mu, logvar, eps]);
        self.push(Op::Reparameterize, name, self.shape(mu), &[mu, logvar, eps])
    }

    /// KL(N(μ, σ²) ‖ N(0, 1)) per row: `[B, D], [B, D] → [B]`, in nats.
    pub fn kl(&mut self, name: &str, mu: TensorId, logvar: TensorId) -> TensorId {
        self.same_shape(name, &[mu, logvar]);
        self.push(Op::Kl, name, [self.shape(mu).rows()].into(), &[mu, logvar])
    }

    /// −Σ log p(x) of independent Bernoullis, per row: `[B, D], [B, D] → [B]`, in nats.
    pub fn bernoulli_nll(&mut self, name: &str, logits: TensorId, x: TensorId) -> TensorId {
        self.rows_of(Op::BernoulliNll, name, logits, x)
    }

    /// −Σ log p(x) of Gaussians with mean y and unit variance, per row, in nats.
    pub fn gaussian_nll(&mut self, name: &str, y: TensorId, x: TensorId) -> TensorId {
        self.rows_of(
            Op::SquaredError {
                scale: 0.5,
                offset: HALF_LN_TAU,
            },
            name,
            y,
            x,
        )
    }

    /// Σ (y − x)², per row.
    pub fn squared_error(&mut self, name: &str, y: TensorId, x: TensorId) -> TensorId {
        self.rows_of(
            Op::SquaredError {
                scale: 1.0,
                offset: 0.0,
            },
            name,
            y,
            x,
        )
    }

    /// Adds `weight · mean(rows)` to the objective; `rows` is `[batch]`.
    pub fn add_term(&mut self, name: &str, rows: TensorId, weight: f32) {
        assert_eq!(
            self.shape(rows).dims().len(),
            1,
            "{name}: a term has one value per row"
        );
        self.terms.push(Term {
            name: name.to_owned(),
            rows,
            weight,
        });
    }

    /// Makes a tensor readable after each run.
    pub fn output(&mut self, tensor: TensorId) {
        self.outputs.push(tensor);
    }

    fn rows_of(&mut self, op: Op, name: &str, prediction: TensorId, x: TensorId) -> TensorId {
        self.same_shape(name, &[prediction, x]);
        assert!(
            !self.tensor(x).differentiable,
            "{name}: what is observed depends on a parameter"
        );
        self.push(
            op,
            name,
            [self.shape(prediction).rows()].into(),
            &[prediction, x],
        )
    }

    fn same_shape(&self, name: &str, tensors: &[TensorId]) {
        for pair in tensors.windows(2) {
            let (a, b) = (self.shape(pair[0]), self.shape(pair[1]));
            assert_eq!(a, b, "{name}: operands of shapes {a} and {b}");
        }
    }

    /// Appends a node with one output.
    pub(super) fn push(
        &mut self,
        op: Op,
        name: &str,
        shape: Shape,
        inputs: &[TensorId],
    ) -> TensorId {
        self.push_many(op, &[(name, shape)], inputs)[0]
    }

    /// Appends a node.
    pub(super) fn push_many(
        &mut self,
        op: Op,
        outputs: &[(&str, Shape)],
        inputs: &[TensorId],
    ) -> Vec<TensorId> {
        let differentiable = inputs.iter().any(|id| self.tensors[id.0].differentiable);
        let outputs: Vec<_> = outputs
            .iter()
            .map(|(name, shape)| self.push_tensor(name, *shape, Kind::Computed, differentiable))
            .collect();
        self.nodes.push(Node {
            op,
            inputs: inputs.to_vec(),
            outputs: outputs.clone(),
        });
        outputs
    }

    fn push_tensor(
        &mut self,
        name: &str,
        shape: Shape,
        kind: Kind,
        differentiable: bool,
    ) -> TensorId {
        self.tensors.push(Tensor {
            name: name.to_owned(),
            shape,
            kind,
            differentiable,
        });
        TensorId(self.tensors.len() - 1)
    }
}
