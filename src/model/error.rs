//! Why a model cannot be.

use super::condition::Condition;
use super::encoder_input::EncoderInput;
use super::initial::OutputBias;
use super::likelihood::{LEVELS, Likelihood, Scale};
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
        "the likelihood {} has no {}, so that it cannot be {}; choose one that has: {}",
        likelihood.density().name,
        match likelihood.density().scale {
            Some(_) => "scale that is best in closed form",
            None => "scale",
        },
        scale.name(),
        Likelihood::taking(*scale).join(", ")
    )]
    NoScale {
        /// The likelihood.
        likelihood: Likelihood,
        /// The scale that was asked for.
        scale: Scale,
    },
    /// Levels that no pixel has.
    #[error("a pixel of {levels} levels cannot be: choose from {} to {}", LEVELS[0], LEVELS[1])]
    Levels {
        /// What was asked for.
        levels: usize,
    },
    /// A logarithm of values that may be negative.
    #[error(
        "the encoder sees ln(1 + x) of counts alone, and the likelihood {} is of other values; choose one of \
         counts ({}), or the values themselves",
        likelihood.density().name,
        Likelihood::of_counts().join(", ")
    )]
    NoLogarithm {
        /// The likelihood.
        likelihood: Likelihood,
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
    /// A gradient without the score of q, or the doubly reparameterised one, for a posterior that is a flow.
    #[error(
        "the objective {} asks for the density of a z at parameters that it was not drawn with, which needs \
         the inverse of the maps of the posterior {}, and they have none in closed form; choose the objective \
         {}, or the posterior gaussian",
        objective.name(),
        posterior.name(),
        instead.name()
    )]
    NoInverse {
        /// The objective.
        objective: Bound,
        /// The one of the same value that asks for no such density.
        instead: Bound,
        /// q(z | x).
        posterior: Posterior,
    },
    /// A total correlation for a posterior whose dimensions have no densities.
    #[error(
        "the objective {} asks for the density of each dimension of z, as every image of a batch has it, and the \
         posterior {} has none in closed form; choose the objective elbo, or the posterior gaussian",
        objective.name(),
        posterior.name()
    )]
    NoMarginals {
        /// The objective.
        objective: Bound,
        /// q(z | x).
        posterior: Posterior,
    },
    /// A VampPrior of a posterior that is a flow.
    #[error(
        "the prior vamp is a mixture of what the encoder says of pseudo-inputs, and the density of the \
         posterior {} at a z of another image needs the inverse of its maps, which they do not have in \
         closed form; choose the posterior gaussian, or the prior mixture",
        posterior.name()
    )]
    NoComponents {
        /// q(z | x).
        posterior: Posterior,
    },
    /// A VampPrior of an encoder that reads labels.
    #[error(
        "the prior vamp sends pseudo-inputs through the encoder, which with the condition {} reads a label of \
         each image, and pseudo-inputs have none; choose the condition decoder, or the prior mixture",
        condition.name()
    )]
    NoPseudoLabels {
        /// Where labels enter.
        condition: Condition,
    },
    /// A prior of the label where the decoder does not read it.
    #[error(
        "the prior conditional is p(z | y), and with the condition {} a draw of z would not say its label \
         to the decoder; choose the condition both or decoder",
        condition.name()
    )]
    NoLabelOfPrior {
        /// Where labels enter.
        condition: Condition,
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
    /// A part that stochastic layers above each other have no meaning with.
    #[error(
        "{part} cannot be with stochastic layers: {reason}; choose another, or leave the stochastic layers out"
    )]
    InHierarchy {
        /// The part.
        part: String,
        /// Why not.
        reason: &'static str,
        /// What to choose.
        remedy: Remedy,
    },
    /// A part that has no meaning for the rows of a table.
    #[error("{part} cannot be with a table: {reason}; choose another")]
    InTable {
        /// The part.
        part: String,
        /// Why not.
        reason: &'static str,
        /// What to choose.
        remedy: Remedy,
    },
    /// A layout of a table that is not that of the rows.
    #[error(
        "a row of the table has {width} values and the model reads {dim}; a table needs one column at least, and \
         each of its rows all values of its columns"
    )]
    TableWidth {
        /// Values of a row, as the table's columns have them.
        width: usize,
        /// Values of an example of the model.
        dim: usize,
    },
    /// A ladder without a layer to combine with.
    #[error(
        "a ladder combines what an image and what the stochastic layer above say of each layer, and there is \
         one layer alone; give two or more, or no ladder"
    )]
    LadderOfOne,
    /// Labels in part for a decoder that reads no labels.
    #[error(
        "labels in part are a sum over the labels that the decoder may read, and with the condition {} it \
         reads none; choose the condition both, or all labels",
        condition.name()
    )]
    NoLabelToSum {
        /// What reads labels.
        condition: Condition,
    },
    /// Labels in part with an objective that is not the ELBO.
    #[error(
        "labels in part are a mean of the ELBO over the labels, which the objective {} is not; choose the \
         objective elbo, or all labels",
        objective.name()
    )]
    NoElboInPart {
        /// The objective.
        objective: Bound,
    },
    /// Labels in part with free bits.
    #[error(
        "free bits count the divergence of each dimension as a mean over images, and with labels in part an \
         image has one for each label; choose no free bits, or all labels"
    )]
    FreeBitsInPart,
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
            Self::Levels { .. } => vec![Remedy::change(Setting::Levels)],
            Self::NoLogarithm { .. } => vec![
                Remedy::change(Setting::Likelihood),
                Remedy::set(Setting::EncoderInput, EncoderInput::Values.name()),
            ],
            Self::NoInverse { instead, .. } => vec![
                Remedy::set(Setting::Objective, instead.name()),
                Remedy::set(Setting::Posterior, Posterior::Gaussian.name()),
            ],
            Self::NoMarginals { .. } => vec![
                Remedy::set(Setting::Objective, Bound::Elbo.name()),
                Remedy::set(Setting::Posterior, Posterior::Gaussian.name()),
            ],
            Self::NoComponents { .. } => vec![
                Remedy::set(Setting::Posterior, Posterior::Gaussian.name()),
                Remedy::set(Setting::Prior, Prior::Mixture.name()),
            ],
            Self::NoPseudoLabels { .. } => vec![
                Remedy::set(Setting::Condition, Condition::Decoder.name()),
                Remedy::set(Setting::Prior, Prior::Mixture.name()),
            ],
            Self::NoLabelOfPrior { .. } => {
                vec![Remedy::set(Setting::Condition, Condition::Both.name())]
            }
            Self::NoClosedForm { .. } => vec![Remedy::set(Setting::FreeBits, 0)],
            Self::NoOutputBias { .. } => {
                vec![Remedy::set(Setting::OutputBias, OutputBias::Layer.name())]
            }
            Self::InHierarchy { remedy, .. } | Self::InTable { remedy, .. } => vec![remedy.clone()],
            Self::TableWidth { .. } => Vec::new(),
            Self::LadderOfOne => vec![Remedy::change(Setting::StochasticLayers)],
            Self::NoLabelToSum { .. } => {
                vec![Remedy::set(Setting::Condition, Condition::Both.name())]
            }
            Self::NoElboInPart { .. } => {
                vec![Remedy::set(Setting::Objective, Bound::Elbo.name())]
            }
            Self::FreeBitsInPart => vec![Remedy::set(Setting::FreeBits, 0)],
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
