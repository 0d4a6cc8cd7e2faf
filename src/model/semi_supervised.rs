//! Labels in part: the model M2 of Kingma, Rezende, Mohamed and Welling, *Semi-supervised Learning with Deep
//! Generative Models* (2014), of the parts that the VAE is made of.
//!
//! Of an image with its label y, −L(x, y) = recon + kl − ln p(y) is minimised, where p(y) gives each class
//! the same probability. Of an image without one it is the mean of that under a classifier q(y | x), with the
//! classifier's divergence from p(y):
//!
//! U(x) = Σ_y q(y | x)·(recon(x, y) + kl(x, y)) + KL(q(y | x) ‖ p(y)).
//!
//! Every image counts as one without a label. An image stands in so many rows side by side as there are
//! classes, each with another class, so that encoder, decoder, posterior, prior and likelihood are those of
//! any conditional model. What the encoder's first layer makes of x is the same for all classes, and is
//! computed once.

use std::sync::Arc;

use super::Formula;
use super::classifier::{self, Classifier};
use super::objective::{Elbo, Objective};
use super::vae::{Inputs, Noise, Vae};
use crate::expr::{Expr, operand};
use crate::graph::{Graph, Operand, Reduction, TensorId};
use crate::rng::Stream;

/// The images whose labels a training knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled {
    /// `[count, D]`, with values as the model sees them.
    pub images: Arc<[f32]>,
    /// The class of each, a whole number: `[count]`.
    pub classes: Arc<[f32]>,
    /// The classifier's cross entropy counts so often in the objective.
    pub weight: f64,
}

impl Labelled {
    /// One image of zeros, for graphs that nobody runs.
    fn stand_in(dim: usize) -> Self {
        Self {
            images: vec![0.0; dim].into(),
            classes: [0.0].into(),
            weight: 1.0,
        }
    }
}

/// A label's summand of the mean of `of` under q from ln q(y | x) (operand 0).
fn summand(of: Expr) -> Expr {
    operand(0).exp() * of
}

/// A label's summand of KL(q(y | x) ‖ p(y)) from ln q(y | x) (operand 0).
fn kl_label(log_classes: Expr) -> Expr {
    operand(0).exp() * (operand(0) + log_classes)
}

/// The formulas of its terms, beside those of the ELBO.
pub fn formulas() -> Vec<Formula> {
    const LOG_Q: &str = "ln q(y | x)";
    vec![
        Formula {
            name: "recon, kl",
            expr: summand(operand(1)),
            operands: vec![LOG_Q, "f(x, y)"],
            of: "summed over the labels, with f either of the two given a label",
        },
        Formula {
            name: "kl_label",
            expr: kl_label(operand(1)),
            operands: vec![LOG_Q, "ln(classes)"],
            of: "summed over the labels",
        },
        Formula {
            name: Classifier::CROSS_ENTROPY,
            expr: classifier::cross_entropy(),
            operands: vec![LOG_Q, "[y is the label]"],
            of: "summed over the labels, of images with labels",
        },
    ]
}

impl Vae {
    /// The same model; a training knows the labels of these images.
    #[must_use]
    pub fn with_labelled(mut self, labelled: Labelled) -> Self {
        self.labelled = Some(Arc::new(labelled));
        self
    }

    /// q(y | x), where labels are known in part.
    pub fn classifier(&self) -> Option<Classifier> {
        let config = self.config();
        let layers = [config.input_dim, config.classes];
        config.labels_in_part.then(|| {
            Classifier::new(
                layers,
                &config.hidden,
                config.activation,
                config.initial_weights,
            )
        })
    }

    /// The objective's terms of images `x [B, D]` without labels and of others with labels, whose classifier's
    /// cross entropy has this weight. Noise is that of the first, with so many draws for each image as there
    /// are classes, then that of the others.
    ///
    /// # Panics
    /// Where the model is not one of labels in part.
    pub fn objective_in_part(
        &self,
        g: &mut Graph,
        x: TensorId,
        labelled: Inputs,
        noise: [Noise; 2],
        weight: f64,
    ) {
        let [of_x, of_labelled] = noise;
        self.add_unlabelled(g, x, of_x);
        let Elbo { beta, ramp, .. } = self.elbo();
        let [recon, kl] = self.given_label(g, labelled, Operand::from(labelled.x), of_labelled);
        let nll = operand(0) + self.log_classes();
        let rows = g.shape(labelled.x).rows();
        let nll = g.pointwise("labelled_nll", [rows, 1], nll, &[recon.into()]);
        g.add_term("labelled_nll", nll, 1.0);
        g.add_ramped_term("labelled_kl", kl, beta as f32, ramp);
        if let (Some(classifier), Some(label)) = (self.classifier(), labelled.label) {
            let log_q = classifier.log_q(g, labelled.x);
            Classifier::add_terms(g, log_q, label, weight as f32);
        }
    }

    /// What images without labels are measured by; of their labels, which the bound does not know, the
    /// classifier's terms are reported.
    pub(super) fn measure_in_part(&self, g: &mut Graph, inputs: Inputs, noise: Noise) {
        let log_q = self.add_unlabelled(g, inputs.x, noise);
        if let Some(label) = inputs.label {
            Classifier::add_terms(g, log_q, label, 0.0);
        }
    }

