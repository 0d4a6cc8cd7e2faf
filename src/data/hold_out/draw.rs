//! Which images are held out.

use rand::seq::{SliceRandom, index};

use crate::rng::{Philox, Stream};

/// `held` of `count` rows, drawn by the seed; they ascend.
pub(super) fn of_all(count: usize, held: usize, seed: u64) -> Vec<usize> {
    let mut rng = Philox::new(seed, Stream::HoldOut, 0);
    let mut rows = index::sample(&mut rng, count, held).into_vec();
    rows.sort_unstable();
    rows
}

/// `held` of the rows of these labels, drawn by the seed, of each class as many as its part of all rows asks for;
/// they ascend.
pub(super) fn by_class(labels: &[u8], held: usize, seed: u64) -> Vec<usize> {
    let mut of_class = vec![Vec::new(); 1 + usize::from(u8::MAX)];
    for (row, &label) in labels.iter().enumerate() {
        of_class[usize::from(label)].push(row);
    }
    let counts: Vec<_> = of_class.iter().map(Vec::len).collect();
    let mut order: Vec<_> = (0..counts.len()).collect();
    order.shuffle(&mut Philox::new(seed, Stream::HoldOut, 1));
    let mut rng = Philox::new(seed, Stream::HoldOut, 0);
    let mut rows = Vec::with_capacity(held);
    for (of_class, held) in of_class.iter().zip(quotas(&counts, held, order)) {
        let drawn = index::sample(&mut rng, of_class.len(), held);
        rows.extend(drawn.into_iter().map(|index| of_class[index]));
    }
    rows.sort_unstable();
    rows
}

/// `held` in parts that are proportional to `counts`: each part rounded down, and one more for those that rounding took
/// most from, of equals the first in `order`, until the sum is `held` (the method of the largest remainder).
fn quotas(counts: &[usize], held: usize, mut order: Vec<usize>) -> Vec<usize> {
    let all: usize = counts.iter().sum();
    // In u128, where no product of two counts overflows.
    let product = |count: usize| count as u128 * held as u128;
    let divisor = all.max(1) as u128;
    let mut quotas: Vec<_> = counts
        .iter()
        .map(|&count| (product(count) / divisor) as usize)
        .collect();
    let missing = held - quotas.iter().sum::<usize>();
    order.sort_by_key(|&class| std::cmp::Reverse(product(counts[class]) % divisor));
    for &class in &order[..missing] {
        quotas[class] += 1;
    }
    quotas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_proportional_and_add_up() {
        assert_eq!(quotas(&[50, 30, 20], 10, vec![0, 1, 2]), [5, 3, 2]);
        // 3.33 each: the first of equals has one more.
        assert_eq!(quotas(&[10, 10, 10], 10, vec![1, 0, 2]), [3, 4, 3]);
        // 0.4 and 1.6.
        assert_eq!(quotas(&[5, 20, 0], 2, vec![0, 1, 2]), [0, 2, 0]);
        assert_eq!(quotas(&[1000, 1], 1, vec![1, 0]), [1, 0]);
    }

    #[test]
    fn every_class_is_held_out_in_its_proportion_wherever_it_lies() {
        // Sorted by class, as many files are.
        let labels: Vec<u8> = [(3, 60), (0, 30), (255, 10)]
            .into_iter()
            .flat_map(|(label, count)| std::iter::repeat_n(label, count))
            .collect();
        let held = by_class(&labels, 20, 7);
        assert!(held.is_sorted_by(|a, b| a < b), "{held:?}");
        let of = |label| held.iter().filter(|&&row| labels[row] == label).count();
        assert_eq!([of(3), of(0), of(255)], [12, 6, 2]);
        assert_eq!(held, by_class(&labels, 20, 7));
        assert_ne!(held, by_class(&labels, 20, 8));
    }

    /// A resumed run must measure with the same images, whichever version of the crate rand it has.
    #[test]
    fn a_seed_always_holds_out_the_same_images() {
        let expected = [6, 18, 20, 32, 44, 61, 62, 80, 90, 94];
        assert_eq!(of_all(100, 10, 7), expected);
        // Of one class, the draw is that of all.
        assert_eq!(by_class(&[4; 100], 10, 7), expected);
        let labels: Vec<u8> = (0..100).map(|row| row / 50).collect();
        assert_eq!(by_class(&labels, 4, 7), [33, 34, 61, 67]);
    }
}
