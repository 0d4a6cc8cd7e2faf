//! What a classifier says of images against their labels.

/// How many images of each label were given each class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    /// `[label, class]`.
    counts: Vec<usize>,
}

/// The most probable class of each row of `log_q [count, classes]`; the first of several.
pub fn most_probable(log_q: &[f32], classes: usize) -> Vec<u8> {
    let row = |row: &[f32]| {
        let mut best = 0;
        for (class, value) in row.iter().enumerate() {
            if *value > row[best] {
                best = class;
            }
        }
        best as u8
    };
    log_q.chunks(classes.max(1)).map(row).collect()
}

impl Confusion {
    /// Of images with these labels and found classes, both below `classes`.
    ///
    /// # Panics
    /// Where one is not, or there are not as many of both.
    pub fn of(labels: &[u8], found: &[u8], classes: usize) -> Self {
        assert_eq!(labels.len(), found.len(), "classes of other images");
        let mut counts = vec![0; classes * classes];
        for (&label, &found) in labels.iter().zip(found) {
            let [label, found] = [label, found].map(usize::from);
            assert!(
                label < classes && found < classes,
                "one of {classes} classes"
            );
            counts[label * classes + found] += 1;
        }
        Self { classes, counts }
    }

    /// Of each label, how many images were given each class.
    pub fn rows(&self) -> impl Iterator<Item = &[usize]> {
        self.counts.chunks(self.classes.max(1))
    }

    /// How many images there are.
    pub fn images(&self) -> usize {
        self.counts.iter().sum()
    }

    /// How many of them were given another class than their label.
    pub fn errors(&self) -> usize {
        let right: usize = self.rows().enumerate().map(|(label, row)| row[label]).sum();
        self.images() - right
    }

    /// The share of these.
    pub fn error_rate(&self) -> f64 {
        self.errors() as f64 / self.images().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_what_lies_off_the_diagonal() {
        let log_q = [-1.0, -0.5, -2.0, -0.1, -0.1, -3.0, -2.0, -1.0, -0.5];
        let found = most_probable(&log_q, 3);
        assert_eq!(found, [1, 0, 2]);
        let confusion = Confusion::of(&[1, 2, 2], &found, 3);
        let rows: Vec<_> = confusion.rows().collect();
        assert_eq!(rows, [[0, 0, 0], [0, 1, 0], [1, 0, 1]]);
        assert_eq!((confusion.images(), confusion.errors()), (3, 1));
        assert_eq!(confusion.error_rate(), 1.0 / 3.0);
        assert_eq!(Confusion::of(&[], &[], 2).error_rate(), 0.0);
    }
}
