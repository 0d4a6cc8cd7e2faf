//! How the values of several trainings lie.

use std::fmt;

use serde::Serialize;

/// Of some numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) mean: f64,
    /// The standard deviation of what they are a sample of, with n − 1; of a single number 0.
    pub(crate) deviation: f64,
    pub(crate) least: f64,
    pub(crate) greatest: f64,
}

impl Spread {
    /// `None` of no numbers.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let (least, greatest) = (values.iter().copied(), values.iter().copied());
        Some(Self {
            mean,
            deviation: (squares / (n - 1.0).max(1.0)).sqrt(),
            least: least.reduce(f64::min)?,
            greatest: greatest.reduce(f64::max)?,
        })
    }
}

impl fmt::Display for Spread {
    /// `105.93 ± 0.31`, with the decimals that are asked for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or(3);
        let Self {
            mean, deviation, ..
        } = self;
        write!(f, "{mean:.decimals$} ± {deviation:.decimals$}")
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn the_deviation_is_that_of_a_sample() {
        let spread = Spread::of(&[2.0, 4.0, 9.0]).unwrap();
        assert_eq!(
            (spread.mean, spread.least, spread.greatest),
            (5.0, 2.0, 9.0)
        );
        assert!((spread.deviation - 13.0f64.sqrt()).abs() < 1e-12);
        assert_eq!(format!("{spread:.1}"), "5.0 ± 3.6");
        assert_eq!(Spread::of(&[7.5]).unwrap().deviation, 0.0);
        assert_eq!(Spread::of(&[]), None);
    }
}
