//! Which parameters a training updates, and which of them decay.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Settings, TrainError};
use crate::executor::ParameterSpec;
use crate::graph::{GroupUpdate, Optimizer, ParameterGroup};
use crate::model::Vae;
use crate::named;

/// Whose parameters stay as they are, as in a fine-tuning of the rest. Running statistics are none: they follow
/// the batches, as in PyTorch's training mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Freeze {
    /// Nobody's.
    #[default]
    None,
    /// The encoder's, with the heads of z.
    Encoder,
    /// The decoder's, with the scale of the likelihood.
    Decoder,
}

impl Freeze {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Encoder, Self::Decoder];

    /// Their names, as settings give them.
    pub const NAMES: [&'static str; 3] = ["none", "encoder", "decoder"];

    /// Its name, as settings give it.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Whether a parameter stays as it is.
    fn holds(self, spec: &ParameterSpec) -> bool {
        self != Self::None && spec.group() == self.name()
    }
}

impl FromStr for Freeze {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        named::find(&Self::ALL, Self::name, name, "nothing to freeze")
    }
}

/// What the weight decay takes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// Every parameter.
    #[default]
    All,
    /// The layers' weights; not biases and scales.
    Weights,
}

impl Decay {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::All, Self::Weights];

    /// Their names, as settings give them.
    pub const NAMES: [&'static str; 2] = ["all", "weights"];

    /// Its name, as settings give it.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl FromStr for Decay {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        named::find(&Self::ALL, Self::name, name, "nothing that decays")
    }
}

impl Settings {
    /// The optimiser of a model's training on so many images.
    ///
    /// # Errors
    /// Where the schedule does not fit the run's steps.
    pub fn optimizer_of(&self, vae: &Vae, images: usize) -> Result<Optimizer, TrainError> {
        Ok(Optimizer {
            groups: self.groups(&vae.parameters()),
            ..self.optimizer(images)?
        })
    }

    /// What of a model's parameters is updated otherwise than the rest.
    pub fn groups(&self, specs: &[ParameterSpec]) -> Vec<ParameterGroup> {
        let group = |update, belongs: &dyn Fn(&ParameterSpec) -> bool| {
            let parameters = specs.iter().filter(|spec| !spec.is_state());
            let names = parameters.filter(|spec| belongs(spec));
            let names = names.map(|spec| spec.name.clone()).collect();
            ParameterGroup { names, update }
        };
        let without_decay = GroupUpdate::Trained {
            rate: 1.0,
            weight_decay: 0.0,
        };
        let spared = self.decay == Decay::Weights && self.weight_decay != 0.0;
        let groups = [
            group(GroupUpdate::Frozen, &|spec| self.freeze.holds(spec)),
            group(without_decay, &|spec| spared && !spec.is_weight()),
        ];
        let groups = groups.into_iter();
        groups.filter(|group| !group.names.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Likelihood, Scale};

    #[test]
    fn every_choice_is_read_by_its_name() {
        for freeze in Freeze::ALL {
            assert_eq!(freeze.name().parse(), Ok(freeze));
        }
        for decay in Decay::ALL {
            assert_eq!(decay.name().parse(), Ok(decay));
        }
        assert!("prior".parse::<Freeze>().is_err());
        assert!("biases".parse::<Decay>().is_err());
    }

    #[test]
    fn every_parameter_belongs_to_a_part_that_can_be_frozen() {
        let settings = Settings {
            likelihood: Likelihood::Gaussian,
            scale: Scale::Shared,
            ..Settings::default()
        };
        let specs = settings.vae(4).unwrap().parameters();
        let frozen = [Freeze::Encoder, Freeze::Decoder].map(|freeze| {
            let settings = Settings {
                freeze,
                ..settings.clone()
            };
            let groups = settings.groups(&specs);
            assert_eq!(groups.len(), 1);
            assert_eq!(groups[0].update, GroupUpdate::Frozen);
            groups[0].names.clone()
        });
        let [encoder, decoder] = &frozen;
        assert!(encoder.contains("encoder.logvar.bias") && decoder.contains("decoder.logvar"));
        assert!(encoder.is_disjoint(decoder));
        assert_eq!(encoder.len() + decoder.len(), specs.len());
    }

    #[test]
    fn decay_of_weights_spares_vectors_and_nothing_is_a_group_without_a_need() {
        let settings = |decay, weight_decay| Settings {
            likelihood: Likelihood::Gaussian,
            scale: Scale::Shared,
            decay,
            weight_decay,
            ..Settings::default()
        };
        let vae = settings(Decay::All, 0.0).vae(4).unwrap();
        for (decay, weight_decay) in [(Decay::All, 0.1), (Decay::Weights, 0.0)] {
            let optimizer = settings(decay, weight_decay).optimizer_of(&vae, 1000);
            assert_eq!(optimizer.unwrap().groups, []);
        }
        let optimizer = settings(Decay::Weights, 0.1).optimizer_of(&vae, 1000);
        let optimizer = optimizer.unwrap();
        for spec in vae.parameters() {
            let decay = optimizer.of_parameter(&spec.name).unwrap().weight_decay;
            let expected = if spec.name.ends_with("weight") {
                0.1
            } else {
                0.0
            };
            assert_eq!(decay, expected, "{}", spec.name);
        }
    }
}
