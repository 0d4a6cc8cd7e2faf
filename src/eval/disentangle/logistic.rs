//! A logistic regression of several classes, by Newton's method.

/// More steps than it needs: the objective is convex, and each step squares the error.
const STEPS: usize = 100;

/// W and b: an image's class is the one whose w·x + b is the greatest.
pub(super) struct Logistic {
    features: usize,
    /// `[classes, features + 1]`, a class's b behind its w.
    weights: Vec<f64>,
}

impl Logistic {
    /// `[classes, features + 1]`.
    #[cfg(test)]
    pub(super) fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Where Σ −ln softmax(Wx + b)_y + ½‖W‖² is least, of points `[count, features]`, which is what scikit-learn's
    /// `LogisticRegression` approaches. Of two classes its one w has the penalty ½‖w‖², which for the
    /// difference of two halves is ‖W‖².
    pub(super) fn fit(points: &[f64], features: usize, classes: &[u32], count: usize) -> Self {
        let width = features + 1;
        let penalty = if count == 2 { 2.0 } else { 1.0 };
        let mut objective = Objective {
            points,
            features,
            classes,
            count,
            penalty,
            slope: vec![0.0; count * width],
            curvature: vec![0.0; count * width * count * width],
        };
        let mut weights = vec![0.0; count * width];
        let mut value = objective.at(&weights);
        for _ in 0..STEPS {
            objective.differentiate(&weights);
            let Some(step) = solve(&mut objective.curvature, &objective.slope) else {
                break;
            };
            let decrement: f64 = step.iter().zip(&objective.slope).map(|(s, d)| s * d).sum();
            // Below this the value's rounding hides what a step gains, and a whole step is the last.
            let last = decrement <= 1e-12 * value;
            let mut share = 1.0;
            let (next, reached) = loop {
                let next: Vec<_> = weights
                    .iter()
                    .zip(&step)
                    .map(|(w, s)| w - share * s)
                    .collect();
                let reached = objective.at(&next);
                if last || reached <= value - 1e-4 * share * decrement || share < 1e-9 {
                    break (next, reached);
                }
                share *= 0.5;
            };
            (weights, value) = (next, reached);
            if last || share < 1e-9 {
                break;
            }
        }
        Self { features, weights }
    }

    /// The most probable class; the first of several.
    pub(super) fn predict(&self, point: &[f64]) -> u32 {
        let rows = self.weights.chunks(self.features + 1);
        let mut best = (f64::NEG_INFINITY, 0);
        for (class, row) in (0..).zip(rows) {
            let value = linear(row, point);
            if value > best.0 {
                best = (value, class);
            }
        }
        best.1
    }
}

/// w·x + b.
fn linear(row: &[f64], point: &[f64]) -> f64 {
    let products = row.iter().zip(point).map(|(w, x)| w * x);
    products.sum::<f64>() + row[point.len()]
}

struct Objective<'a> {
    points: &'a [f64],
    features: usize,
    classes: &'a [u32],
    count: usize,
    penalty: f64,
    /// The last gradient and Hessian, whose lower triangle alone counts.
    slope: Vec<f64>,
    curvature: Vec<f64>,
}

