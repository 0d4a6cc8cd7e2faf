//! Where the values of a table's columns lie in a row that a model reads.

/// How a row of a model is put together: numbers, counts, categories, each column in its order among those of its
/// kind; then, where cells can be missing, one value for each column, 1 where its cell is there and 0 where it is
/// missing.
///
/// A category of K words has K values, 0 but for a 1. The values of a missing cell are all 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    /// Columns of numbers, one value each.
    pub numbers: usize,
    /// Columns of counts, one value each.
    pub counts: usize,
    /// Words of each column of categories.
    pub categories: Vec<usize>,
    /// Whether the row says which cells are there.
    pub masked: bool,
}

impl Layout {
    /// Columns of the table.
    pub fn columns(&self) -> usize {
        self.numbers + self.counts + self.categories.len()
    }

    /// Values of the cells, without those that say which are there: what a decoder gives for a row.
    pub fn values(&self) -> usize {
        self.numbers + self.counts + self.categories.iter().sum::<usize>()
    }

    /// Values of a row, D.
    pub fn width(&self) -> usize {
        self.values() + if self.masked { self.columns() } else { 0 }
    }
}
