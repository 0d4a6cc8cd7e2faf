//! The decoder's output at which a likelihood has a given mean: the inverse of its link.

use super::{Density, Location, categorical};
use crate::expr::{Expr, Sequence, constant, operand};

/// Means of what lies between 0 and 1 are held within these bounds, as the code of Burda, Grosse and
/// Salakhutdinov (2016) holds them: a pixel that is 0 in all training images has no finite logit.
pub(in crate::model) const MEANS: [f64; 2] = [0.001, 0.999];

/// The largest output that is looked for.
const MOST: f64 = 1e6;

impl Density {
    /// The decoder's outputs of all pixels at which their means are these; `scaled` says whether the scale is
    /// not 1, and `levels` how many outputs a categorical pixel has. Of counts, whose means share out an
    /// image's sum, ln of the mean, held at a thousandth of the mean over all pixels at least; a second output
    /// is left out of account.
    ///
    /// # Errors
    /// The first pixel of whose mean no output is.
    pub(in crate::model) fn outputs_of_means(
        &self,
        scaled: bool,
        levels: usize,
        means: &[f64],
    ) -> Result<Vec<f64>, usize> {
        let all = means.iter().sum::<f64>() / means.len().max(1) as f64;
        let least = (MEANS[0] * all).max(f64::MIN_POSITIVE);
        let mut outputs = Vec::new();
        for (pixel, &mean) in means.iter().enumerate() {
            match self.location {
                Location::LogMean => outputs.push(mean.max(least).ln()),
                Location::LogShare => outputs.extend(tilted(levels, mean).ok_or(pixel)?),
                _ => outputs.push(self.output_of_mean(scaled, mean).ok_or(pixel)?),
            }
        }
        Ok(outputs)
    }

    /// The output at which the mean is `mean`; `scaled` says whether the scale is trained. Where the
    /// output is the mean, that is `mean` itself; else `mean` is first held within [`MEANS`]. `None` where
    /// no output has that mean.
    fn output_of_mean(&self, scaled: bool, mean: f64) -> Option<f64> {
        let link = self.mean_of_output(scaled);
        if link == operand(0) {
            return Some(mean);
        }
        let mean = mean.clamp(MEANS[0], MEANS[1]);
        if link == operand(0).sigmoid() {
            return Some((mean / (1.0 - mean)).ln());
        }
        let sequence = Sequence::of(&[&link]);
        let mut steps = Vec::new();
        let value = |output: f64| {
            sequence.evaluate(&[output], &mut steps);
            steps[sequence.results()[0]]
        };
        inverse(value, mean)
    }

    /// E\[x\] from the decoder's output (operand 0), with the least scale: of what is cut off at 0 and 1, a
    /// large scale has no mean near them.
    fn mean_of_output(&self, scaled: bool) -> Expr {
        let output = operand(0);
        let location = match self.location {
            Location::Sigmoid => output.sigmoid(),
            Location::SigmoidIfScaled if scaled => output.sigmoid(),
            _ => output,
        };
        let least = self.scale.map_or(0.0, |scale| -scale.bound);
        (self.mean)(location, constant(least))
    }
}

/// The outputs t·k/(K − 1) of K levels k at which E\[k\]/(K − 1) is `mean`: of all distributions of this mean
/// the one of the most entropy. Of two levels, t is the logit.
fn tilted(levels: usize, mean: f64) -> Option<Vec<f64>> {
    let values = (0..levels).map(|level| categorical::value(level, levels));
    let values: Vec<f64> = values.collect();
    let mean_of = |t: f64| {
        // By the largest, of the greatest level or the least.
        let weight = |value: f64| (t * value - t.max(0.0)).exp();
        let total: f64 = values.iter().map(|&value| weight(value)).sum();
        values.iter().map(|&v| v * weight(v)).sum::<f64>() / total
    };
    let t = inverse(mean_of, mean.clamp(MEANS[0], MEANS[1]))?;
    Some(values.iter().map(|value| t * value).collect())
}

/// Where an ascending function has a value, by bisection, to f64's precision or 10⁻¹² of 1; `None` where it
/// has it nowhere between ±[`MOST`].
fn inverse(mut function: impl FnMut(f64) -> f64, value: f64) -> Option<f64> {
    let mut is_below = |x: f64| function(x) < value;
    let mut reach = 1.0;
    while !is_below(-reach) || is_below(reach) {
        reach *= 2.0;
        if reach > MOST {
            return None;
        }
    }
    let (mut low, mut high) = (-reach, reach);
    while high - low > 1e-12 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        match is_below(middle) {
            true => low = middle,
            false => high = middle,
        }
    }
    Some(0.5 * (low + high))
}

#[cfg(test)]
mod tests {
    use super::super::Likelihood;
    use super::*;

