//! Sticking the landing: Roeder, Wu and Duvenaud, *Sticking the Landing: Simple, Lower-Variance Gradient
//! Estimators for Variational Inference* (2017).
//!
//! The gradient of ln q(z | x) by q's parameters is a part along the path, through z, and the score, whose
//! mean is zero. Without the score, the gradient of the ELBO has the same mean and no variance at all where q is
//! the true posterior. Of the importance-weighted bound the paper leaves the score out, too. There
//! its weighted mean is not zero, so that the gradient is off (Tucker et al. 2018); `dreg` is the one that is not.

use super::super::Formula;
use super::super::divergence::gaussian_excess;
use super::super::vae::{Inputs, Noise, Pass, Vae};
use super::draws::Draws;
use super::iwae::{self, bounds, log_weights};
use crate::graph::{Graph, Ramp};
use crate::setting::Setting;

/// −ELBO = recon + β·ramp·(ln q(z | x) − ln p(z)), as the mean over L samples, where the q's parameters in ln q
/// count as constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stl {
    /// β, the divergence's weight.
    pub beta: f64,
    /// How that weight follows the step while training.
    pub ramp: Ramp,
    /// L, draws of z for an image.
    pub samples: usize,
}

impl Default for Stl {
    fn default() -> Self {
        Self {
            beta: 1.0,
            ramp: Ramp::NONE,
            samples: 1,
        }
    }
}

/// What its settings are, and where they come from.
pub(super) const SETTINGS: [(Setting, &str); 4] = [
    (Setting::Samples, "L of Kingma and Welling 2013"),
    (Setting::Beta, "Higgins et al. 2017"),
    (Setting::KlWarmup, "Sønderby et al. 2016"),
    (Setting::KlCycles, "Fu et al. 2019"),
];

/// The formula of what it has in the place of a divergence.
pub(super) fn formulas() -> Vec<Formula> {
    vec![Formula {
        name: "excess",
        expr: gaussian_excess(),
        operands: vec!["z", "stop(mu)", "stop(logvar)"],
        of: "ln q(z | x) - ln p(z), summed over the latent's dimensions; the encoder's gradient comes through z \
             alone",
    }]
}

/// The formulas of the importance-weighted bound with the same gradient of ln q.
pub(super) fn iwae_formulas() -> Vec<Formula> {
    let [_, weights @ ..] = &iwae::formulas()[..] else {
        return formulas();
    };
    formulas()
        .into_iter()
        .chain(weights.iter().cloned())
        .collect()
}

impl Stl {
    /// The terms `recon` and `excess`; `kl` is reported.
    pub(super) fn add_terms(&self, vae: &Vae, g: &mut Graph, inputs: Inputs, noise: Noise) -> Pass {
        let draws = Draws::new(vae, g, inputs, noise, self.samples);
        let (outputs, recon) = draws.decode(g);
        let q = draws.heads.stopped(g);
        let excess = draws.excess_at(g, &q, &draws.drawn);
        g.add_term("recon", recon, 1.0);
        g.add_ramped_term("excess", excess, self.beta as f32, self.ramp);
        draws.report_kl(g, excess);
        draws.pass(g, outputs)
    }
}

/// The terms of the importance-weighted bound of K samples, where q's parameters in ln q count as constants.
pub(super) fn add_iwae_terms(
    vae: &Vae,
    g: &mut Graph,
    inputs: Inputs,
    noise: Noise,
    samples: usize,
) -> Pass {
    let draws = Draws::new(vae, g, inputs, noise, samples);
    let (outputs, recon) = draws.decode(g);
    let q = draws.heads.stopped(g);
    let excess = draws.excess_at(g, &q, &draws.drawn);
    let log_weights = log_weights(g, recon, excess);
    let [_, bound] = bounds(g, "bound", log_weights, samples);
    g.add_term("bound", bound, 1.0);
    g.add_term("recon", recon, 0.0);
    draws.report_kl(g, excess);
    draws.pass(g, outputs)
}
