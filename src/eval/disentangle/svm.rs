//! A linear support vector machine on one feature.
//!
//! What scikit-learn's `LinearSVC(C=0.01, class_weight="balanced")` computes, at its optimum: of each class
//! against the rest, w and b minimise ½(w² + b²) + C Σ_i c_i max(0, 1 − y_i(w z_i + b))². c_i is n / (K·n_k) for the
//! images of the class k that is told from the rest and 1 for the rest, as in liblinear; of two classes, one machine
//! tells them apart and both have their weights. An image is given the class whose w z + b is the greatest.

/// The C of disentanglement_lib.
const C: f64 = 0.01;
/// More steps than Newton's method needs: the objective is a parabola between the points where images enter it.
const STEPS: usize = 100;

pub(super) struct LinearSvm {
    /// The class that each line stands for.
    classes: Vec<u32>,
    /// w and b.
    lines: Vec<[f64; 2]>,
}

impl LinearSvm {
    /// Learns classes below `size`, of which some may be missing.
    pub(super) fn fit(code: &[f64], values: &[u32], size: usize) -> Self {
        let mut counts = vec![0_usize; size];
        for &value in values {
            counts[value as usize] += 1;
        }
        let classes: Vec<u32> = (0..size as u32)
            .filter(|&class| counts[class as usize] > 0)
            .collect();
        let balanced = |class: u32| {
            let all = (classes.len() * counts[class as usize]) as f64;
            C * values.len() as f64 / all
        };
        let line = |class: u32, rest: f64| {
            let samples = code.iter().zip(values).map(|(&z, &value)| {
                if value == class {
                    (z, 1.0, balanced(class))
                } else {
                    (z, -1.0, rest)
                }
            });
            minimum(&samples.collect::<Vec<_>>())
        };
        let lines = match classes[..] {
            [first, second] => {
                let [w, b] = line(first, balanced(second));
                vec![[w, b], [-w, -b]]
            }
            _ => classes.iter().map(|&class| line(class, C)).collect(),
        };
        Self { classes, lines }
    }

    /// The class of the greatest line; the first of several.
    pub(super) fn predict(&self, z: f64) -> u32 {
        let mut best = (f64::NEG_INFINITY, 0);
        for (&class, [w, b]) in self.classes.iter().zip(&self.lines) {
            let value = w * z + b;
            if value > best.0 {
                best = (value, class);
            }
        }
        best.1
    }
}

/// Where ½(w² + b²) + Σ c max(0, 1 − y(w z + b))² is least, of samples (z, y, c): Newton's method, with a step
/// halved until the objective falls as it should.
fn minimum(samples: &[(f64, f64, f64)]) -> [f64; 2] {
    let objective = |[w, b]: [f64; 2]| {
        let loss = |&(z, y, c): &(f64, f64, f64)| {
            let short = (1.0 - y * (w * z + b)).max(0.0);
            c * short * short
        };
        0.5 * (w * w + b * b) + samples.iter().map(loss).sum::<f64>()
    };
    let mut at = [0.0; 2];
    let mut value = objective(at);
    for _ in 0..STEPS {
        let [w, b] = at;
        let mut slope = [w, b];
        let [mut ww, mut wb, mut bb] = [1.0, 0.0, 1.0];
        for &(z, y, c) in samples {
            let short = 1.0 - y * (w * z + b);
            if short > 0.0 {
                slope[0] -= 2.0 * c * short * y * z;
                slope[1] -= 2.0 * c * short * y;
                ww += 2.0 * c * z * z;
                wb += 2.0 * c * z;
                bb += 2.0 * c;
            }
        }
        let determinant = ww * bb - wb * wb;
        let step = [
            (bb * slope[0] - wb * slope[1]) / determinant,
            (ww * slope[1] - wb * slope[0]) / determinant,
        ];
        let decrement = slope[0] * step[0] + slope[1] * step[1];
        // Below this the objective's rounding hides what a step gains, and a whole step is the last.
        let last = decrement <= 1e-12 * value;
        let mut share = 1.0;
        let mut next = at;
        let mut reached = value;
        while share > 1e-9 {
            next = [w - share * step[0], b - share * step[1]];
            reached = objective(next);
            if last || reached <= value - 1e-4 * share * decrement {
                break;
            }
            share *= 0.5;
        }
        (at, value) = (next, reached);
        if last || share <= 1e-9 {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two images at ±1: by symmetry b = 0, and w minimises ½w² + 2c(1 − w)², so that w = 4c/(1 + 4c).
    #[test]
    fn the_least_of_two_images_is_that_of_algebra() {
        for c in [0.01, 0.5, 10.0] {
            let [w, b] = minimum(&[(1.0, 1.0, c), (-1.0, -1.0, c)]);
            let expected = 4.0 * c / (1.0 + 4.0 * c);
            assert!((w - expected).abs() < 1e-12 && b.abs() < 1e-12, "{w} {b}");
        }
    }

    #[test]
    fn a_class_that_is_missing_is_never_found() {
        let code: Vec<f64> = (0..200).map(|i| f64::from(i % 2)).collect();
        let values: Vec<u32> = (0..200).map(|i| if i % 2 == 0 { 1 } else { 3 }).collect();
        let machine = LinearSvm::fit(&code, &values, 5);
        assert_eq!([0.0, 1.0].map(|z| machine.predict(z)), [1, 3]);
    }
}
