//! Histograms of a representation, and the mutual information of what they count.

/// The bin of each value among `bins` of equal width from the least to the greatest value; all are in one where
/// these are the same.
pub(super) fn binned(values: &[f64], bins: usize) -> Vec<u32> {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if greatest <= least {
        return vec![0; values.len()];
    }
    // The left edges, as NumPy computes them: a value on an edge belongs to the bin on its right.
    let width = (greatest - least) / bins as f64;
    let edges: Vec<f64> = (0..bins).map(|bin| bin as f64 * width + least).collect();
    let bin = |value: f64| edges.partition_point(|&edge| edge <= value).max(1) - 1;
    values.iter().map(|&value| bin(value) as u32).collect()
}

/// H(a) in nats, of values that are counted.
pub(super) fn entropy(a: &[u32]) -> f64 {
    mutual_information(a, a)
}

/// I(a; b) = Σ p(a, b) ln(p(a, b) / (p(a) p(b))) in nats, of pairs that are counted; at least 0.
///
/// # Panics
/// Where there are not as many of both.
pub(super) fn mutual_information(a: &[u32], b: &[u32]) -> f64 {
    assert_eq!(a.len(), b.len(), "values of the same images");
    let size = |values: &[u32]| values.iter().max().map_or(0, |&most| most as usize + 1);
    let (rows, columns) = (size(a), size(b));
    let mut joint = vec![0_u32; rows * columns];
    for (&a, &b) in a.iter().zip(b) {
        joint[a as usize * columns + b as usize] += 1;
    }
    let of_row: Vec<u32> = joint
        .chunks(columns.max(1))
        .map(|row| row.iter().sum())
        .collect();
    let of_column: Vec<u32> = (0..columns)
        .map(|column| joint.iter().skip(column).step_by(columns).sum())
        .collect();
    let n = a.len() as f64;
    let mut sum = 0.0;
    for (row, counts) in of_row.iter().zip(joint.chunks(columns.max(1))) {
        for (column, &count) in of_column.iter().zip(counts) {
            if count > 0 {
                let [count, row, column] = [count, *row, *column].map(f64::from);
                sum += count / n * (count * n / (row * column)).ln();
            }
        }
    }
    sum.max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_an_edge_belongs_to_the_bin_on_its_right() {
        assert_eq!(binned(&[0.0, 0.24, 0.25, 0.5, 1.0], 4), [0, 0, 1, 2, 3]);
        assert_eq!(binned(&[3.0, 3.0], 4), [0, 0]);
        assert!(binned(&[], 4).is_empty());
    }

    #[test]
    fn information_is_the_entropy_of_what_is_shared() {
        let a = [0, 0, 1, 1, 2, 2, 3, 3];
        let halves = a.map(|value| value / 2);
        let others = [0, 1, 0, 1, 0, 1, 0, 1];
        assert!((entropy(&a) - 4_f64.ln()).abs() < 1e-15);
        assert!((mutual_information(&a, &halves) - 2_f64.ln()).abs() < 1e-15);
        assert!(mutual_information(&a, &others).abs() < 1e-15);
        assert_eq!(mutual_information(&[], &[]), 0.0);
    }
}
