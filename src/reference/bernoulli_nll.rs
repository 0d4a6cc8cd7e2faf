//! Twin of the kernel `bernoulli_nll`: negative log-likelihood of independent Bernoullis from
//! their logits, and its gradient.

use super::real::Real;

/// rows\[r\] = Σ_c max(l, 0) − l·x + ln(1 + exp(−|l|)), in nats.
///
/// `logits [rows, columns], x [rows, columns] → [rows]`
pub fn value<T: Real>(logits: &[T], x: &[T], [rows, columns]: [usize; 2]) -> Vec<T> {
    assert_eq!(
        [logits.len(), x.len()],
        [rows * columns; 2],
        "bernoulli_nll: lengths"
    );
    let mut out = Vec::with_capacity(rows);
    for row in 0..rows {
        let mut total = 0.0;
        for i in row * columns..(row + 1) * columns {
            let l = logits[i].wide();
            total += l.max(0.0) - l * x[i].wide() + (-l.abs()).exp().ln_1p();
        }
        out.push(T::narrow(total));
    }
    out
}

/// d_logits = d_rows · (1 / (1 + exp(−l)) − x).
///
/// `logits [rows, columns], x [rows, columns], d_rows [rows] → [rows, columns]`
pub fn gradient<T: Real>(
    logits: &[T],
    x: &[T],
    d_rows: &[T],
    [rows, columns]: [usize; 2],
) -> Vec<T> {
    assert_eq!(
        [logits.len(), x.len()],
        [rows * columns; 2],
        "bernoulli_nll: lengths"
    );
    assert_eq!(d_rows.len(), rows, "bernoulli_nll: d_rows");
    let mut out = Vec::with_capacity(rows * columns);
    for (row, d_row) in d_rows.iter().enumerate() {
        for i in row * columns..(row + 1) * columns {
            let probability = 1.0 / (1.0 + (-logits[i].wide()).exp());
            out.push(T::narrow(d_row.wide() * (probability - x[i].wide())));
        }
    }
    out
}
