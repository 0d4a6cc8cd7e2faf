//! Principal components: rows in the directions in which they vary most.

/// Principal components of some rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Pca {
    /// The rows' mean, `[dims]`.
    pub mean: Vec<f64>,
    /// Orthonormal directions, by falling variance. The largest entry of each is positive.
    pub components: Vec<Vec<f64>>,
    /// The share of the whole variance that lies along each.
    pub explained: Vec<f64>,
}

impl Pca {
    /// Of `rows [count, dims]`: the eigenvectors of their covariance by Jacobi's rotations (Golub and Van Loan, *Matrix
    /// Computations*, section 8.5).
    pub fn of(rows: &[f32], dims: usize) -> Self {
        let count = (rows.len() / dims.max(1)).max(1) as f64;
        let mut mean = vec![0.0; dims];
        for row in rows.chunks(dims.max(1)) {
            for (mean, &value) in mean.iter_mut().zip(row) {
                *mean += f64::from(value) / count;
            }
        }
        let mut covariance = vec![vec![0.0; dims]; dims];
        for row in rows.chunks(dims.max(1)) {
            let centred: Vec<_> = row
                .iter()
                .zip(&mean)
                .map(|(&v, m)| f64::from(v) - m)
                .collect();
            for (line, a) in covariance.iter_mut().zip(&centred) {
                for (sum, b) in line.iter_mut().zip(&centred) {
                    *sum += a * b / count;
                }
            }
        }
        let (values, mut vectors) = symmetric_eigen(covariance);
        let total: f64 = values.iter().sum();
        let order = super::descending(&values);
        for vector in &mut vectors {
            let largest = vector.iter().copied().fold(0.0, |largest: f64, value| {
                if value.abs() > largest.abs() + 1e-12 {
                    value
                } else {
                    largest
                }
            });
            if largest < 0.0 {
                vector.iter_mut().for_each(|value| *value = -*value);
            }
        }
        let share = |&index: &usize| {
            if total > 0.0 {
                values[index].max(0.0) / total
            } else {
                0.0
            }
        };
        Self {
            mean,
            components: order.iter().map(|&index| vectors[index].clone()).collect(),
            explained: order.iter().map(share).collect(),
        }
    }

    /// A row in the first two directions; 0 where there are not as many.
    pub fn project(&self, row: &[f32]) -> [f64; 2] {
        [0, 1].map(|index| {
            let component = self.components.get(index).into_iter().flatten();
            let centred = row.iter().zip(&self.mean).map(|(&v, m)| f64::from(v) - m);
            component.zip(centred).map(|(c, v)| c * v).sum()
        })
    }
}

/// Eigenvalues of a symmetric matrix with a vector of length 1 each, in no order.
fn symmetric_eigen(mut a: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let n = a.len();
    let mut vectors: Vec<Vec<f64>> = (0..n)
        .map(|i| (0..n).map(|j| f64::from(i == j)).collect())
        .collect();
    let whole: f64 = a.iter().flatten().map(|value| value * value).sum();
    // Sweeps converge quadratically: six or eight of them suffice for any matrix that has been tried.
    for _ in 0..60 {
        let mut off = 0.0;
        for (i, line) in a.iter().enumerate() {
            off += line
                .iter()
                .skip(i + 1)
                .map(|value| value * value)
                .sum::<f64>();
        }
        if off <= 1e-30 * whole {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut vectors, p, q);
            }
        }
    }
    ((0..n).map(|i| a[i][i]).collect(), vectors)
}

/// Makes the element (p, q) 0.
fn rotate(a: &mut [Vec<f64>], vectors: &mut [Vec<f64>], p: usize, q: usize) {
    if a[p][q] == 0.0 {
        return;
    }
    let tau = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
    let t = tau.signum() / (tau.abs() + (1.0 + tau * tau).sqrt());
    let c = 1.0 / (1.0 + t * t).sqrt();
    let s = t * c;
    for line in a.iter_mut() {
        let [x, y] = [line[p], line[q]];
        line[p] = c * x - s * y;
        line[q] = s * x + c * y;
    }
    for k in 0..a.len() {
        let [x, y] = [a[p][k], a[q][k]];
        a[p][k] = c * x - s * y;
        a[q][k] = s * x + c * y;
        let [x, y] = [vectors[p][k], vectors[q][k]];
        vectors[p][k] = c * x - s * y;
        vectors[q][k] = s * x + c * y;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_and_shares_are_those_that_rows_were_made_with() {
        // Along (3, 4)/5 with the variance 9·4, across it 1, and nothing along the third axis.
        let mut rows = Vec::new();
        for (along, across) in [(6.0, 1.0), (6.0, -1.0), (-6.0, 1.0), (-6.0, -1.0)] {
            rows.extend([
                0.6 * along - 0.8 * across + 1.0,
                0.8 * along + 0.6 * across - 2.0,
                7.0,
            ]);
        }
        let rows: Vec<f32> = rows.into_iter().map(|value: f64| value as f32).collect();
        let pca = Pca::of(&rows, 3);
        let near = |found: &[f64], expected: &[f64]| {
            let mut pairs = found.iter().zip(expected);
            // Rows are rounded to f32, of values up to 7.
            assert!(
                pairs.all(|(a, b)| (a - b).abs() < 1e-6),
                "{found:?}, {expected:?}"
            );
        };
        near(&pca.mean, &[1.0, -2.0, 7.0]);
        near(&pca.components[0], &[0.6, 0.8, 0.0]);
        near(&pca.components[1], &[0.8, -0.6, 0.0]);
        near(&pca.explained, &[36.0 / 37.0, 1.0 / 37.0, 0.0]);
        near(&pca.project(&rows[..3]), &[6.0, -1.0]);
    }

    #[test]
    fn eigenvectors_multiply_to_their_values() {
        let n = 7;
        let a: Vec<Vec<f64>> = (0..n)
            .map(|i| {
                (0..n)
                    .map(|j| (1.0 + (i * j) as f64).sin() + (1.0 + (i + j) as f64).cos())
                    .collect()
            })
            .collect();
        let (values, vectors) = symmetric_eigen(a.clone());
        for (value, vector) in values.iter().zip(&vectors) {
            for (line, own) in a.iter().zip(vector) {
                let product: f64 = line.iter().zip(vector).map(|(a, v)| a * v).sum();
                assert!(
                    (product - value * own).abs() < 1e-12,
                    "{product}, {}",
                    value * own
                );
            }
        }
    }

    #[test]
    fn rows_that_are_all_the_same_have_no_variance() {
        let pca = Pca::of(&[2.0, 3.0, 2.0, 3.0], 2);
        assert_eq!(pca.explained, [0.0, 0.0]);
        assert_eq!(pca.project(&[2.0, 3.0]), [0.0, 0.0]);
    }
}
