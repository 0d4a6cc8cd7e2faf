//! Every density has a total of 1 and the mean that its formula says, in f64 from its expressions.

use super::{Density, Likelihood, Location, Support, categorical};
use crate::expr::operand;

/// p and E[x] at a location, a logarithm of the scale and a second output.
struct At<'a> {
    density: &'a Density,
    given: [f64; 3],
}

impl At<'_> {
    fn p(&self, x: f64) -> f64 {
        let [location, log_scale, x_of, head] = [0, 1, 2, 3].map(operand);
        let nll = self.density.pixel_nll(location, log_scale, head, x_of);
        let [location, log_scale, head] = self.given;
        (-nll.evaluate(&[location, log_scale, x, head])).exp()
    }

    fn mean(&self) -> f64 {
        let [location, log_scale, head] = [0, 1, 2].map(operand);
        let mean = self.density.pixel_mean(location, log_scale, head);
        mean.evaluate(&self.given)
    }

    /// The total and the mean over values, each with its weight.
    fn check(&self, values: impl Iterator<Item = (f64, f64)>, tolerances: [f64; 2]) {
        let (mut total, mut mean) = (0.0, 0.0);
        for (x, weight) in values {
            let p = weight * self.p(x);
            total += p;
            mean += p * x;
        }
        let Self { density, given } = self;
        let off = [(total - 1.0).abs(), (mean - self.mean()).abs()];
        assert!(
            off[0] <= tolerances[0] && off[1] <= tolerances[1],
            "{} at {given:?}: {total}, {mean} of {}",
            density.name,
            self.mean()
        );
    }
}

/// Middles and widths of n parts of an interval.
fn middles([from, to]: [f64; 2], n: usize) -> impl Iterator<Item = (f64, f64)> {
    let width = (to - from) / n as f64;
    (0..n).map(move |i| (from + width * (i as f64 + 0.5), width))
}

/// Numbers of any size: x = sinh t with dx = cosh t dt, about a location.
fn real(about: f64) -> impl Iterator<Item = (f64, f64)> {
    middles([-18.0, 18.0], 20_000).map(move |(t, width)| (about + t.sinh(), width * t.cosh()))
}

#[test]
fn every_density_has_a_total_of_1_and_its_mean() {
    for likelihood in Likelihood::ALL {
        let density = likelihood.density();
        // No density; and one of levels below.
        let other = matches!(
            likelihood,
            Likelihood::SquaredError | Likelihood::Categorical
        );
        let scales: &[f64] = match (density.scale, density.location) {
            (None, _) => &[0.0],
            (_, Location::LogMean) => &[-1.0, 0.7, 2.2, 5.0],
            // The last mean of few levels.
            (_, _) if density.support == Support::Levels => &[-6.5, -4.0, -2.0, 0.0],
            _ => &[-1.0, 0.0, 0.8],
        };
        let heads: &[f64] = if density.head.is_some() {
            &[-4.0, 0.3, 2.0]
        } else {
            &[0.0]
        };
        let locations: &[f64] = match density.location {
            Location::LogMean => &[-2.0, 1.0, 3.4],
            Location::Output => &[-3.0, -0.5, 2.0],
            _ => &[0.003, 0.3, 0.9],
        };
        for &location in locations.iter().filter(|_| !other) {
            for (&log_scale, &head) in scales
                .iter()
                .flat_map(|s| heads.iter().map(move |h| (s, h)))
            {
                let given = [location, log_scale, head];
                let at = At { density, given };
                match density.support {
                    // Of a mean of 30 and θ = e⁻¹, what is above has a share of e⁻⁴⁸.
                    Support::Counts => at.check((0..4000).map(|x| (x.into(), 1.0)), [1e-9, 1e-7]),
                    // E[x] is an integral in the place of a sum.
                    Support::Levels => at.check(
                        (0..256).map(|v| (f64::from(v) / 255.0, 1.0)),
                        [1e-12, 0.5 / 255.0],
                    ),
                    Support::UnitInterval if likelihood == Likelihood::Bernoulli => {
                        at.check([0.0, 1.0].map(|x| (x, 1.0)).into_iter(), [1e-12; 2]);
                    }
                    // The middles' error is width²/24 times the change of the slope, below 10.
                    Support::UnitInterval => at.check(middles([0.0, 1.0], 5000), [1e-7; 2]),
                    // Of Student's t, what is beyond e¹⁸/2 has a share of 10⁻³⁵.
                    Support::Real => at.check(real(location), [1e-6; 2]),
                }
            }
        }
    }
}

/// What each level adds to −ln p is summed over the levels, as the graph sums it.
#[test]
fn the_levels_of_a_pixel_have_a_total_of_1() {
    let outputs = [0.3_f64, -2.0, 5.0, 1.0];
    let density = Likelihood::Categorical.density();
    let total = outputs.iter().map(|l| l.exp()).sum::<f64>().ln();
    let [share, zero, is_level] = [0, 1, 2].map(operand);
    let nll = (density.nll)(share.clone(), zero.clone(), is_level);
    let mean = (density.mean)(share, zero);
    let (mut sum, mut expected, mut found) = (0.0, 0.0, 0.0);
    for level in 0..outputs.len() {
        let of = |(other, l): (usize, &f64)| {
            nll.evaluate(&[l - total, 0.0, f64::from(u8::from(other == level))])
        };
        let p = (-outputs.iter().enumerate().map(of).sum::<f64>()).exp();
        let value = categorical::value(level, outputs.len());
        sum += p;
        expected += p * value;
        found += mean.evaluate(&[outputs[level] - total, 0.0]) * value;
    }
    assert!((sum - 1.0).abs() < 1e-12 && (found - expected).abs() < 1e-12);
}
