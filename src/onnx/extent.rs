//! How many rows or columns there are, where the rows of a batch are not known yet.

/// A number that is known, or so many for each row of the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Whatever the batch.
    Fixed(usize),
    /// Of a batch of B rows, this times B.
    PerRow(usize),
}

/// The batches for which a graph is written to tell the two apart.
pub(super) const BATCHES: [usize; 2] = [2, 3];

impl Extent {
    /// That of a number which is this in graphs of these [`BATCHES`]. `None` where it is neither the same in both nor
    /// in proportion to the batch.
    pub(super) fn of([a, b]: [usize; 2]) -> Option<Self> {
        let [first, second] = BATCHES;
        if a == b {
            return Some(Self::Fixed(a));
        }
        let per_row = a / first;
        (a == per_row * first && b == per_row * second).then_some(Self::PerRow(per_row))
    }

    /// Whether it is one, whatever the batch.
    pub(super) fn is_one(self) -> bool {
        self == Self::Fixed(1)
    }

    /// How often `part` is in it. `None` where that is no whole number, or falls as the batch grows.
    pub(super) fn by(self, part: Self) -> Option<Self> {
        let whole = |of: usize, by: usize| of.is_multiple_of(by).then(|| of / by);
        match (self, part) {
            (_, Self::Fixed(0) | Self::PerRow(0)) => None,
            (Self::Fixed(of), Self::Fixed(by)) => whole(of, by).map(Self::Fixed),
            (Self::PerRow(of), Self::PerRow(by)) => whole(of, by).map(Self::Fixed),
            (Self::PerRow(of), Self::Fixed(by)) => whole(of, by).map(Self::PerRow),
            (Self::Fixed(_), Self::PerRow(_)) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_batches_tell_what_grows_with_the_rows() {
        assert_eq!(Extent::of([7, 7]), Some(Extent::Fixed(7)));
        assert_eq!(Extent::of([2, 3]), Some(Extent::PerRow(1)));
        assert_eq!(Extent::of([1568, 2352]), Some(Extent::PerRow(784)));
        assert_eq!(Extent::of([4, 9]), None);
        assert_eq!(Extent::of([3, 4]), None);
        let twelve = Extent::PerRow(12);
        assert_eq!(twelve.by(Extent::Fixed(4)), Some(Extent::PerRow(3)));
        assert_eq!(twelve.by(Extent::PerRow(4)), Some(Extent::Fixed(3)));
        assert_eq!(twelve.by(Extent::Fixed(5)), None);
    }
}
