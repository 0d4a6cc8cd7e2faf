//! What scores say together: how well they tell outliers from others, and where a threshold lies.

/// The area under the ROC curve: the probability that an outlier has a larger score than another example, where equal
/// scores count half (Hanley and McNeil 1982). `None` without outliers, without others, or of scores that are not
/// comparable.
///
/// # Panics
/// Where there are not as many of both.
pub fn auroc(scores: &[f64], is_outlier: &[bool]) -> Option<f64> {
    assert_eq!(scores.len(), is_outlier.len(), "scores of other examples");
    let outliers = is_outlier.iter().filter(|&&is| is).count();
    let others = scores.len() - outliers;
    if outliers == 0 || others == 0 || scores.iter().any(|score| score.is_nan()) {
        return None;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    // The sum of the outliers' ranks from 1, where equal scores share the mean of theirs.
    let mut ranks = 0.0;
    let mut first = 0;
    for equal in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let mean = first as f64 + (equal.len() + 1) as f64 / 2.0;
        let here = equal.iter().filter(|&&example| is_outlier[example]).count();
        ranks += here as f64 * mean;
        first += equal.len();
    }
    let (outliers, others) = (outliers as f64, others as f64);
    Some((ranks - outliers * (outliers + 1.0) / 2.0) / (outliers * others))
}

/// The quantile of scores at a share from 0 to 1, between the two nearest by a straight line, as NumPy has it by itself.
/// `None` of no scores, or of ones that are not comparable.
pub fn quantile(scores: &[f64], share: f64) -> Option<f64> {
    if scores.iter().any(|score| score.is_nan()) {
        return None;
    }
    let mut sorted = scores.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * last as f64;
    let [below, above] = [place.floor(), place.ceil()].map(|place| sorted[place as usize]);
    match below == above {
        // Also of two infinities, whose difference is no number.
        true => Some(below),
        false => Some(below + place.fract() * (above - below)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the definition, pair by pair, with ties.
    #[test]
    fn the_area_is_the_share_of_pairs_in_order() {
        let scores = [3.0, 1.0, 2.0, 2.0, 5.0, 2.0, 0.0, 3.0];
        let outlier = [true, false, true, false, true, false, false, false];
        let mut pairs = Vec::new();
        for (a, _) in scores.iter().zip(outlier).filter(|(_, is)| *is) {
            for (b, _) in scores.iter().zip(outlier).filter(|(_, is)| !*is) {
                pairs.push(if a > b {
                    1.0
                } else if a == b {
                    0.5
                } else {
                    0.0
                });
            }
        }
        let expected = pairs.iter().sum::<f64>() / pairs.len() as f64;
        let found = auroc(&scores, &outlier).unwrap();
        assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
        assert_eq!(auroc(&scores, &[true; 8]), None);
        assert_eq!(auroc(&[f64::NAN, 1.0], &[true, false]), None);
        assert_eq!(auroc(&[1.0, f64::INFINITY], &[false, true]), Some(1.0));
    }

    /// `numpy.quantile([4, 1, 3, 2], [0, 0.5, 0.9, 1])`.
    #[test]
    fn a_quantile_lies_where_numpy_has_it() {
        let scores = [4.0, 1.0, 3.0, 2.0];
        let found = [0.0, 0.5, 0.9, 1.0].map(|share| quantile(&scores, share).unwrap());
        for (found, expected) in found.into_iter().zip([1.0, 2.5, 3.7, 4.0]) {
            assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
        }
        assert_eq!(quantile(&[], 0.5), None);
        let same = [f64::INFINITY; 2];
        assert_eq!(quantile(&same, 0.5), Some(f64::INFINITY));
    }
}
