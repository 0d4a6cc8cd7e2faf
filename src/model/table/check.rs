//! Which models there are of a table.

use super::{Layout, VaeError};
use crate::model::EncoderInput;
use crate::model::initial::OutputBias;
use crate::model::likelihood::{Likelihood, Scale, Support};
use crate::model::vae::VaeConfig;
use crate::setting::{Remedy, Setting};

impl VaeConfig {
    /// Checks that the parts have a meaning for rows of this layout.
    ///
    /// # Errors
    /// With the first part that has none.
    pub(in crate::model) fn check_table(&self, layout: &Layout) -> Result<(), VaeError> {
        let refuse = |part: String, reason, remedy| {
            Err(VaeError::InTable {
                part,
                reason,
                remedy,
            })
        };
        if layout.width() != self.input_dim || layout.columns() == 0 {
            return Err(VaeError::TableWidth {
                width: layout.width(),
                dim: self.input_dim,
            });
        }
        let density = self.likelihood.density();
        if density.support != Support::Real {
            return refuse(
                format!("the likelihood {}", density.name),
                "it is of pixels, and the numbers of a table can be any; counts and categories have likelihoods of \
                 their own",
                Remedy::set(Setting::Likelihood, Likelihood::Gaussian.density().name),
            );
        }
        if self.scale == Scale::Optimal {
            return refuse(
                format!("the scale {}", self.scale.name()),
                "it is one for all values, in closed form, and a table's columns have each their own",
                Remedy::set(Setting::Scale, Scale::PerDimension.name()),
            );
        }
        if self.output_bias == OutputBias::Data {
            return refuse(
                format!("the output bias {}", self.output_bias.name()),
                "the means of a table's rows count missing cells as 0",
                Remedy::set(Setting::OutputBias, OutputBias::Layer.name()),
            );
        }
        if self.draws_pixels {
            return refuse(
                "a binarisation".to_owned(),
                "it draws pixels, with their values as probabilities",
                Remedy::set(Setting::Binarize, "none"),
            );
        }
        if self.encoder_input == EncoderInput::Log1p && layout.counts == 0 {
            return refuse(
                format!("the encoder's input {}", self.encoder_input.name()),
                "it is of counts, and this table has no column of them",
                Remedy::set(Setting::EncoderInput, EncoderInput::Values.name()),
            );
        }
        Ok(())
    }
}
