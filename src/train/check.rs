//! Which settings can be: ranges of numbers, and settings that something reads.

use std::fmt;

use super::settings::classifier_weight;
use super::{Binarize, LrSchedule, Normalize, Observed, Settings, TrainError};
use crate::model::{Bound, Likelihood, Norm, Posterior, Prior};
use crate::setting::Setting;

impl Settings {
    /// Checks that there are enough images to train on.
    ///
    /// # Errors
    /// Where the batch is larger than the data, or leaves one image that cannot be normalised alone.
    pub fn check_images(&self, images: usize) -> Result<(), TrainError> {
        let batch = self.batch_size;
        if batch > images {
            return Err(TrainError::Batch { batch, images });
        }
        if self.norm == Norm::Batch && images.checked_rem(batch) == Some(1) {
            let leaves_none = |other: &usize| images % other != 1;
            let other = (batch + 1..=images).find(leaves_none).unwrap_or(images);
            let expected = format!(
                "batch normalisation needs two images a batch at least, and this leaves one of the {images} \
                 training images for the last; choose another, such as {other}, or the normalisation layer"
            );
            return Err(TrainError::setting(Setting::BatchSize, &batch, &expected));
        }
        Ok(())
    }

    /// Checks the numbers of the objective, and that it has a use for them.
    fn check_objective(&self) -> Result<(), TrainError> {
        let fail = |setting, value: &dyn fmt::Display, expected: &str| {
            Err(TrainError::setting(setting, value, expected))
        };
        for (setting, value) in [
            (Setting::Beta, self.beta),
            (Setting::FreeBits, self.free_bits),
            (Setting::Capacity, self.capacity),
            (Setting::CapacityWeight, self.capacity_weight),
        ] {
            if value != 0.0 && !is_positive(value) {
                return fail(setting, &value, "choose 0 or a positive number");
            }
        }
        if self.kl_warmup > 0 && self.kl_cycles > 0 {
            let expected = "the warm-up already says how the divergence's weight follows the step; \
                            give one of the two";
            return fail(Setting::KlCycles, &self.kl_cycles, expected);
        }
        if !(0.0..=1.0).contains(&self.elbo_weight) {
            let expected = "choose a number from 0, the importance-weighted bound, to 1, the ELBO";
            return fail(Setting::ElboWeight, &self.elbo_weight, expected);
        }
        let (alpha, lambda) = (self.info_alpha, self.info_lambda);
        let finite = |value: f64| (value as f32).is_finite();
        if !(alpha <= 1.0 && finite(alpha)) {
            let expected = "the divergence counts 1 - alpha; choose a number of 1 at most";
            return fail(Setting::InfoAlpha, &alpha, expected);
        }
        if !(alpha + lambda >= 1.0 && finite(lambda)) {
            let expected = format!(
                "the discrepancy from the prior counts alpha + lambda - 1; choose a finite number of {} at least",
                1.0 - alpha
            );
            return fail(Setting::InfoLambda, &lambda, &expected);
        }
        self.check_read()
    }

    /// Checks that the objective reads every setting of an objective that is not as it is by itself.
    fn check_read(&self) -> Result<(), TrainError> {
        let objective = self.objective;
        let defaults = Self::default();
        // No objective reads these two, which may be larger than a whole number of TOML.
        let own = Self {
            batch_size: defaults.batch_size,
            seed: defaults.seed,
            ..self.clone()
        };
        let changed = own.differences(&defaults);
        let of_objectives = Bound::ALL.into_iter().flat_map(Bound::settings);
        for &(setting, _) in of_objectives {
            let given = changed.iter().find(|of| of.setting == setting.key());
            let Some(given) = given.filter(|_| !objective.reads(setting)) else {
                continue;
            };
            let reading = Bound::ALL.into_iter().filter(|of| of.reads(setting));
            let expected = format!(
                "the objective {} does not read it; leave it out, or choose one that does: {}",
                objective.name(),
                reading.map(Bound::name).collect::<Vec<_>>().join(", ")
            );
            return Err(TrainError::setting(setting, &given.own, &expected));
        }
        Ok(())
    }

    /// Checks that what is done to values has a meaning for the likelihood.
    fn check_values(&self) -> Result<(), TrainError> {
        let name = self.likelihood.density().name;
        let levels = self
            .levels
            .filter(|_| self.likelihood != Likelihood::Categorical);
        if let Some(levels) = levels {
            let expected = format!(
                "the likelihood {name} has no number of levels to choose; leave it out, or choose the likelihood \
                 categorical"
            );
            return Err(TrainError::setting(Setting::Levels, &levels, &expected));
        }
        if !self.likelihood.is_of_counts() {
            return Ok(());
        }
        let changed = [
            (
                Setting::Normalize,
                self.normalize.name(),
                self.normalize != Normalize::None,
            ),
            (
                Setting::Binarize,
                self.binarize.name(),
                self.binarize != Binarize::None,
            ),
        ];
        match changed.into_iter().find(|(.., changed)| *changed) {
            None => Ok(()),
            Some((setting, value, _)) => {
                let expected = format!(
                    "the likelihood {name} is of counts as they are; leave it out, or choose a likelihood of other \
                     values"
                );
                Err(TrainError::setting(setting, &value, &expected))
            }
        }
    }

