//! Twin of the kernels that `kernels::pointwise` generates: expressions at each element, and their sums
//! over rows.

use super::real::Real;
use crate::expr::Sequence;
use crate::graph::Pointwise;

/// The expression at each element: `[rows, columns]`.
pub fn value<T: Real>(work: &Pointwise, operands: &[&[T]]) -> Vec<T> {
    each(work, operands).map(T::narrow).collect()
}

/// The expression's sum over each row: `[rows]`.
pub fn row_sum<T: Real>(work: &Pointwise, operands: &[&[T]]) -> Vec<T> {
    let [rows, columns] = work.shape;
    let mut values = each(work, operands);
    let sum = |_| T::narrow(values.by_ref().take(columns).sum());
    (0..rows).map(sum).collect()
}

/// The value at each element, row by row.
fn each<'a, T: Real>(
    work: &'a Pointwise,
    operands: &'a [&'a [T]],
) -> impl Iterator<Item = f64> + 'a {
    let [rows, columns] = work.shape;
    for (broadcast, operand) in work.operands.iter().zip(operands) {
        assert_eq!(operand.len(), broadcast.len(work.shape), "an operand");
    }
    let sequence = Sequence::of(&[&work.expr]);
    let [mut at, mut steps] = [vec![0.0; operands.len()], Vec::new()];
    (0..rows * columns).map(move |index| {
        let place = [index / columns, index % columns];
        for ((value, operand), broadcast) in at.iter_mut().zip(operands).zip(&work.operands) {
            *value = operand[broadcast.index(place, columns)].wide();
        }
        sequence.evaluate(&at, &mut steps);
        steps[sequence.results()[0]]
    })
}