    /// The next images with labels, drawn with replacement: `[batch, D]` and `[batch, classes]`.
    pub(super) fn draw_labelled(&self, g: &mut Graph, batch: usize) -> Inputs {
        let config = self.config();
        let stand_in = || Arc::new(Labelled::stand_in(config.input_dim));
        let labelled = self.labelled.clone().unwrap_or_else(stand_in);
        let count = labelled.classes.len();
        let images = [count, config.input_dim];
        let images = g.values("labelled.images", images, Arc::clone(&labelled.images));
        let classes = g.values("labelled.classes", [count], Arc::clone(&labelled.classes));
        let u = g.uniform("labelled.uniform", Stream::Labelled, [batch]);
        // Between whole numbers, which a lookup rounds down.
        let index = count as f64 * operand(0);
        let index = g.pointwise("labelled.index", [batch, 1], index, &[u.into()]);
        let x = g.lookup("labelled.x", images, index);
        let class = g.lookup("labelled.class", classes, index);
        let label = g.one_hot_of("labelled.label", class, config.classes);
        Inputs {
            x,
            label: Some(label),
        }
    }

    /// How often the cross entropy of images with labels counts.
    pub(super) fn classifier_weight(&self) -> f64 {
        self.labelled.as_ref().map_or(1.0, |of| of.weight)
    }

    /// `x [B, D] → ln q(y | x) [B, classes]`; returns the graph and x, where labels are known in part.
    pub fn classifier_graph(&self, batch: usize) -> Option<(Graph, TensorId)> {
        Some(self.classifier()?.graph(batch))
    }

    /// The terms of U(x), and their sum as `bound`. Returns ln q(y | x).
    fn add_unlabelled(&self, g: &mut Graph, x: TensorId, noise: Noise) -> TensorId {
        let Some(classifier) = self.classifier() else {
            unreachable!("a model without labels in part")
        };
        let classes = self.config().classes;
        let [rows, dim] = [g.shape(x).rows(), g.shape(x).columns()];
        let log_q = classifier.log_q(g, x);

        let each = Operand::from(x).repeated(classes);
        let shape = [rows * classes, dim];
        let inputs = Inputs {
            // An encoder without labels would say the same of each, and draws of z are one for each.
            x: match self.config().condition.encoder() {
                true => x,
                false => g.pointwise("x.repeated", shape, operand(0), &[each]),
            },
            label: Some(every_label(g, rows, classes)),
        };
        let Elbo { beta, ramp, .. } = self.elbo();
        let given = self.given_label(g, inputs, each, noise);
        let given = given.map(|of| g.reshape("given_labels", of, [rows, classes]));
        let operands = [log_q, given[0], given[1]].map(Operand::from);
        let mut mean =
            |name: &str, summand: Expr| g.row_sum(name, [rows, classes], summand, &operands);
        let of_labels = kl_label(self.log_classes());
        let recon = mean("recon", summand(operand(1)));
        let kl = mean("kl", summand(operand(2)));
        let kl_label = mean("kl_label", of_labels.clone());
        // Of the same operands and not of the three terms, so that it is computed with them.
        let bound = mean("bound", summand(operand(1) + operand(2)) + of_labels);
        g.add_term("recon", recon, 1.0);
        g.add_ramped_term("kl", kl, beta as f32, ramp);
        g.add_term("kl_label", kl_label, 1.0);
        g.add_term("bound", bound, 0.0);
        log_q
    }

    /// −ln p(x | y, z), as a mean over the samples, and the divergence of z, of each row with its label:
    /// `[rows]` each. `x` is what is reconstructed, an operand of rows, each for all samples.
    fn given_label(
        &self,
        g: &mut Graph,
        inputs: Inputs,
        x: Operand,
        noise: Noise,
    ) -> [TensorId; 2] {
        let samples = self.config().objective.samples();
        let heads = self.encode(g, inputs);
        let drawn = self.draw(g, &heads, noise, samples);
        let label = inputs.repeated_label(g, self, samples);
        let outputs = self.decode(g, drawn.z, label);
        let recon = self.reconstruction(g, &outputs, x.repeated(samples));
        let recon = mean_of_samples(g, recon, samples);
        let of_rows = inputs.repeated_label(g, self, 1);
        let kl = self.kl(g, &heads, of_rows);
        let kl = kl.unwrap_or_else(|| {
            let excess = self.excess(g, &heads, &drawn, label, samples);
            mean_of_samples(g, excess, samples)
        });
        [recon, kl]
    }

    /// The ELBO of the objective, which `check.rs` sees to.
    fn elbo(&self) -> Elbo {
        match self.config().objective {
            Objective::Elbo(elbo) => elbo,
            _ => unreachable!("labels in part with another objective"),
        }
    }

    /// −ln p(y).
    fn log_classes(&self) -> Expr {
        (self.config().classes as f64).ln().into()
    }
}

/// Each class in turn for each of so many images, as rows of zeros with a 1: `[images · classes, classes]`.
fn every_label(g: &mut Graph, images: usize, classes: usize) -> TensorId {
    let mut values = vec![0.0; images * classes * classes];
    for (row, values) in values.chunks_mut(classes).enumerate() {
        values[row % classes] = 1.0;
    }
    g.values("every_label", [images * classes, classes], values)
}

/// The mean of so many consecutive rows.
fn mean_of_samples(g: &mut Graph, rows: TensorId, samples: usize) -> TensorId {
    if samples == 1 {
        return rows;
    }
    let sums = g.reduce("samples.sum", Reduction::Sum, rows, samples);
    let count = g.shape(sums).rows();
    let mean = 1.0 / samples as f64 * operand(0);
    g.pointwise("samples.mean", [count, 1], mean, &[sums.into()])
}
