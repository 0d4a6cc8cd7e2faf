//! What every objective begins with: what the encoder says of each image, draws of z from it, and what the
//! decoder says of each draw.

use super::super::likelihood::Outputs;
use super::super::posterior::{Drawn, Heads};
use super::super::vae::{Inputs, Noise, Pass, Vae};
use crate::graph::{Graph, Operand, TensorId};

/// Draws of z for each image of a batch; those of an image follow one another.
pub(in super::super) struct Draws<'a> {
    vae: &'a Vae,
    inputs: Inputs,
    /// Draws for an image.
    samples: usize,
    /// q(z | x) of each image.
    pub(in super::super) heads: Heads,
    /// z of each draw, `[B · samples, Z]`.
    pub(in super::super) drawn: Drawn,
    /// The label of each draw, `[B · samples, classes]`, where the decoder reads it.
    pub(in super::super) label: Option<TensorId>,
}

impl<'a> Draws<'a> {
    /// So many draws for an image.
    pub(in super::super) fn new(
        vae: &'a Vae,
        g: &mut Graph,
        inputs: Inputs,
        noise: Noise,
        samples: usize,
    ) -> Self {
        let heads = vae.encode(g, inputs);
        let drawn = vae.draw(g, &heads, noise, samples);
        let label = inputs.repeated_label(g, vae, samples);
        Self {
            vae,
            inputs,
            samples,
            heads,
            drawn,
            label,
        }
    }

    /// p(x | z) of each draw, and −ln p(x | z) in nats `[B · samples]`.
    pub(in super::super) fn decode(&self, g: &mut Graph) -> (Outputs, TensorId) {
        self.decode_at(g, self.drawn.z)
    }

    /// The same where the decoder reads z in another way, as with its gradient scaled.
    pub(super) fn decode_at(&self, g: &mut Graph, z: TensorId) -> (Outputs, TensorId) {
        let outputs = self.vae.decode(g, z, self.label);
        let x = Operand::from(self.inputs.x).repeated(self.samples);
        let recon = self.vae.reconstruction(g, &outputs, x);
        (outputs, recon)
    }

    /// ln q(z | x) − ln p(z) of each draw, in nats: `[B · samples]`.
    pub(in super::super) fn excess(&self, g: &mut Graph) -> TensorId {
        self.excess_at(g, &self.heads, &self.drawn)
    }

    /// The same of other heads or of z read in another way, as with their gradients stopped or scaled.
    pub(super) fn excess_at(&self, g: &mut Graph, heads: &Heads, drawn: &Drawn) -> TensorId {
        self.vae.excess(g, heads, drawn, self.label, self.samples)
    }

    /// −ln q(z | x) of each draw, in nats: `[B · samples]`.
    pub(super) fn posterior_nll(&self, g: &mut Graph) -> TensorId {
        let nll = self.vae.config().posterior.family().nll;
        nll(self.vae, g, &self.heads, &self.drawn, self.samples)
    }

    /// −ln p(z) of rows like the draws, in nats: `[B · samples]`.
    pub(super) fn prior_nll(&self, g: &mut Graph, z: TensorId) -> TensorId {
        (self.vae.config().prior.family().nll)(self.vae, g, z, self.label)
    }

    /// KL(q ‖ p) of each image, in nats `[B]`, where it has a closed form.
    pub(super) fn closed_kl(&self, g: &mut Graph) -> Option<TensorId> {
        let label = self.inputs.repeated_label(g, self.vae, 1);
        self.vae.kl(g, &self.heads, label)
    }

    /// The same of each dimension, `[B, Z]`.
    pub(in super::super) fn closed_kl_each(&self, g: &mut Graph) -> Option<TensorId> {
        let label = self.inputs.repeated_label(g, self.vae, 1);
        self.vae.kl_each(g, &self.heads, label)
    }

    /// The divergence in nats: of each image `[B]` in closed form, else of each draw `[B · samples]`.
    pub(super) fn kl(&self, g: &mut Graph) -> TensorId {
        self.closed_kl(g).unwrap_or_else(|| self.excess(g))
    }

    /// Reports `kl`, which is not minimised: in closed form, else the excess of the draws.
    pub(super) fn report_kl(&self, g: &mut Graph, excess: TensorId) {
        let kl = self.closed_kl(g).unwrap_or(excess);
        g.add_term("kl", kl, 0.0);
    }

    /// What was computed on the way. Reports what each layer of a hierarchy adds to the divergence.
    pub(super) fn pass(&self, g: &mut Graph, outputs: Outputs) -> Pass {
        self.vae.report_layers(g, &self.drawn);
        Pass {
            mu: self.heads.mu,
            logvar: self.heads.logvar,
            z: self.drawn.z,
            outputs,
        }
    }
}
