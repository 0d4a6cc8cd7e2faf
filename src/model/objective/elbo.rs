//! The evidence lower bound of Kingma and Welling (2013), with what may be done to its divergence.

use super::super::Formula;
use super::super::vae::{Inputs, Noise, Pass, Vae};
use super::draws::Draws;
use crate::expr::{Expr, operand};
use crate::graph::{Graph, Operand, Ramp, TensorId, gaussian};
use crate::setting::Setting;

/// −ELBO = recon + β·ramp·KL, with the mean of recon over L samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elbo {
    /// β, the divergence's weight (Higgins et al. 2017).
    pub beta: f64,
    /// How that weight follows the step while training: warm-up (Sønderby et al. 2016) or cycles (Fu et
    /// al. 2019).
    pub ramp: Ramp,
    /// λ: each dimension's divergence, as a mean over the batch, counts at least so many nats (Kingma et
    /// al. 2016). 0 is none.
    pub free_bits: f64,
    /// L, draws of z for an image.
    pub samples: usize,
}

impl Default for Elbo {
    fn default() -> Self {
        Self {
            beta: 1.0,
            ramp: Ramp::NONE,
            free_bits: 0.0,
            samples: 1,
        }
    }
}

/// max(λ, the mean of a dimension's divergences) from their sum (operand 0) and one over their number.
fn free_kl(share: Expr, free_bits: Expr) -> Expr {
    (share * operand(0)).max(free_bits)
}

/// The formulas of its terms.
pub(super) fn formulas() -> Vec<Formula> {
    vec![
        Formula {
            name: "kl",
            expr: gaussian::kl(),
            operands: vec!["mu", "logvar"],
            of: "summed over the latent's dimensions",
        },
        Formula {
            name: "kl_free",
            expr: free_kl(operand(1), operand(2)),
            operands: vec!["sum(kl)", "(1 / B)", "lambda"],
            of: "of each dimension over B images, in the place of kl with free bits",
        },
    ]
}

/// What its settings are, and where they come from.
pub(super) const SETTINGS: [(Setting, &str); 5] = [
    (Setting::Samples, "L of Kingma and Welling 2013"),
    (Setting::Beta, "Higgins et al. 2017"),
    (Setting::KlWarmup, "Sønderby et al. 2016"),
    (Setting::KlCycles, "Fu et al. 2019"),
    (Setting::FreeBits, "Kingma et al. 2016"),
];

impl Elbo {
    /// The terms `recon` and `kl`; with free bits `kl` is only reported, and `kl_free` counts.
    pub(super) fn add_terms(&self, vae: &Vae, g: &mut Graph, inputs: Inputs, noise: Noise) -> Pass {
        let draws = Draws::new(vae, g, inputs, noise, self.samples);
        let (outputs, recon) = draws.decode(g);
        g.add_term("recon", recon, 1.0);
        let rows = draws.kl(g);
        let each = match self.free_bits == 0.0 {
            true => None,
            false => draws.closed_kl_each(g),
        };
        match each {
            None => g.add_ramped_term("kl", rows, self.beta as f32, self.ramp),
            Some(each) => {
                g.add_term("kl", rows, 0.0);
                let bounded = self.free_kl(g, each);
                g.add_ramped_term("kl_free", bounded, self.beta as f32, self.ramp);
            }
        }
        draws.pass(g, outputs)
    }

    /// Σ_j max(λ, mean over the batch of KL_j) `[1]`, from the divergence of each dimension `[B, Z]`.
    fn free_kl(&self, g: &mut Graph, each: TensorId) -> TensorId {
        let [rows, columns] = [g.shape(each).rows(), g.shape(each).columns()];
        let sums = g.column_sum("kl.dimensions", each);
        let bounded = free_kl((1.0 / rows as f64).into(), self.free_bits.into());
        g.row_sum("kl_free", [1, columns], bounded, &[Operand::column(sums)])
    }
}
