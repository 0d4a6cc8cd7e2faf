//! Which architectures are models: sizes within their bounds, and parts that have a meaning together.

use super::condition::Condition;
use super::divergence::has_closed_form;
use super::error::VaeError;
use super::likelihood::Scale;
use super::network::has_skips;
use super::objective::Objective;
use super::posterior::Flow;
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
        let dropout = self.network.dropout;
        if !((0.0..1.0).contains(&dropout) && (dropout as f32) < 1.0) {
            let rate = dropout.to_string();
            return Err(VaeError::Dropout { rate });
        }
        if self.network.residual && !has_skips(&self.hidden) {
            let units = self.hidden[0];
            return Err(VaeError::NoSkips { units });
        }
        let (likelihood, posterior, prior) = (self.likelihood, self.posterior, self.prior);
        if self.scale != Scale::Unit && likelihood.density().scale.is_none() {
            let scale = self.scale;
            return Err(VaeError::NoScale { likelihood, scale });
        }
        if self.condition != Condition::None && self.classes == 0 {
            let condition = self.condition;
            return Err(VaeError::NoLabels { condition });
        }
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
