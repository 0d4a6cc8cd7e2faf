//! A latent that says nothing: whether q(z | x) is the prior in most dimensions, for how long, and what helps.
//!
//! Collapse of the posterior: Bowman, Vilnis, Vinyals, Dai, Jozefowicz and Bengio, *Generating Sentences from a Continuous
//! Space* (2016), section 3.1.

use super::Settings;
use crate::eval::{Encoded, PriorMoments, kl_by_dimension};
use crate::model::{Bound, Posterior, Prior, Vae};

/// How far q(z | x) is from the prior, in nats an image.
#[derive(Clone, Debug, PartialEq)]
pub enum LatentKl {
    /// In each dimension.
    Each(Vec<f64>),
    /// In all dimensions together, where none has a divergence of its own.
    Whole {
        /// The sum.
        kl: f64,
        /// How many dimensions.
        dimensions: usize,
    },
}

impl LatentKl {
    /// A dimension with less than this is not used.
    pub const UNUSED: f64 = 0.01;

    /// The mean over images of KL(N(μ, σ²) ‖ N(0, 1)) of each dimension, where the model's posterior and prior are these:
    /// ½(μ² + σ² − 1 − ln σ²) by Kingma and Welling (2014), appendix B. `None` of other models, whose divergence has no
    /// such sum: a flow, a trained prior, layers above z.
    pub fn of(vae: &Vae, encoded: &Encoded) -> Option<Self> {
        let config = vae.config();
        let normal = config.posterior == Posterior::Gaussian && config.prior == Prior::Standard;
        if !normal || config.hierarchy.is_some() {
            return None;
        }
        let prior = PriorMoments::standard(config.latent_dim);
        let each = kl_by_dimension(&encoded.mu, &encoded.logvar, &prior);
        Some(Self::Each(each))
    }

    /// How many dimensions are not used, where each has a divergence of its own.
    pub fn unused(&self) -> Option<usize> {
        match self {
            Self::Each(each) => Some(each.iter().filter(|kl| **kl < Self::UNUSED).count()),
            Self::Whole { .. } => None,
        }
    }

    /// Whether most dimensions are not used. Of a whole it is so where the sum is less than [`Self::UNUSED`] for half of
    /// them: then a half could not have more than that.
    fn is_collapsed(&self) -> bool {
        match self {
            Self::Each(each) => self.unused().is_some_and(|unused| 2 * unused > each.len()),
            Self::Whole { kl, dimensions } => *kl < Self::UNUSED * *dimensions as f64 / 2.0,
        }
    }
}

/// Watches a training for a latent that collapses, and says so once.
#[derive(Clone, Debug, Default)]
pub struct Collapse {
    /// Epochs up to now in which most dimensions were not used.
    epochs: u32,
    said: bool,
}

impl Collapse {
    /// Epochs after which it is said.
    pub const EPOCHS: u32 = 3;

    /// Takes an epoch's divergence after so many steps; whether it is to be said now that the latent has collapsed.
    pub fn epoch(&mut self, kl: &LatentKl, settings: &Settings, steps: u32) -> bool {
        // A capacity that has not risen yet keeps the divergence small, as it was asked to.
        let rises = settings.objective == Bound::Capacity
            && settings.capacity_steps.is_none_or(|until| steps < until);
        self.epochs = match kl.is_collapsed() && !rises {
            true => self.epochs + 1,
            false => 0,
        };
        self.epochs >= Self::EPOCHS && self.say()
    }

    /// Whether it is to be said at the end of a training whose last epoch has this divergence in all dimensions together:
    /// one that was too short for [`Self::epoch`] may have collapsed altogether.
    pub fn end(&mut self, kl: f64) -> bool {
        kl < LatentKl::UNUSED && self.say()
    }

    /// Whether nobody has said it yet, which somebody does now.
    fn say(&mut self) -> bool {
        !std::mem::replace(&mut self.said, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each(kl: &[f64]) -> LatentKl {
        LatentKl::Each(kl.to_vec())
    }

    #[test]
    fn a_collapse_is_said_after_three_epochs_in_a_row_and_once() {
        let settings = Settings::default();
        let mut collapse = Collapse::default();
        let (used, unused) = (each(&[0.02, 0.0, 3.0]), each(&[0.009, 0.0, 3.0]));
        assert_eq!((used.unused(), unused.unused()), (Some(1), Some(2)));
        // A half is not most of them, and ends the row.
        let epochs = [
            &unused, &unused, &used, &unused, &unused, &unused, &unused, &used, &unused, &unused,
            &unused,
        ];
        let said = epochs.map(|kl| collapse.epoch(kl, &settings, 100));
        let sixth: Vec<_> = (0..epochs.len()).map(|index| index == 5).collect();
        assert_eq!(said.to_vec(), sixth);
        assert!(!collapse.end(0.0));
    }

    #[test]
    fn a_whole_divergence_collapses_where_half_of_the_dimensions_would() {
        let of = |kl| LatentKl::Whole { kl, dimensions: 10 };
        assert!(of(0.049).is_collapsed() && of(-0.1).is_collapsed());
        assert!(!of(0.051).is_collapsed());
        // As much in each dimension would be a collapse, too.
        assert!(each(&[0.0049; 10]).is_collapsed());
    }

    #[test]
    fn a_capacity_that_rises_is_no_collapse() {
        let settings = Settings {
            objective: Bound::Capacity,
            capacity_steps: Some(1000),
            ..Settings::default()
        };
        let mut collapse = Collapse::default();
        let steps = [10, 500, 999, 1000, 1001, 1002];
        let said = steps.map(|steps| collapse.epoch(&each(&[0.0]), &settings, steps));
        assert_eq!(said, [false, false, false, false, false, true]);
    }

    #[test]
    fn a_short_training_that_collapsed_altogether_is_said_at_its_end() {
        let mut collapse = Collapse::default();
        assert_eq!(
            [0.02, 0.002, 0.002].map(|kl| collapse.end(kl)),
            [false, true, false]
        );
    }

    #[test]
    fn the_divergence_of_each_dimension_is_the_closed_form() {
        let vae = Settings {
            hidden: vec![3],
            latent: 2,
            ..Settings::default()
        };
        let vae = vae.vae(4).unwrap();
        let encoded = Encoded {
            mu: vec![1.0, 0.0, -1.0, 0.0],
            logvar: vec![0.0, 0.0, 4.0_f32.ln(), 1e-6],
        };
        let Some(LatentKl::Each(kl)) = LatentKl::of(&vae, &encoded) else {
            panic!("a Gaussian has it")
        };
        // ½ and ½(1 + 4 − 1 − ln 4) in the mean; 0 and x²/4 of x = 1e-6.
        let expected = [0.25 + 0.25 * (4.0 - 4.0_f64.ln()), 0.125e-12];
        for (found, expected) in kl.iter().zip(expected) {
            // Rounding of ln 4 and of 1e-6 to f32.
            assert!((found - expected).abs() <= 1e-6 * expected, "{kl:?}");
        }
        let flow = Settings {
            posterior: Posterior::Planar,
            flow_steps: Some(1),
            ..Settings::default()
        };
        assert_eq!(LatentKl::of(&flow.vae(4).unwrap(), &encoded), None);
    }
}
