//! p(x | z): a formula for each likelihood, in a file of its own.
//!
//! To add one: its file, a variant of [`Likelihood`] and its arm in [`Likelihood::density`].

mod bernoulli;
mod continuous_bernoulli;
mod formulas;
mod gaussian;
mod laplace;
mod link;
mod scale;
mod squared_error;
mod student_t;

use std::str::FromStr;

use crate::named;
use serde::{Deserialize, Serialize};

pub use scale::Scale;

use crate::expr::Expr;

/// What the decoder's outputs mean: independent distributions of the pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Likelihood {
    /// Bernoullis with logits.
    Bernoulli,
    /// Continuous Bernoullis with logits.
    ContinuousBernoulli,
    /// Gaussians.
    Gaussian,
    /// No density: the sum of squared errors of sigmoid outputs, as textbooks print it.
    SquaredError,
    /// Laplace distributions.
    Laplace,
    /// Student's t with five degrees of freedom.
    StudentT,
}

/// A likelihood as its file gives it.
#[derive(Clone, Copy, Debug)]
pub struct Density {
    /// Its name, as settings give it.
    pub name: &'static str,
    /// What it is and where it comes from, in a line.
    pub source: &'static str,
    /// −ln p(x) of a pixel, in nats, from its location, the logarithm of its scale and x.
    pub nll: fn(location: Expr, log_scale: Expr, x: Expr) -> Expr,
    /// The values that x can have.
    pub support: Support,
    /// Its location from the decoder's output.
    pub location: Location,
    /// What is drawn as a picture: E\[x\] from the location.
    pub mean: fn(location: Expr) -> Expr,
    /// Its scale, if it has one.
    pub scale: Option<LogScale>,
}

/// The values that a distribution is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// From 0 to 1; beyond, the formula is no loss: it falls without end.
    UnitInterval,
    /// All numbers.
    Real,
}

/// How the decoder's output becomes a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// It is one: a logit.
    Output,
    /// The sigmoid of it.
    Sigmoid,
    /// It is one as long as the scale is 1; with a trained scale the sigmoid of it, as pixels are.
    SigmoidIfScaled,
}

/// The logarithm of a scale.
#[derive(Clone, Copy, Debug)]
pub struct LogScale {
    /// The parameter's name, behind `decoder.`.
    pub parameter: &'static str,
    /// Its values stay within ± this, where the gradient of those beyond is 0.
    pub bound: f64,
}

impl Likelihood {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Bernoulli,
        Self::ContinuousBernoulli,
        Self::Gaussian,
        Self::SquaredError,
        Self::Laplace,
        Self::StudentT,
    ];

    /// Their names, as settings give them.
    pub const NAMES: [&'static str; Self::ALL.len()] = {
        let mut names = [""; Self::ALL.len()];
        let mut index = 0;
        while index < names.len() {
            names[index] = Self::ALL[index].density().name;
            index += 1;
        }
        names
    };

    /// The names of those that have a scale.
    pub(super) fn scaled() -> Vec<&'static str> {
        let densities = Self::ALL.map(Self::density).into_iter();
        let scaled = densities.filter(|density| density.scale.is_some());
        scaled.map(|density| density.name).collect()
    }

    /// The names of those that take all numbers.
    pub fn of_real_values() -> Vec<&'static str> {
        let densities = Self::ALL.map(Self::density).into_iter();
        let real = densities.filter(|density| density.support == Support::Real);
        real.map(|density| density.name).collect()
    }

    /// Its formula.
    pub const fn density(self) -> &'static Density {
        match self {
            Self::Bernoulli => &bernoulli::DENSITY,
            Self::ContinuousBernoulli => &continuous_bernoulli::DENSITY,
            Self::Gaussian => &gaussian::DENSITY,
            Self::SquaredError => &squared_error::DENSITY,
            Self::Laplace => &laplace::DENSITY,
            Self::StudentT => &student_t::DENSITY,
        }
    }
}

impl FromStr for Likelihood {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        named::find(&Self::ALL, |one| one.density().name, name, "no likelihood")
    }
}

#[cfg(test)]
mod tests {
    use super::Likelihood;

    #[test]
    fn every_likelihood_is_read_by_its_name() {
        for (name, likelihood) in Likelihood::NAMES.into_iter().zip(Likelihood::ALL) {
            assert_eq!(name.parse(), Ok(likelihood));
            let line = format!("a = '{name}'");
            let read: std::collections::BTreeMap<String, Likelihood> =
                toml::from_str(&line).unwrap();
            assert_eq!(read["a"], likelihood);
        }
        assert!("poisson".parse::<Likelihood>().is_err());
    }
}
