//! A masked autoregressive flow: Papamakarios, Pavlakou and Murray, *Masked Autoregressive Flow for Density
//! Estimation* (2017), equations 3 to 6.
//!
//! A map makes u_j = (z_j − m_j)·exp(−s_j) of z, where m_j and s_j are functions of the dimensions before j, which one
//! masked network computes for all: the density of z takes one pass. Every other map has the dimensions in the
//! reverse order. In front of them each dimension is shifted and scaled to the mean 0 and the deviation 1.
//!
//! A draw takes u back to z. z ← m(z) + u·exp(s(z)) brings one dimension more to its value each time, in the order
//! of the map, and after as many times as there are dimensions all have it.

use super::{Fitted, FittedFamily, Moments, Named};
use crate::executor::{Executor, ExecutorError, Initial, ParameterSpec};
use crate::expr::{Expr, HALF_LN_TAU, operand};
use crate::graph::{Activation, Graph, Operand, TensorId};
use crate::model::network::{Masked, Order};
use crate::model::{Formula, InitialWeights};
use crate::rng::{self, Stream};

pub(super) const FAMILY: FittedFamily = FittedFamily {
    name: "flow",
    source: "a masked autoregressive flow: Papamakarios, Pavlakou and Murray 2017",
    formulas,
    lr: 1e-3,
    parameters,
    begin,
    nll,
    draw,
};

/// Rows of z that are drawn together.
const CHUNK: usize = 256;

const MEAN: &str = "prior.mean";
const LOG_SCALE: &str = "prior.log_scale";

/// u from z, m and s (operands 0 to 2).
fn map() -> Expr {
    (operand(0) - operand(1)) * (-operand(2)).exp()
}

/// z from u, m and s (operands 0 to 2).
fn inverse() -> Expr {
    operand(1) + operand(0) * operand(2).exp()
}

fn formulas() -> Vec<Formula> {
    vec![
        Formula {
            name: "u",
            expr: map(),
            operands: vec!["z", "m", "s"],
            of: "of each map and dimension; m and s are functions of the dimensions before it",
        },
        Formula {
            name: "-ln p(z)",
            expr: 0.5 * operand(0).square() + HALF_LN_TAU + operand(1),
            operands: vec!["u", "sum(s)"],
            of: "of each dimension of the last map's u, with the s of all maps",
        },
    ]
}

/// The network of a map.
struct Made {
    hidden: Masked,
    mean: Masked,
    log_scale: Masked,
}

impl Made {
    fn new(of: &Fitted, number: usize) -> Self {
        let order = Order::of_map(number, of.latent);
        let name = |of: &str| format!("prior.map.{number}.{of}");
        Self {
            hidden: order.hidden(name("hidden"), of.hidden),
            mean: order.output(name("mean"), of.hidden),
            log_scale: order.output(name("log_scale"), of.hidden),
        }
    }

    /// m and s of `z [rows, Z]`.
    fn apply(&self, g: &mut Graph, z: TensorId) -> [TensorId; 2] {
        let hidden = self.hidden.apply(g, z);
        let hidden = g.activation("prior.hidden", Activation::Relu, hidden);
        [&self.mean, &self.log_scale].map(|layer| layer.apply(g, hidden))
    }
}

fn parameters(of: &Fitted) -> Vec<ParameterSpec> {
    let spec = |name: &str| ParameterSpec {
        name: name.to_owned(),
        shape: [of.latent].into(),
        initial: Initial::Constant(0.0),
    };
    let mut specs = vec![spec(MEAN), spec(LOG_SCALE)];
    for number in 0..of.maps {
        let made = Made::new(of, number);
        for layer in [&made.hidden, &made.mean, &made.log_scale] {
            specs.extend(layer.parameters(InitialWeights::Pytorch));
        }
    }
    specs
}

fn begin(_: &Fitted, named: &mut Named<'_>, moments: &Moments, _: &[f32], _: u64) {
    for (value, &mean) in named.of(MEAN).iter_mut().zip(&moments.mean) {
        *value = mean as f32;
    }
    for (value, deviation) in named.of(LOG_SCALE).iter_mut().zip(&moments.deviation) {
        *value = deviation.ln() as f32;
    }
}

fn nll(of: &Fitted, g: &mut Graph, z: TensorId) -> TensorId {
    let shape @ [rows, _] = [g.shape(z).rows(), of.latent];
    let [mean, log_scale] = [MEAN, LOG_SCALE].map(|name| g.parameter(name, [of.latent]));
    let operands = [z.into(), Operand::column(mean), Operand::column(log_scale)];
    let mut u = g.pointwise("prior.standard", shape, map(), &operands);
    let scale = Operand::column(log_scale);
    let mut sum = g.row_sum("prior.volume", shape, operand(0), &[scale]);
    for number in 0..of.maps {
        let [m, s] = Made::new(of, number).apply(g, u);
        let volume = g.row_sum("prior.volume", shape, operand(0), &[s.into()]);
        sum = g.add("prior.volumes", sum, volume);
        u = g.pointwise("prior.u", shape, map(), &[u.into(), m.into(), s.into()]);
    }
    let normal = 0.5 * operand(0).square() + HALF_LN_TAU;
    let normal = g.row_sum("prior.normal", shape, normal, &[u.into()]);
    let operands = [normal.into(), sum.into()];
    g.pointwise("prior.nll", [rows, 1], operand(0) + operand(1), &operands)
}

/// A map's u and a guess of its z `[CHUNK, Z]` become a better one.
fn refine(of: &Fitted, number: usize) -> (Graph, [TensorId; 2]) {
    let mut g = Graph::new();
    let inputs @ [z, u] = ["z", "u"].map(|name| g.input(name, [CHUNK, of.latent]));
    let [m, s] = Made::new(of, number).apply(&mut g, z);
    let operands = [u.into(), m.into(), s.into()];
    let better = g.pointwise("better", [CHUNK, of.latent], inverse(), &operands);
    g.output(better);
    (g, inputs)
}

fn draw(
    of: &Fitted,
    executor: &mut dyn Executor,
    count: usize,
    seed: u64,
) -> Result<Vec<f32>, ExecutorError> {
    let latent = of.latent;
    let padded = count.next_multiple_of(CHUNK);
    let normal = |element| rng::normal(seed, Stream::Sampling, 0, element) as f32;
    let mut draws: Vec<f32> = (0..padded * latent).map(normal).collect();
    for number in (0..of.maps).rev() {
        let (graph, [z, u]) = refine(of, number);
        let mut session = executor.session(graph)?;
        for chunk in draws.chunks_mut(CHUNK * latent) {
            let normals = chunk.to_vec();
            for _ in 0..latent {
                let better = session.run(0, &[(z, &*chunk), (u, &normals)])?;
                chunk.copy_from_slice(&better.tensors[0]);
            }
        }
    }
    let mut state = executor.snapshot()?;
    let mut named = Named {
        specs: &of.parameters(),
        values: &mut state.parameters,
    };
    let [mean, log_scale] = [MEAN, LOG_SCALE].map(|name| named.of(name).to_vec());
    for row in draws.chunks_mut(latent) {
        for ((z, mean), log_scale) in row.iter_mut().zip(&mean).zip(&log_scale) {
            *z = mean + *z * log_scale.exp();
        }
    }
    draws.truncate(count * latent);
    Ok(draws)
}
