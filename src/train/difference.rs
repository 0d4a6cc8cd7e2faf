//! Settings in which two trainings differ, and which of them a run may change.

use std::collections::BTreeSet;

use super::Settings;

impl Settings {
    /// The settings in which two differ, by name.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let table = |settings: &Self| toml::Table::try_from(settings).unwrap_or_default();
        let (own, other) = (table(self), table(other));
        let keys: BTreeSet<_> = own.keys().chain(other.keys()).collect();
        let text = |table: &toml::Table, key: &str| match table.get(key) {
            Some(value) => value.to_string(),
            None => "unset".to_owned(),
        };
        keys.into_iter()
            .filter(|key| own.get(*key) != other.get(*key))
            .map(|key| Difference {
                setting: key.clone(),
                own: text(&own, key),
                other: text(&other, key),
            })
            .collect()
    }
}

/// A setting in which two trainings differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The setting, as `config.toml` calls it.
    pub setting: String,
    /// Its value, as TOML writes it; `unset` where there is none.
    pub own: String,
    /// The other's.
    pub other: String,
}

/// Settings that a run may change from one step on: they say where the weights go next and nothing
/// of what they are.
const CHANGEABLE: [&str; 12] = [
    "epochs",
    "dropout",
    "lr",
    "lr-schedule",
    "lr-end",
    "warmup-steps",
    "beta1",
    "beta2",
    "eps",
    "weight-decay",
    "decay",
    "clip-norm",
];

impl Difference {
    /// Why a run that continues must keep this setting; `None` where it may change it.
    pub fn why_fixed(&self) -> Option<&'static str> {
        match self.setting.as_str() {
            key if CHANGEABLE.contains(&key) => None,
            "hidden" | "latent" | "stochastic-layers" | "between" | "ladder" | "activation"
            | "norm" | "residual" | "posterior" | "flow-steps" | "prior" | "components"
            | "scale" | "levels" | "encoder-input" | "condition" => {
                Some("the weights belong to the layers that the run has")
            }
            "likelihood" | "objective" | "samples" | "outer-samples" | "beta" | "kl-warmup"
            | "kl-cycles" | "free-bits" | "elbo-weight" | "capacity" | "capacity-steps"
            | "capacity-weight" | "info-alpha" | "info-lambda" | "binarize" => {
                Some("the losses before and after would not be of one kind")
            }
            "labelled" => Some("the weights have learned from the labels that the run has"),
            "alpha" => Some("the losses before and after would not be of one kind"),
            "normalize" => Some("what the weights have learned is at the scale of the values"),
            "initial-weights" | "output-bias" => Some("the run has begun with its first weights"),
            "freeze" => Some("Adam counts the steps of all parameters from the run's first"),
            "batch-size" | "seed" | "window" => {
                Some("the order of the images and all noise follow from it")
            }
            _ => Some("what the run has learned rests on it"),
        }
    }
}
