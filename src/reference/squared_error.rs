//! Twin of the kernel `squared_error`: squared error of a prediction, and its gradient; with scale
//! ½ and offset ½ ln 2π the negative log-likelihood of Gaussians of unit variance.

use super::real::Real;

/// rows\[r\] = Σ_c scale·(y − x)² + offset.
///
/// `y [rows, columns], x [rows, columns] → [rows]`
pub fn value<T: Real>(
    y: &[T],
    x: &[T],
    [rows, columns]: [usize; 2],
    [scale, offset]: [f32; 2],
) -> Vec<T> {
    assert_eq!(
        [y.len(), x.len()],
        [rows * columns; 2],
        "squared_error: lengths"
    );
    let mut out = Vec::with_capacity(rows);
    for row in 0..rows {
        let mut total = 0.0;
        for i in row * columns..(row + 1) * columns {
            let difference = y[i].wide() - x[i].wide();
            total += f64::from(scale) * difference * difference + f64::from(offset);
        }
        out.push(T::narrow(total));
    }
    out
}

/// d_y = d_rows · 2·scale·(y − x).
///
/// `y [rows, columns], x [rows, columns], d_rows [rows] → [rows, columns]`
pub fn gradient<T: Real>(
    y: &[T],
    x: &[T],
    d_rows: &[T],
    [rows, columns]: [usize; 2],
    scale: f32,
) -> Vec<T> {
    assert_eq!(
        [y.len(), x.len()],
        [rows * columns; 2],
        "squared_error: lengths"
    );
    assert_eq!(d_rows.len(), rows, "squared_error: d_rows");
    let mut out = Vec::with_capacity(rows * columns);
    for (row, d_row) in d_rows.iter().enumerate() {
        for i in row * columns..(row + 1) * columns {
            let difference = y[i].wide() - x[i].wide();
            out.push(T::narrow(
                d_row.wide() * 2.0 * f64::from(scale) * difference,
            ));
        }
    }
    out
}
