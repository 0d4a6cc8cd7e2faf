//! What draws of z say of images, term by term: what a model is measured by, whatever it was trained with.

use super::objective::Draws;
use super::prior::Components;
use super::vae::{Inputs, Noise, Vae};
use crate::expr::operand;
use crate::graph::{Graph, Operand, TensorId};
use crate::rng::Stream;

/// Draws of z from q(z | x) for each image of a batch; those of an image follow one another. The logarithm of
/// a draw's importance weight is ln p(x, z) − ln q(z | x) = −recon − excess.
#[derive(Clone, Debug)]
pub struct Importance {
    /// z, `[B · samples, Z]`; of a hierarchy that of the lowest layer.
    pub z: TensorId,
    /// −ln p(x | z), in nats: `[B · samples]`.
    pub recon: TensorId,
    /// ln q(z | x) − ln p(z), in nats: `[B · samples]`.
    pub excess: TensorId,
    /// What each layer of a hierarchy adds to `excess`, from x upward: `[B · samples]` each.
    pub layers: Vec<TensorId>,
    /// KL(q(z_j | x) ‖ p(z_j)) of each dimension, in nats `[B, Z]`, where posterior and prior have it in closed
    /// form.
    pub kl_each: Option<TensorId>,
}

/// A graph of [`Vae::importance`], with what it is given.
#[derive(Debug)]
pub struct ImportanceGraph {
    /// Its outputs are `recon` and `excess`, then those of the layers, then `kl_each` where there is one.
    pub graph: Graph,
    /// The images and their labels.
    pub inputs: Inputs,
    /// ε, `[batch · samples, Z]` of all layers, where it is given ([`Noise::Given`]).
    pub eps: Option<TensorId>,
    /// Layers of a hierarchy that are among the outputs.
    pub layers: usize,
    /// Whether `kl_each` is.
    pub has_kl_each: bool,
}

/// A graph of [`Vae::energy_graph`], with what it is given.
#[derive(Debug)]
pub struct EnergyGraph {
    /// Its outputs are −ln p(x | z) and −ln p(z) of each row `[rows]`, then the gradient of the energy by z,
    /// `[rows, Z]`.
    pub graph: Graph,
    /// z, `[rows, Z]`.
    pub z: TensorId,
    /// The image of each row, `[rows, D]`.
    pub x: TensorId,
    /// Its label, where the model reads labels beside z.
    pub label: Option<TensorId>,
    /// The share β of the likelihood, `[1]`.
    pub share: TensorId,
}

impl Vae {
    /// So many draws for each image, and what the model says of them.
    pub fn importance(
        &self,
        g: &mut Graph,
        inputs: Inputs,
        noise: Noise,
        samples: usize,
    ) -> Importance {
        let draws = Draws::new(self, g, inputs, noise, samples);
        let (_, recon) = draws.decode(g);
        let excess = draws.excess(g);
        let kl_each = draws.closed_kl_each(g);
        Importance {
            z: draws.drawn.z,
            recon,
            excess,
            layers: draws.drawn.layers,
            kl_each,
        }
    }

    /// The same as a graph of its own, with noise that is an input or with that of evaluations.
    pub fn importance_graph(
        &self,
        batch: usize,
        samples: usize,
        is_given: bool,
    ) -> ImportanceGraph {
        let mut graph = Graph::new();
        let g = &mut graph;
        let inputs = Inputs {
            x: g.input("x", [batch, self.config().input_dim]),
            label: self.label_input(g, batch),
        };
        let dims = self.latent_dims().iter().sum::<usize>();
        let eps = is_given.then(|| g.input("eps", [batch * samples, dims]));
        let noise = eps.map_or(Noise::Stream(Stream::Evaluation), Noise::Given);
        let found = self.importance(g, inputs, noise, samples);
        let all = [found.recon, found.excess].into_iter();
        let all = all.chain(found.layers.iter().copied());
        for output in all.chain(found.kl_each) {
            g.output(output);
        }
        ImportanceGraph {
            graph,
            inputs,
            eps,
            layers: found.layers.len(),
            has_kl_each: found.kl_each.is_some(),
        }
    }

    /// `x [B, D] → ` each pixel drawn from its value where the model draws them; as it is where not.
    pub fn seen_graph(&self, batch: usize) -> (Graph, TensorId) {
        let mut g = Graph::new();
        let x = g.input("x", [batch, self.config().input_dim]);
        let seen = self.drawn_pixels(&mut g, "x", x, Stream::EvaluationBinarisation);
        g.output(seen);
        (g, x)
    }

    /// `z [B, Z] → −ln q(z) [B]` where q(z) is the mean of `count` Gaussians, those of q(z | x) of so many images:
    /// the *aggregate posterior*. Inputs are z, then μ and log σ² of the images, `[count, Z]` each. `None` where
    /// q(z | x) has no density of a z that was drawn for another image.
    pub fn aggregate_graph(&self, batch: usize, count: usize) -> Option<(Graph, [TensorId; 3])> {
        let config = self.config();
        if config.posterior.is_flow() || config.is_hierarchy() {
            return None;
        }
        let mut g = Graph::new();
        let z = g.input("z", [batch, config.latent_dim]);
        let [mean, logvar] = ["mu", "logvar"].map(|name| g.input(name, [count, config.latent_dim]));
        let nll = Components { mean, logvar }.nll(&mut g, z);
        g.output(nll);
        Some((g, [z, mean, logvar]))
    }

    /// The energy −β·ln p(x | z) − ln p(z) of each of so many rows, and its gradient by z. `None` of a hierarchy,
    /// where p(z) of the lowest layer is no density in closed form.
    pub fn energy_graph(&self, rows: usize) -> Option<EnergyGraph> {
        if self.config().is_hierarchy() {
            return None;
        }
        let mut graph = Graph::new();
        let g = &mut graph;
        let z = g.input("z", [rows, self.config().latent_dim]);
        let x = g.input("x", [rows, self.config().input_dim]);
        let share = g.input("share", [1]);
        let read = self.config().condition.decoder();
        let label = read.then(|| g.input("label", [rows, self.config().classes]));
        let outputs = self.decode(g, z, label);
        let recon = self.reconstruction(g, &outputs, x.into());
        let prior = (self.config().prior.family().nll)(self, g, z, label);
        let operands = [recon.into(), prior.into(), Operand::scalar(share)];
        let energy = operand(2) * operand(0) + operand(1);
        let energy = g.pointwise("energy", [rows, 1], energy, &operands);
        // A term counts by its mean over the rows, which this weight undoes.
        g.add_term("energy", energy, rows as f32);
        let gradient = g.gradient_by(z)?;
        for output in [recon, prior, gradient] {
            g.output(output);
        }
        Some(EnergyGraph {
            graph,
            z,
            x,
            label,
            share,
        })
    }

    /// Labels beside images, where any of the networks reads them.
    pub(super) fn label_input(&self, g: &mut Graph, batch: usize) -> Option<TensorId> {
        let read = self.reads_labels();
        read.then(|| g.input("label", [batch, self.config().classes]))
    }
}
