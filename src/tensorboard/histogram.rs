//! A distribution in buckets.

use super::proto::Histogram;

/// As many as TensorBoard draws.
const BUCKETS: usize = 30;

/// Values in buckets of one width from the least to the greatest; those that are not finite are left out.
pub(super) fn of(values: &[f32]) -> Histogram {
    let values = values.iter().map(|&value| f64::from(value));
    let values: Vec<_> = values.filter(|value| value.is_finite()).collect();
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let buckets = match () {
        () if values.is_empty() => 0,
        () if least == greatest => 1,
        () => BUCKETS,
    };
    let width = (greatest - least) / buckets as f64;
    let mut bucket = vec![0.0; buckets];
    for value in &values {
        // Of one bucket the width is 0, and the quotient none; the cast makes it 0.
        let index = ((value - least) / width) as usize;
        bucket[index.min(buckets - 1)] += 1.0;
    }
    let limit = |index: usize| match index + 1 == buckets {
        true => greatest,
        false => least + width * (index + 1) as f64,
    };
    Histogram {
        min: if buckets == 0 { 0.0 } else { least },
        max: if buckets == 0 { 0.0 } else { greatest },
        num: values.len() as f64,
        sum: values.iter().sum(),
        sum_squares: values.iter().map(|value| value * value).sum(),
        bucket_limit: (0..buckets).map(limit).collect(),
        bucket,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_value_is_in_one_bucket() {
        let values: Vec<_> = (0..1000).map(|index| (index % 61) as f32 - 20.0).collect();
        let histogram = of(&[values.clone(), vec![f32::NAN, f32::INFINITY]].concat());
        assert_eq!([histogram.min, histogram.max], [-20.0, 40.0]);
        assert_eq!(histogram.num, 1000.0);
        assert_eq!(histogram.bucket.iter().sum::<f64>(), 1000.0);
        assert_eq!(histogram.bucket.len(), BUCKETS);
        assert_eq!(histogram.bucket_limit.last(), Some(&40.0));
        // Buckets of width 2 from −20 on, of which the last has its upper end, too.
        for (index, &count) in histogram.bucket.iter().enumerate() {
            let [from, to] = [index, index + 1].map(|edge| 2.0 * edge as f32 - 20.0);
            let is_last = index + 1 == BUCKETS;
            let within = |value: &&f32| **value >= from && (**value < to || is_last);
            assert_eq!(
                count,
                values.iter().filter(within).count() as f64,
                "{index}"
            );
        }
    }

    #[test]
    fn no_values_and_equal_values_are_distributions_too() {
        assert_eq!(of(&[]), Histogram::default());
        assert_eq!(of(&[f32::NAN]), Histogram::default());
        let one = of(&[2.5; 7]);
        assert_eq!((one.bucket, one.bucket_limit), (vec![7.0], vec![2.5]));
        assert_eq!([one.sum, one.sum_squares], [17.5, 43.75]);
    }
}