    /// Checks that nothing is done to the values of a table's rows, which its schema scales.
    pub(super) fn check_table_values(&self) -> Result<(), TrainError> {
        let expected = "the columns of a table have each their own scale and are no probabilities of pixels; leave it out";
        if self.normalize != Normalize::None {
            let value = self.normalize.name();
            return Err(TrainError::setting(Setting::Normalize, &value, expected));
        }
        if self.binarize != Binarize::None {
            let value = self.binarize.name();
            return Err(TrainError::setting(Setting::Binarize, &value, expected));
        }
        Ok(())
    }

    /// Checks the numbers of labels in part, as far as they say something without data.
    fn check_labelled(&self) -> Result<(), TrainError> {
        if self.labelled == Some(0) {
            let expected = "choose at least one of each class; to learn without labels, leave it out and \
                            choose the condition none";
            return Err(TrainError::setting(Setting::Labelled, &0, expected));
        }
        if self.alpha != 0.0 && !is_positive(self.alpha) {
            let expected = "choose 0 or a positive number such as 0.1";
            return Err(TrainError::setting(Setting::Alpha, &self.alpha, expected));
        }
        if self.labelled.is_none() && self.alpha != classifier_weight() {
            let expected = "it weighs the classifier of labels in part, and here every label is known or \
                            none is read; leave it out, or say how many images are labelled";
            return Err(TrainError::setting(Setting::Alpha, &self.alpha, expected));
        }
        Ok(())
    }

    /// Checks that no batch lies in two windows.
    fn check_window(&self) -> Result<(), TrainError> {
        let batch = self.batch_size;
        let Some(window) = self
            .window
            .filter(|&window| window == 0 || !window.is_multiple_of(batch))
        else {
            return Ok(());
        };
        let above = window.next_multiple_of(batch).max(batch);
        let nearest = match above - batch {
            0 => above.to_string(),
            below => format!("{below} or {above}"),
        };
        let expected = format!("choose {nearest}, since a window has whole batches of {batch}");
        Err(TrainError::setting(Setting::Window, &window, &expected))
    }

    /// Checks every range.
    ///
    /// # Errors
    /// With the first setting that is out of its range.
    pub fn check(&self) -> Result<(), TrainError> {
        let fail = |setting, value: &dyn fmt::Display, expected: &str| {
            Err(TrainError::setting(setting, value, expected))
        };
        self.check_layers()?;
        // The layers, before there are images to say how many inputs they have.
        self.vae(Observed {
            dim: 1,
            classes: 1,
            table: None,
        })?;
        if let Some(steps) = self.flow_steps.filter(|_| !self.posterior.is_flow()) {
            let flows = Posterior::ALL.into_iter().filter(|of| of.is_flow());
            let expected = format!(
                "the posterior {} is no chain of maps; leave it out, or choose a posterior that is one: {}",
                self.posterior.name(),
                flows.map(Posterior::name).collect::<Vec<_>>().join(", ")
            );
            return fail(Setting::FlowSteps, &steps, &expected);
        }
        if let Some(components) = self.components.filter(|_| !self.prior.has_components()) {
            let mixtures = Prior::ALL.into_iter().filter(|of| of.has_components());
            let expected = format!(
                "the prior {} is no mixture of components; leave it out, or choose a prior that is one: {}",
                self.prior.name(),
                mixtures.map(Prior::name).collect::<Vec<_>>().join(", ")
            );
            return fail(Setting::Components, &components, &expected);
        }
        self.check_values()?;
        self.check_labelled()?;
        self.check_objective()?;
        if self.batch_size == 0 {
            return fail(Setting::BatchSize, &0, "a batch has at least one image");
        }
        if self.norm == Norm::Batch && self.batch_size == 1 {
            let expected = "batch normalisation needs two images a batch at least: choose more, or the \
                            normalisation layer";
            return fail(Setting::BatchSize, &1, expected);
        }
        self.check_window()?;
        if self.epochs == 0 {
            return fail(Setting::Epochs, &0, "train for at least one epoch");
        }
        if !is_positive(self.lr) {
            return fail(
                Setting::Lr,
                &self.lr,
                "choose a positive number such as 1e-3",
            );
        }
        for (setting, beta) in [(Setting::Beta1, self.beta1), (Setting::Beta2, self.beta2)] {
            if !(0.0..1.0).contains(&beta) {
                return fail(setting, &beta, "choose a number from 0 to less than 1");
            }
        }
        if !is_positive(self.eps) {
            return fail(
                Setting::Eps,
                &self.eps,
                "choose a positive number such as 1e-8",
            );
        }
        for (setting, value) in [
            (Setting::LrEnd, self.lr_end),
            (Setting::WeightDecay, self.weight_decay),
        ] {
            if value != 0.0 && !is_positive(value) {
                return fail(setting, &value, "choose 0 or a positive number");
            }
        }
        if let Some(norm) = self.clip_norm.filter(|&norm| !is_positive(norm)) {
            return fail(
                Setting::ClipNorm,
                &norm,
                "choose a positive number such as 1",
            );
        }
        if let LrSchedule::Table(rates) = &self.lr_schedule
            && !rates
                .iter()
                .all(|&(passes, rate)| passes > 0 && is_positive(rate))
        {
            let expected = "each rate is a positive number, for one pass at least";
            return fail(Setting::LrSchedule, &self.lr_schedule, expected);
        }
        Ok(())
    }
}

/// Whether the kernels, which compute in f32, see a positive number.
fn is_positive(value: f64) -> bool {
    value > 0.0 && (value as f32).is_normal()
}
