//! q(y | x): linear layers whose outputs are logits of the classes, and what they are measured by.

use super::initial::InitialWeights;
use super::network::Layer;
use crate::executor::ParameterSpec;
use crate::expr::{Expr, less, operand};
use crate::graph::{Activation, Graph, Operand, Optimizer, Reduction, TensorId};

/// Layers `classifier.hidden.0` and so on, then `classifier.output`. Without hidden layers it is a
/// multinomial logistic regression.
///
/// ```
/// use vae_wgpu::graph::{Activation, Graph};
/// use vae_wgpu::model::{Classifier, InitialWeights};
///
/// let classifier = Classifier::new([50, 10], &[], Activation::Relu, InitialWeights::Pytorch);
/// assert_eq!(classifier.parameters()[0].name, "classifier.output.weight");
/// let mut g = Graph::new();
/// let x = g.input("x", [8, 50]);
/// let log_q = classifier.log_q(&mut g, x);
/// assert_eq!(g.shape(log_q).dims(), [8, 10]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Classifier {
    hidden: Vec<Layer>,
    output: Layer,
    activation: Activation,
    weights: InitialWeights,
}

/// −ln q of the label from ln q and the label's row (operands 0 and 1).
pub(super) fn cross_entropy() -> Expr {
    -(operand(0) * operand(1))
}

impl Classifier {
    /// The term of −ln q(y | x) of the labels.
    pub const CROSS_ENTROPY: &str = "cross_entropy";

    /// The term that is 1 for an image whose most probable class is not its label, else 0.
    pub const ERROR: &str = "error";

    /// Of rows of so many inputs into so many classes, with hidden layers of these units.
    pub fn new(
        [inputs, classes]: [usize; 2],
        hidden: &[usize],
        activation: Activation,
        weights: InitialWeights,
    ) -> Self {
        let last = hidden.last().copied().unwrap_or(inputs);
        Self {
            hidden: Layer::chain("classifier", inputs, hidden),
            output: Layer::new("classifier.output", [classes, last]),
            activation,
            weights,
        }
    }

    /// Weight and bias of each layer in their order.
    pub fn parameters(&self) -> Vec<ParameterSpec> {
        let layers = self.hidden.iter().chain([&self.output]);
        let parameters = layers.flat_map(|layer| layer.parameters(self.weights));
        parameters.collect()
    }

    /// ln q(y | x) of every class: `x [B, inputs] → [B, classes]`.
    pub fn log_q(&self, g: &mut Graph, x: TensorId) -> TensorId {
        let h = self.hidden.iter().fold(x, |x, layer| {
            let linear = layer.apply(g, x);
            g.activation(
                &format!("{}.activation", layer.name),
                self.activation,
                linear,
            )
        });
        let logits = self.output.apply(g, h);
        let [rows, classes] = [g.shape(logits).rows(), g.shape(logits).columns()];
        let each = g.reshape("classifier.logits", logits, [rows * classes]);
        let total = g.reduce("classifier.total", Reduction::LogSumExp, each, classes);
        let operands = [logits.into(), Operand::row(total)];
        g.pointwise("log_q", [rows, classes], operand(0) - operand(1), &operands)
    }

    /// The terms [`Classifier::CROSS_ENTROPY`], of this weight, and [`Classifier::ERROR`], which is only
    /// reported, from ln q(y | x) and the labels as rows of zeros with a 1, both `[B, classes]`.
    pub fn add_terms(g: &mut Graph, log_q: TensorId, label: TensorId, weight: f32) {
        let [rows, classes] = [g.shape(label).rows(), g.shape(label).columns()];
        let operands = [log_q.into(), label.into()];
        let of_rows = g.row_sum(
            Self::CROSS_ENTROPY,
            [rows, classes],
            cross_entropy(),
            &operands,
        );
        g.add_term(Self::CROSS_ENTROPY, of_rows, weight);
        let [found, given] = [("found", log_q), ("given", label)].map(|(name, of)| {
            let each = g.reshape(&format!("class.{name}.each"), of, [rows * classes]);
            g.reduce(&format!("class.{name}"), Reduction::ArgMax, each, classes)
        });
        let wrong = less((operand(0) - operand(1)).abs(), 0.5, 0.0, 1.0);
        let operands = [found.into(), given.into()];
        let wrong = g.pointwise(Self::ERROR, [rows, 1], wrong, &operands);
        g.add_term(Self::ERROR, wrong, 0.0);
    }

    /// A step of a training on rows of a data set and their labels: the mean cross entropy.
    pub fn training_graph(&self, batch: usize, optimizer: impl Into<Optimizer>) -> Graph {
        let [classes, _] = self.output.shape;
        let inputs = self.hidden.first().unwrap_or(&self.output).shape[1];
        let mut g = Graph::new();
        let x = g.gather("x", batch, inputs);
        let label = g.one_hot("label", batch, classes);
        let log_q = self.log_q(&mut g, x);
        Self::add_terms(&mut g, log_q, label, 1.0);
        g.minimize(optimizer);
        g
    }

    /// `x [B, inputs] → ln q(y | x) [B, classes]`; returns the graph and x.
    pub fn graph(&self, batch: usize) -> (Graph, TensorId) {
        let inputs = self.hidden.first().unwrap_or(&self.output).shape[1];
        let mut g = Graph::new();
        let x = g.input("x", [batch, inputs]);
        let log_q = self.log_q(&mut g, x);
        g.output(log_q);
        (g, x)
    }
}
