//! Points of the latent space: between two, on a grid, and along a dimension.

use std::f64::consts::FRAC_PI_2;

/// (1 − t)·a + t·b.
pub fn lerp(a: &[f32], b: &[f32], t: f64) -> Vec<f32> {
    let between = |(a, b): (&f32, &f32)| ((1.0 - t) * f64::from(*a) + t * f64::from(*b)) as f32;
    a.iter().zip(b).map(between).collect()
}

/// Spherical interpolation: sin((1 − t)·θ)/sin θ · a + sin(t·θ)/sin θ · b with the angle θ between a and b (Shoemake,
/// *Animating Rotation with Quaternion Curves*, 1985; of latents White, *Sampling Generative Networks*, 2016). Where they
/// point the same way or opposite ways, or one is 0, no circle is the shortest, and it is [`lerp`].
pub fn slerp(a: &[f32], b: &[f32], t: f64) -> Vec<f32> {
    let dot = |a: &[f32], b: &[f32]| {
        let products = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b));
        products.sum::<f64>()
    };
    let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    let angle = cosine.clamp(-1.0, 1.0).acos();
    let sine = angle.sin();
    if !sine.is_finite() || sine < 1e-6 {
        return lerp(a, b, t);
    }
    let [of_a, of_b] = [(1.0 - t) * angle, t * angle].map(|part| part.sin() / sine);
    let between = |(a, b): (&f32, &f32)| (of_a * f64::from(*a) + of_b * f64::from(*b)) as f32;
    a.iter().zip(b).map(between).collect()
}

/// The inverse of the standard normal's distribution function, at p in (0, 1): a rational guess refined by
/// four steps of Halley's method on erfc, to the last digits of f64. Infinite at 0 and 1, NaN beyond.
pub fn normal_quantile(p: f64) -> f64 {
    match p {
        0.0 => return f64::NEG_INFINITY,
        1.0 => return f64::INFINITY,
        p if !(0.0..=1.0).contains(&p) => return f64::NAN,
        _ => {}
    }
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    // A first guess that is near enough for Halley's method: Hastings' (Abramowitz and Stegun, 26.2.23), good to 4.5e-4.
    let t = (-2.0 * p.ln()).sqrt();
    let above = 2.515517 + t * (0.802853 + t * 0.010328);
    let below = 1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308));
    let mut x = above / below - t;
    for _ in 0..4 {
        let density = (-0.5 * x * x).exp() / (4.0 * FRAC_PI_2).sqrt();
        let error = 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2) - p;
        let step = error / density;
        x -= step / (1.0 + 0.5 * x * step);
    }
    x
}

/// `side` quantiles of the standard normal at the middles of equal shares: Φ⁻¹((i + ½)/side).
pub fn normal_quantiles(side: usize) -> Vec<f64> {
    let share = |index: usize| (index as f64 + 0.5) / side as f64;
    (0..side)
        .map(|index| normal_quantile(share(index)))
        .collect()
}

/// The mean over rows of KL(N(μ, σ²) ‖ N(m, s²)) in each dimension, in nats: of `mu` and `logvar [count, Z]`, with
/// [`PriorMoments`] of Z dimensions.
pub fn kl_by_dimension(mu: &[f32], logvar: &[f32], prior: &PriorMoments) -> Vec<f64> {
    let dims = prior.mean.len();
    let count = (mu.len() / dims.max(1)).max(1);
    let mut sums = vec![0.0; dims];
    for (mu, logvar) in mu.chunks(dims).zip(logvar.chunks(dims)) {
        for (j, sum) in sums.iter_mut().enumerate() {
            let variance = prior.deviation[j].powi(2);
            let [mu, logvar] = [mu[j], logvar[j]].map(f64::from);
            let square = (mu - prior.mean[j]).powi(2) / variance;
            let ratio = logvar - variance.ln();
            // e^x − 1 − x keeps its digits where the variances are nearly the same.
            *sum += 0.5 * (square + (ratio.exp_m1() - ratio));
        }
    }
    sums.iter().map(|sum| sum / count as f64).collect()
}

/// Indices from the largest value to the least; of the same values, the first one first.
pub fn descending(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<_> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    order
}

/// Mean and standard deviation of a prior in each dimension.
#[derive(Clone, Debug, PartialEq)]
pub struct PriorMoments {
    /// m, `[Z]`.
    pub mean: Vec<f64>,
    /// s, `[Z]`.
    pub deviation: Vec<f64>,
}

impl PriorMoments {
    /// Those of the standard normal.
    pub fn standard(dims: usize) -> Self {
        Self {
            mean: vec![0.0; dims],
            deviation: vec![1.0; dims],
        }
    }

