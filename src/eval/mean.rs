//! A mean over images, and how sure it is.

use serde::Serialize;

/// A mean with its standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Mean {
    /// The mean.
    pub value: f64,
    /// The deviation that the mean of as many others would have: s/√n with n − 1 in s; of a single one 0.
    pub error: f64,
}

impl Mean {
    /// Of these numbers; NaN of none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.into_iter().collect();
        let count = values.len() as f64;
        let value = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|of| (of - value).powi(2)).sum();
        let variance = squares / (count - 1.0).max(1.0);
        Self {
            value,
            error: (variance / count).sqrt(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Mean;

    #[test]
    fn the_error_is_that_of_the_mean() {
        let mean = Mean::of([2.0, 4.0, 9.0]);
        assert_eq!(mean.value, 5.0);
        assert!((mean.error - (13.0f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(Mean::of([3.0]).error, 0.0);
        assert!(Mean::of([]).value.is_nan());
    }
}
