//! Why a model cannot be.

use super::condition::Condition;
use super::initial::OutputBias;
use super::likelihood::{Likelihood, Scale};
use super::objective::Bound;
use super::posterior::Posterior;
use super::prior::Prior;
use crate::setting::{Remedy, Setting};

/// A model that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaeError {
    /// A layer without units, or with more than any adapter holds.
    #[error("{what} of {size} {unit} cannot be: choose from 1 to {most}")]
    Size {
        /// Which size.
        what: &'static str,
        /// What it counts.
        unit: &'static str,
        /// What was asked for.
        size: usize,
        /// The most that can be.
        most: usize,
        /// The setting that says it, where one does.
        setting: Option<Setting>,
    },
    /// No hidden layer.
    #[error("a VAE needs at least one hidden layer, such as one of 400 units")]
    NoHidden,
    /// A scale for a likelihood that has none.
    #[error(
        "the likelihood {} has no scale, so that it cannot be {}; choose one that has: {}",
        likelihood.density().name,
        scale.name(),
        Likelihood::scaled().join(", ")
    )]
    NoScale {
        /// The likelihood.
        likelihood: Likelihood,
        /// The scale that was asked for.
        scale: Scale,
    },
    /// Free bits for a posterior and a prior whose divergence is only known from draws.
    #[error(
        "free bits count the divergence of each dimension, and the posterior {} has none in closed form \
         with the prior {}; choose others, or no free bits",
        posterior.name(),
        prior.name()
    )]
    NoClosedForm {
        /// q(z | x).
        posterior: Posterior,
        /// p(z).
        prior: Prior,
    },
    /// The doubly reparameterised gradient for a posterior that is a flow.
    #[error(
        "the objective dreg asks for the density of a z at parameters that it was not drawn with, which needs \
         the inverse of the maps of the posterior {}, and they have none in closed form; choose the objective \
         iwae, or the posterior gaussian",
        posterior.name()
    )]
    NoInverse {
        /// q(z | x).
        posterior: Posterior,
    },
    /// An output bias from the data for a likelihood that cannot have the data's mean.
    #[error(
        "the output's bias cannot begin at the data's mean: no output of the likelihood {} has the mean of \
         pixel {pixel}; choose another bias",
        likelihood.density().name
    )]
    NoOutputBias {
        /// The likelihood.
        likelihood: Likelihood,
        /// The first pixel, from 0, whose mean it cannot have.
        pixel: usize,
    },
    /// A dropout that is no probability, or leaves nothing.
    #[error("a dropout of {rate} cannot be: choose from 0, which is none, to less than 1")]
    Dropout {
        /// What was asked for.
        rate: String,
    },
    /// Residual connections without layers that could have one.
    #[error(
        "residual connections add the input of a hidden layer to its output, and no two hidden layers of one \
         width follow one another; choose layers such as {0},{0}, or no residual connections",
        units
    )]
    NoSkips {
        /// Units of the first hidden layer.
        units: usize,
    },
    /// Labels are read, and there are none.
    #[error(
        "the condition {} reads the label of each image, and the data have none; use data with labels, or \
         no condition",
        condition.name()
    )]
    NoLabels {
        /// What reads them.
        condition: Condition,
    },
}

impl VaeError {
    /// Settings that would put it right.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::Size { setting, .. } => setting.map(Remedy::change).into_iter().collect(),
            Self::NoHidden => vec![Remedy::set(Setting::Hidden, 400)],
            Self::NoScale { .. } => vec![
                Remedy::change(Setting::Likelihood),
                Remedy::set(Setting::Scale, Scale::Unit.name()),
            ],
            Self::Dropout { .. } => vec![Remedy::change(Setting::Dropout)],
            Self::NoSkips { units } => vec![
                Remedy::set(Setting::Hidden, format!("{units},{units}")),
                Remedy::set(Setting::Residual, false),
            ],
            Self::NoInverse { .. } => vec![
                Remedy::set(Setting::Objective, Bound::Iwae.name()),
                Remedy::set(Setting::Posterior, Posterior::Gaussian.name()),
            ],
            Self::NoClosedForm { .. } => vec![Remedy::set(Setting::FreeBits, 0)],
            Self::NoOutputBias { .. } => {
                vec![Remedy::set(Setting::OutputBias, OutputBias::Layer.name())]
            }
            Self::NoLabels { .. } => {
                vec![Remedy::set(Setting::Condition, Condition::None.name())]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_bits_without_a_closed_form_name_both_parts() {
        let error = VaeError::NoClosedForm {
            posterior: Posterior::Gaussian,
            prior: Prior::Standard,
        };
        let text = error.to_string();
        for part in ["free bits", "posterior gaussian", "prior standard"] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(error.remedies(), [Remedy::set(Setting::FreeBits, 0)]);
    }
}