    /// Those of draws `z [count, dims]`.
    pub fn of(z: &[f32], dims: usize) -> Self {
        let count = (z.len() / dims.max(1)).max(1) as f64;
        let column = |j: usize| z.iter().skip(j).step_by(dims).map(|&z| f64::from(z));
        let mean: Vec<_> = (0..dims).map(|j| column(j).sum::<f64>() / count).collect();
        let variance = |j: usize| {
            let squares = column(j).map(|z| (z - mean[j]).powi(2));
            squares.sum::<f64>() / count
        };
        // A dimension that never varies has a small deviation and no infinite divergence.
        let deviation = (0..dims).map(|j| variance(j).sqrt().max(1e-6)).collect();
        Self { mean, deviation }
    }

    /// m as a point.
    pub fn point(&self) -> Vec<f32> {
        self.mean.iter().map(|&mean| mean as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spherical_path_keeps_the_length_and_the_ends() {
        let [a, b] = [[3.0, 0.0, 0.0], [0.0, 3.0, 0.0]];
        assert_eq!(slerp(&a, &b, 0.0), a);
        let half = slerp(&a, &b, 0.5);
        for (found, expected) in half
            .iter()
            .zip([3.0 * 0.5f32.sqrt(), 3.0 * 0.5f32.sqrt(), 0.0])
        {
            assert!((found - expected).abs() < 1e-6, "{half:?}");
        }
        let end = slerp(&a, &b, 1.0);
        assert!((end[1] - 3.0).abs() < 1e-6 && end[0].abs() < 1e-6);
        // A third of a right angle is 30 degrees.
        let third = slerp(&a, &b, 1.0 / 3.0);
        assert!((third[0] - 3.0 * 0.75f32.sqrt()).abs() < 1e-6 && (third[1] - 1.5).abs() < 1e-6);
    }

    #[test]
    fn where_no_circle_is_the_shortest_the_path_is_straight() {
        for (a, b) in [
            ([1.0, 2.0], [2.0, 4.0]),
            ([1.0, 2.0], [-1.0, -2.0]),
            ([0.0, 0.0], [1.0, 1.0]),
        ] {
            assert_eq!(slerp(&a, &b, 0.25), lerp(&a, &b, 0.25), "{a:?}, {b:?}");
        }
        assert_eq!(lerp(&[0.0, 4.0], &[4.0, 0.0], 0.25), [1.0, 3.0]);
    }

    /// Quantiles of statistical tables with more digits: scipy.stats.norm.ppf.
    #[test]
    fn quantiles_are_those_of_tables() {
        for (p, x) in [
            (0.5, 0.0),
            (0.975, 1.959963984540054),
            (0.025, -1.959963984540054),
            (0.8413447460685429, 1.0),
            (1e-6, -4.753424308822899),
        ] {
            assert!(
                (normal_quantile(p) - x).abs() < 1e-12,
                "{p}: {}",
                normal_quantile(p)
            );
        }
        assert!(normal_quantile(1.5).is_nan() && normal_quantile(0.0) == f64::NEG_INFINITY);
        let four = normal_quantiles(4);
        assert!(four[0] == -four[3] && four[1] == -four[2] && four[0] < four[1]);
    }

    #[test]
    fn dimensions_come_by_their_divergence() {
        // One dimension as the prior, one far from it, one narrow: 0, ½·4, and ½(e⁻² − 1 + 2).
        let mu = [0.0, 2.0, 0.0, 0.0, 2.0, 0.0];
        let logvar = [0.0, 0.0, -2.0, 0.0, 0.0, -2.0];
        let kl = kl_by_dimension(&mu, &logvar, &PriorMoments::standard(3));
        let narrow = 0.5 * ((-2f64).exp() + 1.0);
        for (found, expected) in kl.iter().zip([0.0, 2.0, narrow]) {
            assert!((found - expected).abs() < 1e-12, "{kl:?}");
        }
        assert_eq!(descending(&kl), [1, 2, 0]);
        assert_eq!(descending(&[1.0, 1.0]), [0, 1]);
        // A Gaussian is at no distance of itself, whatever the prior's moments.
        let prior = PriorMoments::of(&[1.0, 5.0], 1);
        assert_eq!(
            prior,
            PriorMoments {
                mean: vec![3.0],
                deviation: vec![2.0]
            }
        );
        let same = kl_by_dimension(&[3.0], &[4f32.ln()], &prior);
        assert!(same[0].abs() < 1e-6, "{same:?}");
    }
}
