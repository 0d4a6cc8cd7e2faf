//! The VampPrior: Tomczak and Welling, *VAE with a VampPrior* (2018), equation 9. The prior is the mixture of what
//! the encoder says of N pseudo-inputs u, which are trained with the model: p(z) = 1/N Σ q(z | u).
//!
//! Pseudo-inputs are images. Where pixels are from 0 to 1, each counts as the nearest value in there, and one
//! outside has no gradient until another's update brings it back; where pixels are any numbers, nothing holds
//! them.
//!
//! Two combinations have no meaning, and `check.rs` refuses them by name. The density of a flow's end at a z of
//! another image needs the inverse of its maps. And an encoder that reads labels would need those of the
//! pseudo-inputs, which are images of no class.

use super::PriorFamily;
use super::mixture::{Components, mixed};
use crate::executor::{Initial, ParameterSpec};
use crate::expr::operand;
use crate::graph::{Graph, TensorId};
use crate::model::likelihood::Support;
use crate::model::posterior::gaussian;
use crate::model::vae::Vae;

pub(super) const FAMILY: PriorFamily = PriorFamily {
    name: "vamp",
    source: "VampPrior, the mixture of the posteriors of trained pseudo-inputs: Tomczak and Welling 2018",
    formulas: || {
        let mut density = gaussian::log_density();
        density.of =
            "of each dimension; mu and logvar are the encoder's of each of N pseudo-inputs";
        vec![density, mixed()]
    },
    components: Some(100),
    parameters: |vae| {
        vec![ParameterSpec {
            name: PSEUDO_INPUTS.to_owned(),
            shape: [vae.config().components, vae.config().input_dim].into(),
            initial: Initial::UnitInterval,
        }]
    },
    nll: |vae, g, z, _| components(vae, g).nll(g, z),
    draw: |vae, g, rows, _| components(vae, g).draw(vae, g, rows),
};

const PSEUDO_INPUTS: &str = "prior.pseudo_inputs";

/// What the encoder says of the pseudo-inputs.
fn components(vae: &Vae, g: &mut Graph) -> Components {
    let images = pseudo_inputs(vae, g);
    let heads = vae.encode(g, images.into());
    Components {
        mean: heads.mu,
        logvar: heads.logvar,
    }
}

/// u, `[N, D]`.
fn pseudo_inputs(vae: &Vae, g: &mut Graph) -> TensorId {
    let config = vae.config();
    let shape = [config.components, config.input_dim];
    let parameter = g.parameter(PSEUDO_INPUTS, shape);
    let unit = config.likelihood.density().support == Support::UnitInterval;
    match unit || config.draws_pixels {
        true => g.pointwise(
            "pseudo_inputs",
            shape,
            operand(0).clamp(0.0, 1.0),
            &[parameter.into()],
        ),
        false => parameter,
    }
}
