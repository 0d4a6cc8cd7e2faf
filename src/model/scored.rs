//! Graphs by which single examples are scored: what the model says of each of them at given draws of z, or at the
//! point that stands for q(z | x).

use super::objective::Draws;
use super::vae::{Inputs, Noise, Vae};
use crate::graph::{Graph, Operand, TensorId};

/// At which z an example is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScoredAt {
    /// At so many draws from q(z | x), whose ε is an input of the graph.
    Draws(usize),
    /// At μ, or where the maps of a flow take it; of a hierarchy with all layers at their means.
    Location,
}

/// A graph of [`Vae::scored_graph`], with what it is given.
#[derive(Debug)]
pub struct ScoredGraph {
    /// Its outputs are −ln p(x | z) of each z, in nats `[B · samples]`; at draws also ln q(z | x) − ln p(z)
    /// `[B · samples]`; then the divergence of each dimension `[B, Z]` where it has a closed form and z is drawn; then,
    /// where they are asked for, −ln p(x_d | z) of each value `[B · samples, D]`.
    pub graph: Graph,
    /// The examples and their labels.
    pub inputs: Inputs,
    /// ε, `[B · samples, Z]` of all layers, where z is drawn; the draws of an example follow one another.
    pub eps: Option<TensorId>,
    /// Whether the divergence of each dimension is among the outputs.
    pub has_kl_each: bool,
}

impl Vae {
    /// What the model says of a batch of examples; `cells` asks for each value's nats, too.
    pub fn scored_graph(&self, batch: usize, at: ScoredAt, cells: bool) -> ScoredGraph {
        let mut graph = Graph::new();
        let g = &mut graph;
        let inputs = Inputs {
            x: g.input("x", [batch, self.config().input_dim]),
            label: self.label_input(g, batch),
        };
        let mut kl_each = None;
        let mut eps = None;
        let (samples, outputs, recon) = match at {
            ScoredAt::Draws(samples) => {
                let dims = self.latent_dims().iter().sum();
                let noise = g.input("eps", [batch * samples, dims]);
                eps = Some(noise);
                let draws = Draws::new(self, g, inputs, Noise::Given(noise), samples);
                let (outputs, recon) = draws.decode(g);
                let excess = draws.excess(g);
                kl_each = draws.closed_kl_each(g);
                g.output(recon);
                g.output(excess);
                (samples, outputs, recon)
            }
            ScoredAt::Location => {
                let heads = self.encode(g, inputs);
                let [z, _] = self.location_of(g, &heads);
                let label = inputs.repeated_label(g, self, 1);
                let outputs = self.decode(g, z, label);
                let recon = self.reconstruction(g, &outputs, inputs.x.into());
                g.output(recon);
                (1, outputs, recon)
            }
        };
        debug_assert_eq!(g.shape(recon).rows(), batch * samples);
        if let Some(kl_each) = kl_each {
            g.output(kl_each);
        }
        if cells {
            let x = Operand::from(inputs.x).repeated(samples);
            let each = self.reconstruction_each(g, &outputs, x);
            g.output(each);
        }
        ScoredGraph {
            graph,
            inputs,
            eps,
            has_kl_each: kl_each.is_some(),
        }
    }
}
