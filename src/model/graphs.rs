//! The graphs of a model: a step of a training or an evaluation over a data set, and its halves on values
//! of the caller's.

use super::network::Mode;
use super::vae::{Inputs, Noise, Vae};
use crate::expr::{less, operand};
use crate::graph::{Graph, Operand, Optimizer, Ramp, TensorId};
use crate::rng::Stream;

impl Vae {
    /// A training step over the data set, `batch` images at a time.
    pub fn training_graph(&self, batch: usize, optimizer: impl Into<Optimizer>) -> Graph {
        let training = self.clone().with_mode(Mode::Training);
        let mut g = Graph::new();
        let (pixels, noise) = (Stream::Binarisation, Noise::Stream(Stream::Noise));
        let x = training.gather(&mut g, batch, pixels);
        if training.config().labels_in_part {
            let mut labelled = training.draw_labelled(&mut g, batch);
            labelled.x = training.drawn_pixels(&mut g, "labelled.x", labelled.x, pixels);
            let weight = training.classifier_weight();
            training.objective_in_part(&mut g, x, labelled, [noise; 2], weight);
        } else {
            let label = training.gather_label(&mut g, batch);
            training.objective(&mut g, Inputs { x, label }, noise);
        }
        g.minimize(optimizer);
        g
    }

    /// The same loss without an update, with noise of its own that is the same each time, and with the
    /// divergence at its full weight.
    pub fn evaluation_graph(&self, batch: usize) -> Graph {
        let whole = self.clone().with_kl_ramp(Ramp::NONE);
        let whole = whole.with_mode(Mode::Evaluation);
        let mut g = Graph::new();
        let noise = Noise::Stream(Stream::Evaluation);
        let x = whole.gather(&mut g, batch, Stream::EvaluationBinarisation);
        let label = whole.gather_label(&mut g, batch);
        let inputs = Inputs { x, label };
        match whole.config().labels_in_part {
            true => whole.measure_in_part(&mut g, inputs, noise),
            false => {
                whole.objective(&mut g, inputs, noise);
            }
        }
        g
    }

    /// `x [B, D] → z, logvar [B, Z]`; returns the graph and its inputs. z is μ, or where the maps of a flow
    /// take it; log σ² is that of the Gaussian that a flow begins with. Of a hierarchy both are of z₁.
    pub fn encoder_graph(&self, batch: usize) -> (Graph, Inputs) {
        let mut g = Graph::new();
        let x = g.input("x", [batch, self.config().input_dim]);
        let read = self.infers_from_labels();
        let label = read.then(|| g.input("label", [batch, self.config().classes]));
        let inputs = Inputs { x, label };
        let [z, logvar] = self.infer(&mut g, inputs);
        g.output(z);
        g.output(logvar);
        (g, inputs)
    }

    /// Whether z of an image is inferred with its label.
    pub fn infers_from_labels(&self) -> bool {
        let condition = self.config().condition;
        condition.encoder() || condition.decoder() && self.config().infers_downward()
    }

    /// z and log σ² of images, `[B, Z]` each, as [`Vae::encoder_graph`] has them.
    pub fn infer(&self, g: &mut Graph, inputs: Inputs) -> [TensorId; 2] {
        let heads = self.encode(g, inputs);
        self.location_of(g, &heads)
    }

    /// E[x | z] of `z [B, Z]`, `[B, D]`, with the labels `[B, classes]` where the decoder reads them.
    pub fn expectation(&self, g: &mut Graph, z: TensorId, label: Option<TensorId>) -> TensorId {
        let outputs = self.decode(g, z, label);
        self.mean(g, &outputs)
    }

