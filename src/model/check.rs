//! Which architectures are models: sizes within their bounds, and parts that have a meaning together.

use super::condition::Condition;
use super::divergence::has_closed_form;
use super::error::VaeError;
use super::likelihood::Scale;
use super::objective::Objective;
use super::posterior::{Flow, Posterior};
use super::prior::Prior;
use super::vae::{Vae, VaeConfig};
use crate::setting::Setting;

impl VaeConfig {
    /// Checks that it is a model.
    ///
    /// # Errors
    /// Where a size is zero or absurd, or parts have no meaning together.
    pub(super) fn check(&self) -> Result<(), VaeError> {
        if self.hidden.is_empty() {
            return Err(VaeError::NoHidden);
        }
        self.check_sizes()?;
        let (likelihood, posterior, prior) = (self.likelihood, self.posterior, self.prior);
        if self.scale != Scale::Unit && likelihood.density().scale.is_none() {
            let scale = self.scale;
            return Err(VaeError::NoScale { likelihood, scale });
        }
        if self.condition != Condition::None && self.classes == 0 {
            let condition = self.condition;
            return Err(VaeError::NoLabels { condition });
        }
        prior.check(posterior, self.condition)?;
        if self.posterior.is_flow() && matches!(self.objective, Objective::Dreg { .. }) {
            return Err(VaeError::NoInverse { posterior });
        }
        if self.objective.has_free_bits() && !has_closed_form(posterior, prior) {
            return Err(VaeError::NoClosedForm { posterior, prior });
        }
        Ok(())
    }

    fn check_sizes(&self) -> Result<(), VaeError> {
        let most = Vae::MAX_UNITS;
        for &size in &self.hidden {
            check_size("a hidden layer", "units", size, most, Some(Setting::Hidden))?;
        }
        let (latent, samples) = (self.latent_dim, self.objective.samples());
        check_size("an image", "pixels", self.input_dim, most, None)?;
        check_size(
            "a latent",
            "dimensions",
            latent,
            most,
            Some(Setting::Latent),
        )?;
        check_size(
            "an objective",
            "samples",
            samples,
            most,
            Some(Setting::Samples),
        )?;
        if self.prior.has_components() {
            let (count, setting) = (self.components, Some(Setting::Components));
            check_size("a prior", "components", count, most, setting)?;
        }
        if !self.posterior.is_flow() {
            return Ok(());
        }
        let Flow {
            steps,
            hidden,
            context,
        } = self.flow;
        check_size(
            "a flow",
            "maps",
            steps,
            Flow::MAX_STEPS,
            Some(Setting::FlowSteps),
        )?;
        check_size("a flow's network", "units", hidden, most, None)?;
        check_size("a flow's context", "units", context, most, None)
    }
}

impl Prior {
    /// Checks that it has a meaning with a posterior and with where labels enter.
    ///
    /// # Errors
    /// With the reason why it has none.
    pub fn check(self, posterior: Posterior, condition: Condition) -> Result<(), VaeError> {
        match self {
            Self::Vamp if posterior.is_flow() => Err(VaeError::NoComponents { posterior }),
            Self::Vamp if condition.encoder() => Err(VaeError::NoPseudoLabels { condition }),
            Self::Conditional if !condition.decoder() => {
                Err(VaeError::NoLabelOfPrior { condition })
            }
            _ => Ok(()),
        }
    }
}

/// Refuses a size of zero and one of more than `most`.
fn check_size(
    what: &'static str,
    unit: &'static str,
    size: usize,
    most: usize,
    setting: Option<Setting>,
) -> Result<(), VaeError> {
    if (1..=most).contains(&size) {
        return Ok(());
    }
    Err(VaeError::Size {
        what,
        unit,
        size,
        most,
        setting,
    })
}
