//! The decoder's output at which a likelihood has a given mean: the inverse of its link.

use super::{Density, Location};
use crate::expr::{Expr, Sequence, operand};

/// Means of what lies between 0 and 1 are held within these bounds, as the code of Burda, Grosse and
/// Salakhutdinov (2016) holds them: a pixel that is 0 in all training images has no finite logit.
pub(in crate::model) const MEANS: [f64; 2] = [0.001, 0.999];

/// The largest output that is looked for.
const MOST: f64 = 1e6;

impl Density {
    /// The output at which the mean is `mean`; `scaled` says whether the scale is trained. Where the
    /// output is the mean, that is `mean` itself; else `mean` is first held within [`MEANS`]. `None` where
    /// no output has that mean.
    pub(in crate::model) fn output_of_mean(&self, scaled: bool, mean: f64) -> Option<f64> {
        let link = self.mean_of_output(scaled);
        if link == operand(0) {
            return Some(mean);
        }
        let mean = mean.clamp(MEANS[0], MEANS[1]);
        if link == operand(0).sigmoid() {
            return Some((mean / (1.0 - mean)).ln());
        }
        inverse(&link, mean)
    }

    /// E\[x\] from the decoder's output (operand 0).
    fn mean_of_output(&self, scaled: bool) -> Expr {
        let output = operand(0);
        (self.mean)(match self.location {
            Location::Sigmoid => output.sigmoid(),
            Location::SigmoidIfScaled if scaled => output.sigmoid(),
            Location::SigmoidIfScaled | Location::Output => output,
        })
    }
}

/// Where an ascending function of one operand has a value, by bisection, to f64's precision or 10⁻¹² of 1;
/// `None` where it has it nowhere between ±[`MOST`].
fn inverse(function: &Expr, value: f64) -> Option<f64> {
    let sequence = Sequence::of(&[function]);
    let mut steps = Vec::new();
    let mut is_below = |x: f64| {
        sequence.evaluate(&[x], &mut steps);
        steps[sequence.results()[0]] < value
    };
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
    use crate::expr::constant;

    /// Each likelihood's mean by its textbook formula, from the output that was found.
    #[test]
    fn the_output_has_the_mean() {
        let sigmoid = |l: f64| 1.0 / (1.0 + (-l).exp());
        for likelihood in Likelihood::ALL {
            for scaled in [false, true] {
                let density = likelihood.density();
                if scaled && density.scale.is_none() {
                    continue;
                }
                for mean in [0.001, 0.02, 0.37, 0.63, 0.999] {
                    let l = density.output_of_mean(scaled, mean).unwrap();
                    let found = match likelihood {
                        Likelihood::Bernoulli | Likelihood::SquaredError => sigmoid(l),
                        // Loaiza-Ganem and Cunningham (2019), equation 8, with λ = sigmoid(l).
                        Likelihood::ContinuousBernoulli => 1.0 / (1.0 - (-l).exp()) - 1.0 / l,
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

    #[test]
    fn a_mean_that_no_output_has_is_none() {
        let flat = Density {
            mean: |_| constant(0.5),
            ..*Likelihood::Bernoulli.density()
        };
        assert_eq!(flat.output_of_mean(false, 0.3), None);
        let above = Density {
            mean: |l| 2.0 + l.sigmoid(),
            ..flat
        };
        assert_eq!(above.output_of_mean(false, 0.3), None);
    }
}
