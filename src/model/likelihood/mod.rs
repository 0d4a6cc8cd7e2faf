//! p(x | z): a formula for each likelihood, in a file of its own.
//!
//! To add one: its file, a variant of [`Likelihood`] and its arm in [`Likelihood::density`].

mod bernoulli;
mod categorical;
mod continuous_bernoulli;
mod discretised_logistic;
mod formulas;
mod gaussian;
mod laplace;
mod link;
mod negative_binomial;
mod outputs;
mod poisson;
mod scale;
mod squared_error;
mod student_t;
#[cfg(test)]
mod totals;
mod zero_inflated;

use std::str::FromStr;

use crate::named;
use serde::{Deserialize, Serialize};

pub use categorical::LEVELS;
pub use outputs::Outputs;
pub use scale::Scale;
pub use student_t::NU as STUDENT_T_FREEDOM;

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
    /// Poisson distributions of counts.
    Poisson,
    /// Negative binomials of counts.
    NegativeBinomial,
    /// The same with more zeros.
    ZeroInflatedNegativeBinomial,
    /// One of several levels.
    Categorical,
    /// Logistic distributions, cut into 256 levels.
    DiscretisedLogistic,
}

/// A likelihood as its file gives it.
#[derive(Clone, Copy, Debug)]
pub struct Density {
    /// Its name, as settings give it.
    pub name: &'static str,
    /// What it is and where it comes from, in a line.
    pub source: &'static str,
    /// −ln p(x) of a pixel, in nats, from its location, the logarithm of its scale and x. Of a categorical
    /// one, what each level adds to it, from ln p of the level and whether x is of it, 1 or 0.
    pub nll: fn(location: Expr, log_scale: Expr, x: Expr) -> Expr,
    /// The values that x can have.
    pub support: Support,
    /// Its location from the decoder's output.
    pub location: Location,
    /// What is drawn as a picture: E\[x\] from the location and the logarithm of the scale.
    pub mean: fn(location: Expr, log_scale: Expr) -> Expr,
    /// Its scale, if it has one.
    pub scale: Option<LogScale>,
    /// What a second output of a pixel makes of it, if it has one.
    pub head: Option<Head>,
}

/// The values that a distribution is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// From 0 to 1; beyond, the formula is no loss: it falls without end.
    UnitInterval,
    /// All numbers.
    Real,
    /// Whole numbers from 0 on.
    Counts,
    /// The 256 levels of a byte, 0, 1/255, 2/255, … 1.
    Levels,
}

/// How the decoder's output becomes a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// It is one: a logit.
    Output,
    /// The sigmoid of it.
    Sigmoid,
    /// It is one as long as the scale is 1; with another scale the sigmoid of it, as pixels are.
    SigmoidIfScaled,
    /// The logarithm of a mean: the softmax of the image's outputs shares its library out, the sum of its
    /// counts (Lopez et al. 2018). An image without counts, whose sum says nothing, counts as one of 1.
    LogMean,
    /// The logarithm of a probability: one of several outputs of a pixel, of which the softmax is taken.
    LogShare,
}

/// The logarithm of a scale.
#[derive(Clone, Copy, Debug)]
pub struct LogScale {
    /// The parameter's name, behind `decoder.`.
    pub parameter: &'static str,
    /// Its values stay within ± this, where the gradient of those beyond is 0.
    pub bound: f64,
    /// Of a pixel, from location and x, what the scale that is best for many pixels is the mean of; `None`
    /// where the best one has no closed form.
    pub optimum: Option<fn(location: Expr, x: Expr) -> Expr>,
}

/// A second output of each pixel, that of a layer of its own on the decoder's last hidden layer.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// The layer's name, behind `decoder.`.
    pub name: &'static str,
    /// −ln p(x) from that of a likelihood without it, as a function of x, from the output and x.
    pub nll: fn(nll: &dyn Fn(Expr) -> Expr, output: Expr, x: Expr) -> Expr,
    /// E\[x\] from that without it and the output.
    pub mean: fn(mean: Expr, output: Expr) -> Expr,
}

impl Density {
    /// −ln p(x) of a pixel from its location, the logarithm of its scale, its second output and x.
    pub fn pixel_nll(&self, location: Expr, log_scale: Expr, head: Expr, x: Expr) -> Expr {
        let plain = |x: Expr| (self.nll)(location.clone(), log_scale.clone(), x);
        match self.head {
            Some(of) => (of.nll)(&plain, head, x),
            None => plain(x),
        }
    }

    /// E\[x\] of a pixel from its location, the logarithm of its scale and its second output.
    pub fn pixel_mean(&self, location: Expr, log_scale: Expr, head: Expr) -> Expr {
        let plain = (self.mean)(location, log_scale);
        match self.head {
            Some(of) => (of.mean)(plain, head),
            None => plain,
        }
    }
}

impl Likelihood {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Bernoulli,
        Self::ContinuousBernoulli,
        Self::Gaussian,
        Self::SquaredError,
        Self::Laplace,
        Self::StudentT,
        Self::Poisson,
        Self::NegativeBinomial,
        Self::ZeroInflatedNegativeBinomial,
        Self::Categorical,
        Self::DiscretisedLogistic,
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

    /// Whether its scale can be that.
    pub fn takes(self, scale: Scale) -> bool {
        match (scale, self.density().scale) {
            (Scale::Unit, _) => true,
            (Scale::Optimal, Some(of)) => of.optimum.is_some(),
            (_, of) => of.is_some(),
        }
    }

    /// The names of those whose scale can be that.
    pub fn taking(scale: Scale) -> Vec<&'static str> {
        let taking = Self::ALL.into_iter().filter(|one| one.takes(scale));
        taking.map(|one| one.density().name).collect()
    }

    /// Whether x is a count.
    pub fn is_of_counts(self) -> bool {
        self.density().support == Support::Counts
    }

    /// The names of those of counts.
    pub fn of_counts() -> Vec<&'static str> {
        let counts = Self::ALL.into_iter().filter(|one| one.is_of_counts());
        counts.map(|one| one.density().name).collect()
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
            Self::Poisson => &poisson::DENSITY,
            Self::NegativeBinomial => &negative_binomial::DENSITY,
            Self::ZeroInflatedNegativeBinomial => &zero_inflated::DENSITY,
            Self::Categorical => &categorical::DENSITY,
            Self::DiscretisedLogistic => &discretised_logistic::DENSITY,
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
        assert!("beta".parse::<Likelihood>().is_err());
    }
}
