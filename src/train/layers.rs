//! Stochastic layers above each other, as settings give them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Settings, TrainError};
use crate::model::{Hierarchy, Inference, StochasticLayer};
use crate::setting::Setting;

/// Units of the hidden layers in each gap between two stochastic layers, from x upward, such as
/// `256,256:128,128`; one list alone is that of every gap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Between(Vec<Vec<usize>>);

impl From<Vec<Vec<usize>>> for Between {
    fn from(gaps: Vec<Vec<usize>>) -> Self {
        Self(gaps)
    }
}

impl Between {
    /// Every list of units.
    pub fn lists_mut(&mut self) -> impl Iterator<Item = &mut Vec<usize>> {
        self.0.iter_mut()
    }

    /// The hidden layers of so many gaps; `None` where these are lists of another number.
    fn of_gaps(&self, gaps: usize) -> Option<Vec<Vec<usize>>> {
        match self.0.as_slice() {
            [every] => Some(vec![every.clone(); gaps]),
            each => (each.len() == gaps).then(|| each.to_vec()),
        }
    }
}

impl fmt::Display for Between {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = |gap: &Vec<usize>| join(gap);
        let gaps: Vec<_> = self.0.iter().map(units).collect();
        f.write_str(&gaps.join(":"))
    }
}

impl FromStr for Between {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let units = |unit: &str| unit.trim().parse().ok();
        let gap = |gap: &str| gap.split(',').map(units).collect::<Option<Vec<_>>>();
        let gaps: Option<_> = text.split(':').map(gap).collect();
        gaps.map(Self).ok_or_else(|| {
            format!(
                "'{text}' is no list of hidden layers; give their units, such as 100,100 for every gap \
                 between two stochastic layers, or a list for each, such as 256,256:128,128"
            )
        })
    }
}

impl TryFrom<String> for Between {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Between> for String {
    fn from(between: Between) -> Self {
        between.to_string()
    }
}

/// Sizes as a setting gives them: `100,50`.
pub(super) fn join(sizes: &[usize]) -> String {
    let sizes: Vec<_> = sizes.iter().map(usize::to_string).collect();
    sizes.join(",")
}

impl Settings {
    /// The hidden layers between stochastic layers where there are such gaps and nothing is said of them: one of
    /// twice the units of the stochastic layer below.
    pub fn default_between(&self) -> Option<Between> {
        let (_, below) = self.stochastic_layers.split_last()?;
        let gaps = below.iter().map(|&units| vec![units.saturating_mul(2)]);
        let gaps: Vec<_> = gaps.collect();
        (!gaps.is_empty()).then(|| gaps.into())
    }

    /// The stochastic layers above the first, where there are stochastic layers at all.
    pub(super) fn hierarchy(&self) -> Option<Hierarchy> {
        let (_, above) = self.stochastic_layers.split_first()?;
        let between = self.between.clone().or_else(|| self.default_between());
        let gaps = between.and_then(|between| between.of_gaps(above.len()));
        let layers = above.iter().zip(gaps.unwrap_or_default());
        let layers = layers.map(|(&latent_dim, hidden)| StochasticLayer { latent_dim, hidden });
        Some(Hierarchy {
            above: layers.collect(),
            inference: match self.ladder {
                false => Inference::BottomUp,
                true => Inference::Ladder,
            },
        })
    }

    /// Checks that what is said of stochastic layers fits together.
    ///
    /// # Errors
    /// With the setting that does not fit.
    pub(super) fn check_layers(&self) -> Result<(), TrainError> {
        let fail = |setting, value: &dyn fmt::Display, expected: &str| {
            Err(TrainError::setting(setting, value, expected))
        };
        let Some((&first, above)) = self.stochastic_layers.split_first() else {
            let expected = "there are no stochastic layers that it could be for; leave it out, or give their \
                            sizes, such as 100,50";
            return match &self.between {
                Some(between) => fail(Setting::Between, between, expected),
                None if self.ladder => fail(Setting::Ladder, &self.ladder, expected),
                None => Ok(()),
            };
        };
        if self.latent != first {
            let expected = format!(
                "the stochastic layers, of {}, say all sizes, that of the first latent too; leave the \
                 latent's size out, or the stochastic layers",
                join(&self.stochastic_layers)
            );
            return fail(Setting::Latent, &self.latent, &expected);
        }
        let Some(between) = &self.between else {
            return Ok(());
        };
        if above.is_empty() {
            let expected =
                "there is one stochastic layer, and nothing between it and another; leave it out";
            return fail(Setting::Between, between, expected);
        }
        if between.of_gaps(above.len()).is_none() {
            let expected = format!(
                "{} gaps are between the stochastic layers {}; give one list for all, or one for each",
                above.len(),
                join(&self.stochastic_layers)
            );
            return fail(Setting::Between, between, &expected);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_layers_are_read_as_they_are_printed() {
        for text in ["100,100", "256,256:128,128:64", "7"] {
            let between: Between = text.parse().unwrap();
            assert_eq!(between.to_string(), text);
        }
        for text in ["", "100,", "100:", "a", "100;50", "-3", "1.5"] {
            let error = text.parse::<Between>().unwrap_err();
            assert!(error.contains("256,256:128,128"), "{error}");
        }
    }

    #[test]
    fn one_list_is_that_of_every_gap_and_by_itself_a_gap_has_twice_the_units_below() {
        let settings = |between: Option<&str>| Settings {
            latent: 50,
            stochastic_layers: vec![50, 20, 10],
            between: between.map(|text| text.parse().unwrap()),
            ..Settings::default()
        };
        for (between, expected) in [
            (None, [vec![100], vec![40]]),
            (Some("9,8"), [vec![9, 8], vec![9, 8]]),
            (Some("9:8,7"), [vec![9], vec![8, 7]]),
        ] {
            let settings = settings(between);
            settings.check_layers().unwrap();
            let above = settings.hierarchy().unwrap().above;
            let hidden: Vec<_> = above.into_iter().map(|layer| layer.hidden).collect();
            assert_eq!(hidden, expected);
        }
        assert!(settings(Some("9:8:7")).check_layers().is_err());
    }
}
