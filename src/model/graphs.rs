//! The graphs of a model: a step of a training or an evaluation over a data set, and its halves on values
//! of the caller's.

use super::network::Mode;
use super::vae::{Inputs, Noise, Vae};
use crate::expr::{less, operand};
use crate::graph::{Graph, Optimizer, Ramp, TensorId};
use crate::rng::Stream;

impl Vae {
    /// A training step over the data set, `batch` images at a time.
    pub fn training_graph(&self, batch: usize, optimizer: impl Into<Optimizer>) -> Graph {
        let training = self.clone().with_mode(Mode::Training);
        let mut g = training.gathering_graph(batch, Stream::Binarisation, Stream::Noise);
        g.minimize(optimizer);
        g
    }

    /// The same loss without an update, with noise of its own that is the same each time, and with the
    /// divergence at its full weight.
    pub fn evaluation_graph(&self, batch: usize) -> Graph {
        let whole = self.clone().with_kl_ramp(Ramp::NONE);
        let whole = whole.with_mode(Mode::Evaluation);
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

    fn gathering_graph(&self, batch: usize, pixels: Stream, noise: Stream) -> Graph {
        let mut g = Graph::new();
        let dim = self.config().input_dim;
        let mut x = g.gather("x", batch, dim);
        if self.config().draws_pixels {
            let u = g.uniform("x.uniform", pixels, [batch, dim]);
            let drawn = less(operand(0), operand(1), 1.0, 0.0);
            x = g.pointwise("x.drawn", [batch, dim], drawn, &[u.into(), x.into()]);
        }
        let labels = self.reads_labels();
        let label = labels.then(|| g.one_hot("label", batch, self.config().classes));
        self.objective(&mut g, Inputs { x, label }, Noise::Stream(noise));
        g
    }
}
