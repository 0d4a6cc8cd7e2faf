//! What varies from image to image, where a data set knows it.

use std::fmt;

/// The factors that images were made from: of each image, which value each factor has.
///
/// Scores of disentanglement compare a representation with them ([`crate::eval::disentangle`]).
#[derive(Clone, PartialEq, Eq)]
pub struct Factors {
    /// What each factor is called: `[factors]`.
    pub names: Vec<String>,
    /// How many values each has: `[factors]`.
    pub sizes: Vec<usize>,
    /// The number of each factor's value, from 0 and in the order of the values, row-major
    /// `[count, factors]`.
    pub values: Vec<u32>,
}

impl Factors {
    /// How many factors there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Of how many images the values are.
    pub fn count(&self) -> usize {
        self.values.len() / self.len().max(1)
    }

    /// The values of one factor: `[count]`.
    pub fn of(&self, factor: usize) -> impl Iterator<Item = u32> {
        self.values.iter().skip(factor).step_by(self.len()).copied()
    }

    /// A copy for the first `count` images, or for all where there are fewer.
    #[must_use]
    pub fn first(&self, count: usize) -> Self {
        let len = self.values.len().min(count.saturating_mul(self.len()));
        self.with(self.values[..len].to_vec())
    }

    /// A copy for the images of these numbers, in their order.
    ///
    /// # Panics
    /// Where there are fewer images.
    #[must_use]
    pub fn chosen(&self, numbers: &[usize]) -> Self {
        let row = |&number: &usize| &self.values[number * self.len()..][..self.len()];
        self.with(numbers.iter().flat_map(row).copied().collect())
    }

    /// Of these images and then of the others.
    ///
    /// # Panics
    /// Where the others were made from other factors.
    #[must_use]
    pub fn joined(&self, others: &Self) -> Self {
        assert_eq!(
            (&self.names, &self.sizes),
            (&others.names, &others.sizes),
            "other factors"
        );
        self.with([&*self.values, &others.values].concat())
    }

    /// The same factors of other images.
    pub(super) fn with(&self, values: Vec<u32>) -> Self {
        Self {
            names: self.names.clone(),
            sizes: self.sizes.clone(),
            values,
        }
    }
}

// As with pixels: a row for each image is too much to read.
impl fmt::Debug for Factors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Factors")
            .field("names", &self.names)
            .field("sizes", &self.sizes)
            .field("count", &self.count())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_kept_together() {
        let factors = Factors {
            names: vec!["a".into(), "b".into()],
            sizes: vec![2, 30],
            values: vec![0, 10, 1, 11, 0, 12],
        };
        assert_eq!(factors.count(), 3);
        assert_eq!(factors.of(1).collect::<Vec<_>>(), [10, 11, 12]);
        assert_eq!(factors.chosen(&[2, 0]).values, [0, 12, 0, 10]);
        assert_eq!(factors.first(2).values, [0, 10, 1, 11]);
        assert_eq!(factors.first(usize::MAX), factors);
    }
}
