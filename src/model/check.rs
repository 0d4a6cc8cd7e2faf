//! Which architectures are models: sizes within their bounds, and parts that have a meaning together.

use super::condition::Condition;
use super::divergence::has_closed_form;
use super::encoder_input::EncoderInput;
use super::error::VaeError;
use super::hierarchy::{Hierarchy, Inference, StochasticLayer};
use super::likelihood::{LEVELS, Likelihood};
use super::network::has_skips;
use super::objective::Bound;
use super::posterior::{Flow, Posterior};
use super::prior::Prior;
use super::vae::{Vae, VaeConfig};
use crate::setting::{Remedy, Setting};

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
        self.check_hierarchy()?;
        let dropout = self.network.dropout;
        if !((0.0..1.0).contains(&dropout) && (dropout as f32) < 1.0) {
            let rate = dropout.to_string();
            return Err(VaeError::Dropout { rate });
        }
        let above = self.hierarchy.iter().flat_map(|of| &of.above);
        let mut networks = above.map(|layer| &layer.hidden).chain([&self.hidden]);
        if self.network.residual && !networks.any(|hidden| has_skips(hidden)) {
            let units = self.hidden[0];
            return Err(VaeError::NoSkips { units });
        }
        let (likelihood, posterior, prior) = (self.likelihood, self.posterior, self.prior);
        if !likelihood.takes(self.scale) {
            let scale = self.scale;
            return Err(VaeError::NoScale { likelihood, scale });
        }
        match &self.table {
            Some(layout) => self.check_table(layout)?,
            None if self.encoder_input == EncoderInput::Log1p && !likelihood.is_of_counts() => {
                return Err(VaeError::NoLogarithm { likelihood });
            }
            None => {}
        }
        if self.condition != Condition::None && self.classes == 0 {
            let condition = self.condition;
            return Err(VaeError::NoLabels { condition });
        }
        self.check_labels_in_part()?;
        prior.check(posterior, self.condition)?;
        let objective = self.objective.bound();
        if !objective.takes(posterior) {
            return Err(match objective.with_own_density() {
                Some(instead) => VaeError::NoInverse {
                    objective,
                    instead,
                    posterior,
                },
                None => VaeError::NoMarginals {
                    objective,
                    posterior,
                },
            });
        }
        if self.objective.has_free_bits() && !has_closed_form(posterior, prior) {
            return Err(VaeError::NoClosedForm { posterior, prior });
        }
        Ok(())
    }

    /// Labels in part are a mean of the ELBO over the labels that the decoder reads.
    fn check_labels_in_part(&self) -> Result<(), VaeError> {
        if !self.labels_in_part {
            return Ok(());
        }
        if !self.condition.decoder() {
            let condition = self.condition;
            return Err(VaeError::NoLabelToSum { condition });
        }
        let objective = self.objective.bound();
        if objective != Bound::Elbo {
            return Err(VaeError::NoElboInPart { objective });
        }
        if self.objective.has_free_bits() {
            return Err(VaeError::FreeBitsInPart);
        }
        Ok(())
    }

    fn check_sizes(&self) -> Result<(), VaeError> {
        let most = Vae::MAX_UNITS;
        for &size in &self.hidden {
            check_size("a hidden layer", "units", size, most, Some(Setting::Hidden))?;
        }
        let latent = self.latent_dim;
        let samples = self.objective.samples_of_group();
        check_size("an image", "pixels", self.input_dim, most, None)?;
        match self.hierarchy {
            None => check_size(
                "a latent",
                "dimensions",
                latent,
                most,
                Some(Setting::Latent),
            )?,
            Some(_) => check_stochastic(latent)?,
        }
        if self.likelihood == Likelihood::Categorical {
            let levels = self.levels;
            if !(LEVELS[0]..=LEVELS[1]).contains(&levels) {
                return Err(VaeError::Levels { levels });
            }
            let (outputs, setting) = (self.outputs(), Some(Setting::Levels));
            check_size("the decoder's output", "units", outputs, most, setting)?;
        }
        check_size(
            "an objective",
            "samples",
            samples,
            most,
            Some(Setting::Samples),
        )?;
        let groups = self.objective.groups();
        let outer = Some(Setting::OuterSamples);
        check_size("an objective", "groups of samples", groups, most, outer)?;
        let samples = self.objective.samples();
        check_size("an image", "samples in all", samples, most, outer)?;
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

impl VaeConfig {
    /// Checks the stochastic layers above the first, and the parts that are put together with them.
    fn check_hierarchy(&self) -> Result<(), VaeError> {
        let Some(Hierarchy { above, inference }) = &self.hierarchy else {
            return Ok(());
        };
        let (most, between) = (Vae::MAX_UNITS, Some(Setting::Between));
        for StochasticLayer { latent_dim, hidden } in above {
            check_stochastic(*latent_dim)?;
            let what = "a way between stochastic layers";
            check_size(what, "hidden layers", hidden.len(), most, between)?;
            for &size in hidden {
                let what = "a hidden layer between stochastic layers";
                check_size(what, "units", size, most, between)?;
            }
        }
        if *inference == Inference::Ladder && above.is_empty() {
            return Err(VaeError::LadderOfOne);
        }
        let refuse = |part, reason, remedy| {
            Err(VaeError::InHierarchy {
                part,
                reason,
                remedy,
            })
        };
        if self.labels_in_part {
            return refuse(
                "labels in part".to_owned(),
                "what the layers above z are inferred from is one image with one label",
                Remedy::change(Setting::Labelled),
            );
        }
        if self.prior == Prior::Vamp {
            return refuse(
                "the prior vamp".to_owned(),
                "its components are what the encoder says of pseudo-inputs, and the highest layer's density given an \
                 image alone is known only through draws of the layers below",
                Remedy::set(Setting::Prior, Prior::Mixture.name()),
            );
        }
        if self.posterior != Posterior::Gaussian {
            return refuse(
                format!("the posterior {}", self.posterior.name()),
                "each layer is inferred by Gaussians",
                Remedy::set(Setting::Posterior, Posterior::Gaussian.name()),
            );
        }
        let bound = self.objective.bound();
        let reason = match bound {
            Bound::Elbo if self.objective.has_free_bits() => {
                return refuse(
                    "free bits".to_owned(),
                    "they count the divergence of each dimension, which is only known from draws",
                    Remedy::set(Setting::FreeBits, 0),
                );
            }
            Bound::Elbo | Bound::Iwae | Bound::Miwae | Bound::Ciwae | Bound::Capacity => {
                return Ok(());
            }
            Bound::Dreg => {
                "a draw is a parameter of the distribution of the next layer's, so that the gradient through \
                 it would be scaled twice (Bauer and Mnih 2021)"
            }
            Bound::Stl | Bound::IwaeStl => {
                "a draw is a parameter of the distribution of the next layer's, and whether the gradient \
                 through it is of the path or of the score is not defined"
            }
            Bound::Piwae | Bound::BetaTc | Bound::Info => {
                "it is made of the posterior and the prior of a single latent"
            }
        };
        refuse(
            format!("the objective {}", bound.name()),
            reason,
            Remedy::set(
                Setting::Objective,
                bound.with_own_density().unwrap_or(Bound::Elbo).name(),
            ),
        )
    }
}

/// Refuses a stochastic layer of an absurd size.
fn check_stochastic(size: usize) -> Result<(), VaeError> {
    let setting = Some(Setting::StochasticLayers);
    check_size("a stochastic layer", "units", size, Vae::MAX_UNITS, setting)
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
