//! The graphs of a model: a step of a training or an evaluation over a data set, and its halves on values
//! of the caller's.

use super::vae::{Inputs, Noise, Vae};
use crate::expr::{less, operand};
use crate::graph::{Graph, Optimizer, Ramp, TensorId};
use crate::rng::Stream;

impl Vae {
    /// A training step over the data set, `batch` images at a time.
    pub fn training_graph(&self, batch: usize, optimizer: impl Into<Optimizer>) -> Graph {
        let mut g = self.gathering_graph(batch, Stream::Binarisation, Stream::Noise);
        g.minimize(optimizer);
        g
    }

    /// The same loss without an update, with noise of its own that is the same each time, and with the
    /// divergence at its full weight.
    pub fn evaluation_graph(&self, batch: usize) -> Graph {
        let whole = self.clone().with_kl_ramp(Ramp::NONE);
        whole.gathering_graph(batch, Stream::EvaluationBinarisation, Stream::Evaluation)
    }

    /// `x [B, D] → z, logvar [B, Z]`; returns the graph and its inputs. z is μ, or where the maps of a flow
    /// take it; log σ² is that of the Gaussian that a flow begins with.
    pub fn encoder_graph(&self, batch: usize) -> (Graph, Inputs) {
        let mut g = Graph::new();
        let x = g.input("x", [batch, self.config().input_dim]);
        let read = self.config().condition.encoder();
        let label = read.then(|| g.input("label", [batch, self.config().classes]));
        let inputs = Inputs { x, label };
        let heads = self.encode(&mut g, inputs);
        let z = (self.config().posterior.family().location)(self, &mut g, &heads);
        g.output(z);
        g.output(heads.logvar);
        (g, inputs)
    }

    /// `x [B, D] → z [B, Z]`, a draw from q(z | x) for each image, whose pixels are drawn first where a training draws
    /// them; returns the graph and its inputs.
    pub fn posterior_graph(&self, batch: usize) -> (Graph, Inputs) {
        let mut g = Graph::new();
        let x = g.input("x", [batch, self.config().input_dim]);
        let read = self.config().condition.encoder();
        let label = read.then(|| g.input("label", [batch, self.config().classes]));
        let seen = self.seen(&mut g, x, Stream::Fitting);
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
        let outputs = self.decode(&mut g, z, label);
        let mean = self.mean(&mut g, &outputs);
        g.output(mean);
        (g, z, label)
    }

    /// z of the prior `[B, Z]`, then E[x | z] `[B, D]`: both are outputs. Returns the labels, too.
    pub fn prior_graph(&self, batch: usize) -> (Graph, Option<TensorId>) {
        let mut g = Graph::new();
        let label = self.decoded_label(&mut g, batch);
        let z = (self.config().prior.family().draw)(self, &mut g, batch, label);
        let outputs = self.decode(&mut g, z, label);
        let mean = self.mean(&mut g, &outputs);
        g.output(z);
        g.output(mean);
        (g, label)
    }

    fn decoded_label(&self, g: &mut Graph, batch: usize) -> Option<TensorId> {
        let read = self.config().condition.decoder();
        read.then(|| g.input("label", [batch, self.config().classes]))
    }

    /// Images `[B, D]` as the model sees them: where pixels are drawn anew, those.
    fn seen(&self, g: &mut Graph, x: TensorId, pixels: Stream) -> TensorId {
        if !self.config().draws_pixels {
            return x;
        }
        let shape = [g.shape(x).rows(), g.shape(x).columns()];
        let u = g.uniform("x.uniform", pixels, shape);
        let drawn = less(operand(0), operand(1), 1.0, 0.0);
        g.pointwise("x.drawn", shape, drawn, &[u.into(), x.into()])
    }

    fn gathering_graph(&self, batch: usize, pixels: Stream, noise: Stream) -> Graph {
        let mut g = Graph::new();
        let dim = self.config().input_dim;
        let x = g.gather("x", batch, dim);
        let x = self.seen(&mut g, x, pixels);
        let labels = self.reads_labels();
        let label = labels.then(|| g.one_hot("label", batch, self.config().classes));
        self.objective(&mut g, Inputs { x, label }, Noise::Stream(noise));
        g
    }
}
