//! Graphs that draw rows of a table and fill the cells that are missing in one.

use super::{counts, numbers};
use crate::expr::operand;
use crate::graph::{Graph, Operand, Reduction, TensorId};
use crate::model::likelihood::Scale;
use crate::model::objective::Draws;
use crate::model::vae::{Inputs, Noise, Vae};

/// A graph of [`Vae::row_graph`], with what it is given.
#[derive(Debug)]
pub struct RowGraph {
    /// Its outputs are E\[x | z\] `[B, values]`; then ln of the scale of each number `[B, numbers]`, of a Gaussian of
    /// its square, where `has_scale`; then ln θ of each count `[B, counts]`, where there are any.
    pub graph: Graph,
    /// z, `[B, Z]`.
    pub z: TensorId,
    /// Labels `[B, classes]`, where the decoder reads them.
    pub label: Option<TensorId>,
    /// Whether there are numbers whose scale is not 1.
    pub has_scale: bool,
}

/// A graph of [`Vae::imputation_graph`], with what it is given.
#[derive(Debug)]
pub struct ImputationGraph {
    /// Its outputs are ln of the sum of the importance weights of each row `[B]`, and the mean of E\[x | z\] by these
    /// weights `[B, values]`; then, where the draws are asked for, ln of the weight of each `[B · samples]` and its z
    /// `[B · samples, Z]`.
    pub graph: Graph,
    /// The rows and their labels.
    pub inputs: Inputs,
    /// ε, `[B · samples, Z]` of all layers.
    pub eps: TensorId,
    /// What is added to ln of the weight of each draw of a row, `[samples]`.
    pub shift: TensorId,
}

impl Vae {
    /// z `[B, Z]` → what the cells of rows are drawn from. `None` of a model that is not of a table.
    pub fn row_graph(&self, batch: usize) -> Option<RowGraph> {
        let layout = self.config().table.as_ref()?;
        let mut graph = Graph::new();
        let g = &mut graph;
        let z = g.input("z", [batch, self.config().latent_dim]);
        let label = self.decoded_label(g, batch);
        let outputs = self.decode(g, z, label);
        let mean = super::mean(g, layout, &outputs);
        g.output(mean);
        let scaled = self.config().scale != Scale::Unit && layout.numbers > 0;
        if let Some(given) = outputs.log_scale.filter(|_| scaled) {
            let log_scale = numbers::log_scale(self, Some(given), 0);
            let scale = g.pointwise("scale", [batch, layout.numbers], log_scale, &[given]);
            g.output(scale);
        }
        if layout.counts > 0 {
            let theta = Operand::column(counts::parameter(g, layout.counts));
            let shape = [batch, layout.counts];
            let theta = g.pointwise("dispersion", shape, counts::log_theta(0), &[theta]);
            g.output(theta);
        }
        Some(RowGraph {
            graph,
            z,
            label,
            has_scale: scaled,
        })
    }

    /// So many draws of z for each row, from ε that is given, and what the cells of the row are in their mean by the
    /// weights p(x, z) / q(z | x) of the cells that are there: Mattei and Frellsen, *MIWAE: Deep Generative Modelling
    /// and Imputation of Incomplete Data Sets* (2019), equation 13. `None` of a model that is not of a table.
    pub fn imputation_graph(
        &self,
        batch: usize,
        samples: usize,
        are_draws_asked: bool,
    ) -> Option<ImputationGraph> {
        let layout = self.config().table.as_ref()?;
        let mut graph = Graph::new();
        let g = &mut graph;
        let inputs = Inputs {
            x: g.input("x", [batch, self.config().input_dim]),
            label: self.label_input(g, batch),
        };
        let rows = batch * samples;
        let dims = self.latent_dims().iter().sum::<usize>();
        let eps = g.input("eps", [rows, dims]);
        let draws = Draws::new(self, g, inputs, Noise::Given(eps), samples);
        let (outputs, recon) = draws.decode(g);
        let excess = draws.excess(g);
        let shift = g.input("shift", [samples]);
        let weight = operand(2) - operand(0) - operand(1);
        let of_draw = Operand::row(shift).in_turn(samples);
        let operands = [recon.into(), excess.into(), of_draw];
        let weights = g.pointwise("weights", [rows, 1], weight, &operands);
        let total = g.reduce("weights.total", Reduction::LogSumExp, weights, samples);
        let mean = super::mean(g, layout, &outputs);
        let shape = [rows, layout.values()];
        let weighted = operand(0) * (operand(1) - operand(2)).exp();
        let of_total = Operand::row(total).repeated(samples);
        let operands = [mean.into(), Operand::row(weights), of_total];
        let weighted = g.pointwise("weighted", shape, weighted, &operands);
        let mean = g.reduce("imputed", Reduction::Sum, weighted, samples);
        let draws = [weights, draws.drawn.z]
            .into_iter()
            .filter(|_| are_draws_asked);
        let draws: Vec<_> = draws.collect();
        for output in [total, mean].into_iter().chain(draws) {
            g.output(output);
        }
        Some(ImputationGraph {
            graph,
            inputs,
            eps,
            shift,
        })
    }
}