impl Objective<'_> {
    /// The value. All b together may move without a change: ½(Σ b)², which is 0 at the optimum, holds them.
    fn at(&self, weights: &[f64]) -> f64 {
        let mut outputs = vec![0.0; self.count];
        let mut sum = 0.0;
        for (point, &class) in self.points.chunks(self.features).zip(self.classes) {
            sum += self.log_total(weights, point, &mut outputs) - outputs[class as usize];
        }
        let rows = weights.chunks(self.features + 1);
        let squares = rows.clone().flat_map(|row| &row[..self.features]);
        let biases: f64 = rows.map(|row| row[self.features]).sum();
        sum + 0.5 * self.penalty * squares.map(|w| w * w).sum::<f64>() + 0.5 * biases * biases
    }

    /// ln Σ exp of the classes' outputs.
    fn log_total(&self, weights: &[f64], point: &[f64], outputs: &mut [f64]) -> f64 {
        for (output, row) in outputs.iter_mut().zip(weights.chunks(self.features + 1)) {
            *output = linear(row, point);
        }
        let most = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        most + outputs.iter().map(|x| (x - most).exp()).sum::<f64>().ln()
    }

    /// Leaves the gradient and the Hessian at `weights`.
    fn differentiate(&mut self, weights: &[f64]) {
        let (width, size) = (self.features + 1, weights.len());
        self.slope.fill(0.0);
        self.curvature.fill(0.0);
        let mut outputs = vec![0.0; self.count];
        let mut x = vec![1.0; width];
        for (point, &class) in self.points.chunks(self.features).zip(self.classes) {
            x[..self.features].copy_from_slice(point);
            let total = self.log_total(weights, point, &mut outputs);
            outputs.iter_mut().for_each(|o| *o = (*o - total).exp());
            for (k, &p) in outputs.iter().enumerate() {
                let error = p - f64::from(u8::from(k == class as usize));
                for (slope, x) in self.slope[k * width..][..width].iter_mut().zip(&x) {
                    *slope += error * x;
                }
                for (l, &q) in outputs[..=k].iter().enumerate() {
                    let scale = if k == l { p * (1.0 - p) } else { -p * q };
                    for (i, &xi) in x.iter().enumerate() {
                        let row =
                            &mut self.curvature[(k * width + i) * size + l * width..][..width];
                        let scaled = scale * xi;
                        row.iter_mut().zip(&x).for_each(|(c, x)| *c += scaled * x);
                    }
                }
            }
        }
        let biases: f64 = weights.iter().skip(self.features).step_by(width).sum();
        for k in 0..self.count {
            let own = weights.iter().enumerate().skip(k * width);
            for (i, weight) in own.take(self.features) {
                self.slope[i] += self.penalty * weight;
                self.curvature[i * size + i] += self.penalty;
            }
            let bias = k * width + self.features;
            self.slope[bias] += biases;
            for l in 0..=k {
                self.curvature[bias * size + l * width + self.features] += 1.0;
            }
        }
    }
}

/// The x of A x = b, of a positive definite A by its lower triangle, which becomes Cholesky's; `None` where rounding
/// leaves it indefinite.
fn solve(a: &mut [f64], b: &[f64]) -> Option<Vec<f64>> {
    let n = b.len();
    for i in 0..n {
        for j in 0..=i {
            let (row, other) = (&a[i * n..][..j], &a[j * n..][..j]);
            let known: f64 = row.iter().zip(other).map(|(x, y)| x * y).sum();
            let rest = a[i * n + j] - known;
            a[i * n + j] = if i > j {
                rest / a[j * n + j]
            } else if rest > 0.0 {
                rest.sqrt()
            } else {
                return None;
            };
        }
    }
    let mut x = b.to_vec();
    for i in 0..n {
        let known: f64 = a[i * n..][..i].iter().zip(&x).map(|(l, x)| l * x).sum();
        x[i] = (x[i] - known) / a[i * n + i];
    }
    for i in (0..n).rev() {
        x[i] /= a[i * n + i];
        let (rest, last) = x.split_at_mut(i);
        let row = &a[i * n..][..i];
        rest.iter_mut()
            .zip(row)
            .for_each(|(x, l)| *x -= l * last[0]);
    }
    Some(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At the optimum the gradient is 0: Σ(p − y)x + w = 0. It is asked for by differences of the value, which the
    /// method does not use.
    #[test]
    fn the_value_does_not_fall_any_more() {
        let (features, count) = (2, 3);
        let points: Vec<f64> = (0..60)
            .map(|i| f64::from((i * 37) % 61) / 20.0 - 1.5)
            .collect();
        let classes: Vec<u32> = (0..30).map(|i| (i * i + i / 7) % 3).collect();
        let fitted = Logistic::fit(&points, features, &classes, count);
        let objective = Objective {
            points: &points,
            features,
            classes: &classes,
            count,
            penalty: 1.0,
            slope: Vec::new(),
            curvature: Vec::new(),
        };
        let h = 1e-4;
        for index in 0..fitted.weights.len() {
            let at = |offset: f64| {
                let mut weights = fitted.weights.clone();
                weights[index] += offset;
                objective.at(&weights)
            };
            // Rounding of a value about 30 leaves 1e-14/h, a third derivative below 30 leaves h².
            assert!(((at(h) - at(-h)) / (2.0 * h)).abs() < 3e-7, "{index}");
            assert!(at(h) > at(0.0));
        }
    }

    #[test]
    fn a_system_is_solved() {
        let mut a = vec![4.0, 0.0, 2.0, 3.0];
        let x = solve(&mut a, &[2.0, 5.0]).unwrap();
        // 4x + 2y = 2 and 2x + 3y = 5.
        assert!((x[0] + 0.5).abs() < 1e-15 && (x[1] - 2.0).abs() < 1e-15);
        assert!(solve(&mut [1.0, 0.0, 2.0, 1.0], &[0.0, 0.0]).is_none());
    }
}