    /// E[x | z] `[B, D]` of a draw of z for each image by the standard normals eps, as [`Noise::Given`] has them. Of
    /// counts it is that of an image with the sum of the one that is given.
    pub fn reconstruction_by(&self, g: &mut Graph, inputs: Inputs, eps: TensorId) -> TensorId {
        let heads = self.encode(g, inputs);
        let drawn = self.draw(g, &heads, Noise::Given(eps), 1);
        let mean = self.expectation(g, drawn.z, inputs.label);
        if !self.config().likelihood.is_of_counts() {
            return mean;
        }
        let shape = [g.shape(mean).rows(), g.shape(mean).columns()];
        let sums = g.row_sum("x.library", shape, operand(0), &[inputs.x.into()]);
        let of_image = operand(0) * operand(1).max(1.0) / self.library();
        let operands = [mean.into(), Operand::row(sums)];
        g.pointwise("mean.of_image", shape, of_image, &operands)
    }

    /// `x [B, D] → z [B, Z]`, a draw from q(z | x) for each image, whose pixels are drawn first where a training draws
    /// them; returns the graph and its inputs.
    pub fn posterior_graph(&self, batch: usize) -> (Graph, Inputs) {
        let mut g = Graph::new();
        let x = g.input("x", [batch, self.config().input_dim]);
        let read = self.config().condition.encoder();
        let label = read.then(|| g.input("label", [batch, self.config().classes]));
        let seen = self.drawn_pixels(&mut g, "x", x, Stream::Fitting);
        let heads = self.encode(&mut g, Inputs { x: seen, label });
        let drawn = self.draw(&mut g, &heads, Noise::Stream(Stream::Fitting), 1);
        g.output(drawn.z);
        (g, Inputs { x, label })
    }

    /// `z [B, Z] → E[x | z] [B, D]`; returns the graph, z and the labels.
    pub fn decoder_graph(&self, batch: usize) -> (Graph, TensorId, Option<TensorId>) {
        let mut g = Graph::new();
        let z = g.input("z", [batch, self.config().latent_dim]);
        let label = self.decoded_label(&mut g, batch);
        let mean = self.expectation(&mut g, z, label);
        g.output(mean);
        (g, z, label)
    }

    /// z of the prior `[B, Z]`, then E[x | z] `[B, D]`: both are outputs. Returns the labels, too.
    pub fn prior_graph(&self, batch: usize) -> (Graph, Option<TensorId>) {
        let mut g = Graph::new();
        let label = self.decoded_label(&mut g, batch);
        let z = self.draw_prior(&mut g, batch, label);
        let outputs = self.decode(&mut g, z, label);
        let mean = self.mean(&mut g, &outputs);
        g.output(z);
        g.output(mean);
        (g, label)
    }

    pub(super) fn decoded_label(&self, g: &mut Graph, batch: usize) -> Option<TensorId> {
        let read = self.config().condition.decoder();
        read.then(|| g.input("label", [batch, self.config().classes]))
    }

    /// The next images, with pixels drawn where the model draws them.
    fn gather(&self, g: &mut Graph, batch: usize, pixels: Stream) -> TensorId {
        let x = g.gather("x", batch, self.config().input_dim);
        self.drawn_pixels(g, "x", x, pixels)
    }

    /// The labels of the same images, where the model reads them.
    fn gather_label(&self, g: &mut Graph, batch: usize) -> Option<TensorId> {
        let read = self.reads_labels();
        read.then(|| g.one_hot("label", batch, self.config().classes))
    }

    /// Each pixel of x `[B, D]` drawn from its value, where the model draws them; else as it is.
    pub(super) fn drawn_pixels(
        &self,
        g: &mut Graph,
        name: &str,
        x: TensorId,
        pixels: Stream,
    ) -> TensorId {
        if !self.config().draws_pixels {
            return x;
        }
        let shape = [g.shape(x).rows(), g.shape(x).columns()];
        let u = g.uniform(&format!("{name}.uniform"), pixels, shape);
        let drawn = less(operand(0), operand(1), 1.0, 0.0);
        g.pointwise(
            &format!("{name}.drawn"),
            shape,
            drawn,
            &[u.into(), x.into()],
        )
    }
}