    /// Each likelihood's mean by its textbook formula, from the output that was found.
    #[test]
    fn the_output_has_the_mean() {
        let sigmoid = |l: f64| 1.0 / (1.0 + (-l).exp());
        for likelihood in Likelihood::ALL {
            for scaled in [false, true] {
                let density = likelihood.density();
                let of_row = matches!(density.location, Location::LogMean | Location::LogShare);
                if of_row || scaled && density.scale.is_none() {
                    continue;
                }
                for mean in [0.001, 0.02, 0.37, 0.63, 0.999] {
                    let l = density.output_of_mean(scaled, mean).unwrap();
                    let found = match likelihood {
                        Likelihood::Bernoulli | Likelihood::SquaredError => sigmoid(l),
                        // Loaiza-Ganem and Cunningham (2019), equation 8, with λ = sigmoid(l).
                        Likelihood::ContinuousBernoulli => 1.0 / (1.0 - (-l).exp()) - 1.0 / l,
                        // All 255 steps of E[x], with the least scale; the formula takes an integral for their
                        // sum, half a level apart at most.
                        Likelihood::DiscretisedLogistic => {
                            let m = if scaled { sigmoid(l) } else { l };
                            let above =
                                |k| sigmoid((m - (f64::from(k) - 0.5) / 255.0) * 7f64.exp());
                            let found = (1..=255).map(above).sum::<f64>() / 255.0;
                            assert!((found - mean).abs() < 0.5 / 255.0, "{found}, {mean}");
                            mean
                        }
                        _ if scaled => sigmoid(l),
                        _ => l,
                    };
                    assert!(
                        (found - mean).abs() < 1e-11,
                        "{likelihood:?}: {found}, {mean}"
                    );
                }
            }
        }
    }

    #[test]
    fn means_at_the_ends_are_held_where_outputs_are_finite() {
        let bernoulli = Likelihood::Bernoulli.density();
        let logit = (0.001f64 / 0.999).ln();
        let ends = [0.0, 1.0].map(|mean| bernoulli.output_of_mean(false, mean).unwrap());
        assert!((ends[0] - logit).abs() < 1e-12 && (ends[1] + logit).abs() < 1e-12);
        // Of one half, where the formula is 0/0.
        let continuous = Likelihood::ContinuousBernoulli.density();
        assert!(continuous.output_of_mean(false, 0.5).unwrap().abs() < 1e-11);
        // A Gaussian of unit scale has any mean.
        let gaussian = Likelihood::Gaussian.density();
        assert_eq!(gaussian.output_of_mean(false, 0.0), Some(0.0));
    }

    /// Those of two levels are a Bernoulli's, and those of counts have shares of the softmax.
    #[test]
    fn outputs_of_a_pixel_or_of_a_row_have_their_means_together() {
        let means = [0.0, 0.3, 0.5, 0.999];
        let categorical = Likelihood::Categorical.density();
        for levels in [2, 5, 256] {
            let outputs = categorical.outputs_of_means(false, levels, &means).unwrap();
            for (l, mean) in outputs.chunks(levels).zip(means) {
                let total: f64 = l.iter().map(|l| l.exp()).sum();
                let share = |(k, l): (usize, &f64)| k as f64 * l.exp() / total;
                let found = l.iter().enumerate().map(share).sum::<f64>() / (levels - 1) as f64;
                assert!(
                    (found - mean.max(MEANS[0])).abs() < 1e-11,
                    "{found}, {mean}"
                );
                if levels == 2 {
                    let bernoulli = Likelihood::Bernoulli.density();
                    let logit = bernoulli.output_of_mean(false, mean).unwrap();
                    assert!((l[1] - l[0] - logit).abs() < 1e-10, "{l:?}, {logit}");
                }
            }
        }
        for likelihood in Likelihood::ALL.into_iter().filter(|one| one.is_of_counts()) {
            let counts = [3.0, 0.0, 1.0, 12.0];
            let outputs = likelihood.density().outputs_of_means(false, 0, &counts);
            let outputs = outputs.unwrap();
            let total: f64 = outputs.iter().map(|l| l.exp()).sum();
            for (l, count) in outputs.iter().zip(counts) {
                let held = if count == 0.0 { 4e-3 } else { count };
                assert!((l.exp() / total - held / 16.004).abs() < 1e-12);
            }
            let none = likelihood.density().outputs_of_means(false, 0, &[0.0; 2]);
            assert!(none.unwrap().iter().all(|l| l.is_finite()));
        }
    }

    #[test]
    fn a_mean_that_no_output_has_is_none() {
        let flat = Density {
            mean: |_, _| constant(0.5),
            ..*Likelihood::Bernoulli.density()
        };
        assert_eq!(flat.output_of_mean(false, 0.3), None);
        let above = Density {
            mean: |l, _| 2.0 + l.sigmoid(),
            ..flat
        };
        assert_eq!(above.output_of_mean(false, 0.3), None);
    }
}
