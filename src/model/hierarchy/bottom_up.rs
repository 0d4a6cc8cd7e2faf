//! Inference from below: q(z₁ | x) q(z₂ | z₁) … q(z_L | z_{L−1}), each a network of the layer below: Rezende,
//! Mohamed and Wierstra (2014); Burda, Grosse and Salakhutdinov (2016), section 2.

use super::gap::Gap;
use super::{Above, Labels, excess_of_highest};
use crate::expr::{Expr, operand};
use crate::graph::{Graph, Operand, TensorId};
use crate::model::posterior::{Drawn, Heads, gaussian};
use crate::model::vae::{Noise, Vae};

/// ln N(z; μ_q, σ_q²) − ln N(z; μ_p, σ_p²) of one dimension from z, the ε that it was drawn with, log σ_q²,
/// μ_p and log σ_p² (operands 0 to 4). Since z = μ_q + σ_q·ε, (z − μ_q)²/σ_q² is ε².
pub(super) fn excess() -> Expr {
    let [z, eps, q_logvar, p_mu, p_logvar] = [0, 1, 2, 3, 4].map(operand);
    let p_logvar = p_logvar.capped();
    let precision = (-&p_logvar).exp();
    0.5 * (p_logvar - q_logvar.capped() + (z - p_mu).square() * precision - eps.square())
}

/// A layer's draw.
struct Layer {
    z: TensorId,
    eps: TensorId,
    /// q of that layer, of which `samples` draws share a row.
    q: Heads,
    samples: usize,
}

impl Layer {
    fn new(g: &mut Graph, q: Heads, eps: TensorId, samples: usize) -> Self {
        let z = gaussian::draw(g, &q, eps, samples);
        Self { z, eps, q, samples }
    }
}

/// A draw of each layer, from below, with what each adds to the divergence.
pub(super) fn draw(
    vae: &Vae,
    g: &mut Graph,
    heads: &Heads,
    above: &Above,
    noise: Noise,
    samples: usize,
) -> Drawn {
    let rows = samples * g.shape(heads.mu).rows();
    let labels = Labels::repeated(g, vae, above.inputs, samples);
    let eps = vae.eps(g, noise, 0, rows);
    let mut below = Layer::new(g, heads.clone(), eps, samples);
    let mut drawn = Drawn::from(below.z);
    for (number, gap) in (1..).zip(Gap::all(vae)) {
        let h = gap.rise(vae, g, below.z, labels.up);
        let q = gap.estimate(g, h);
        let eps = vae.eps(g, noise, number, rows);
        let layer = Layer::new(g, q, eps, 1);
        let p = gap.down(vae, g, layer.z, labels.down);
        drawn.layers.push(excess_of(g, &below, &p));
        below = layer;
    }
    let Layer { z, q, samples, .. } = below;
    let highest = excess_of_highest(vae, g, &q, z, labels, samples);
    drawn.layers.push(highest);
    drawn
}

/// ln q(z_l | z_{l−1}) − ln p(z_l | z_{l+1}) of each draw.
fn excess_of(g: &mut Graph, layer: &Layer, p: &Heads) -> TensorId {
    let shape = g.shape(layer.z);
    let operands = [
        layer.z.into(),
        layer.eps.into(),
        Operand::from(layer.q.logvar).repeated(layer.samples),
        p.mu.into(),
        p.logvar.into(),
    ];
    let shape = [shape.rows(), shape.columns()];
    g.row_sum("excess.layer", shape, excess(), &operands)
}
