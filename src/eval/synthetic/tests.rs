//! Against SciPy, scikit-learn and NumPy, on two small tables that formulas make.

use rand::RngExt;

use super::*;
use crate::data::table::{Cell, Column, Kind};

/// Two numbers and two categories, of three words and of two.
fn schema() -> Schema {
    let number = || Kind::Number {
        mean: 0.0,
        deviation: 1.0,
    };
    let words = |count: usize| Kind::Category {
        words: (0..count).map(|word| word.to_string()).collect(),
    };
    let kinds = [number(), number(), words(3), words(2)];
    let columns = ["a", "b", "c", "d"].into_iter().zip(kinds);
    Schema {
        columns: columns
            .map(|(name, kind)| Column::new(name, kind))
            .collect(),
        masked: true,
        ..Schema::default()
    }
}

/// The rows of the real table (`s` 0) or of a synthetic one.
fn cells(count: usize, s: usize) -> Vec<Cell> {
    let row = |i: usize| {
        let a = ((i * 37 + 5 * s) % 61) as f64 / 10.0 + 0.25 * s as f64;
        let b = 0.5 * a + ((i * (17 + 2 * s)) % 13) as f64 / 5.0;
        let c = (i * i + i / (7 - s)) % 3;
        let d = (i / 5 + usize::from(a > 3.0) + s * usize::from(i.is_multiple_of(7))) % 2;
        [
            Cell::Number(a),
            Cell::Number(b),
            Cell::Word(c),
            Cell::Word(d),
        ]
    };
    (0..count).flat_map(row).collect()
}

#[test]
fn figures_are_scipys_and_scikit_learns() {
    let schema = schema();
    let real = Sample::of(&schema, &cells(60, 0), None);
    let synthetic = Sample::of(&schema, &cells(50, 1), Some(&real));
    let found = Comparison::of(&schema, &real, &synthetic, 7);
    // scipy.stats.ks_2samp, and half the sum of |p − q|.
    let marginals = [
        ("ks", 0.076_666_666_666_666_66),
        ("ks", 0.123_333_333_333_333_34),
        ("tv", 0.066_666_666_666_666_68),
        ("tv", 0.046_666_666_666_666_66),
    ];
    for (column, (measure, expected)) in found.columns.iter().zip(marginals) {
        assert_eq!(column.measure, measure);
        assert!(
            (column.difference.unwrap() - expected).abs() < 1e-12,
            "{column:?}"
        );
    }
    // numpy.corrcoef, η by its definition, and scipy.stats.contingency.association.
    let pairs = [
        (["a", "c"], 0.175_936_096_980_201_6, 0.276_162_498_087_920_1),
        (
            ["b", "c"],
            0.098_286_863_413_803_42,
            0.143_630_548_471_070_35,
        ),
        (
            ["b", "d"],
            0.125_574_144_074_600_1,
            0.028_674_319_250_658_015,
        ),
        (["c", "d"], 0.125_270_270_585_804_6, 0.251_891_116_244_795_8),
    ];
    assert_eq!(found.pairs.count, 6);
    // Of all six, a and b with Pearson's 0.744 508 and 0.730 710 among them.
    assert!((found.pairs.mean - 0.068_953_333_813_390_32).abs() < 1e-12);
    for (columns, real, synthetic) in pairs {
        let pair = found
            .pairs
            .largest
            .iter()
            .find(|pair| pair.columns == columns);
        let pair = pair.unwrap_or_else(|| panic!("{columns:?} is not among {:?}", found.pairs));
        assert!((pair.real - real).abs() < 1e-12, "{pair:?}");
        assert!((pair.synthetic - synthetic).abs() < 1e-12, "{pair:?}");
    }
    // sklearn.neighbors.NearestNeighbors, in f64.
    let closest = found.closest.unwrap();
    assert!(
        (closest.synthetic - 0.479_767_097_514_405_94).abs() < 1e-6,
        "{closest:?}"
    );
    assert!(
        (closest.real - 0.598_818_107_103_491_8).abs() < 1e-6,
        "{closest:?}"
    );
    assert_eq!(closest.copies, 0.0);
}

#[test]
fn a_classifier_tells_others_apart_and_not_the_same() {
    let schema = schema();
    let auc = |first: &[Cell], second: &[Cell]| {
        let real = Sample::of(&schema, first, None);
        let synthetic = Sample::of(&schema, second, Some(&real));
        let found = Comparison::of(&schema, &real, &synthetic, 7);
        (found.detection.unwrap().auc, found.closest.unwrap().copies)
    };
    let mut rng = Philox::new(3, Stream::Comparison, 9);
    let mut row = || {
        let [a, b] = [0, 1].map(|_| Cell::Number(rng.random()));
        [
            a,
            b,
            Cell::Word(rng.random_range(0..3)),
            Cell::Word(rng.random_range(0..2)),
        ]
    };
    let all: Vec<_> = (0..240).flat_map(|_| row()).collect();
    let (same, copies) = auc(&all[..480], &all[480..]);
    // The deviation of the AUC of 120 rows of each is 0.04.
    assert!((same - 0.5).abs() < 0.15, "{same}");
    assert_eq!(copies, 0.0);
    let moved: Vec<_> = all
        .iter()
        .map(|cell| match cell {
            Cell::Number(number) => Cell::Number(number + 100.0),
            cell => *cell,
        })
        .collect();
    assert_eq!(auc(&all, &moved).0, 1.0);
    assert_eq!(auc(&all, &all).1, 1.0);
}
