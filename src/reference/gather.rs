//! Twin of the kernel `gather`: the next batch, from bytes to floats.

use super::real::Real;

/// x\[r, c\] = images\[order\[position + r\], c\] / 255: `[rows, dim]`.
///
/// `images` is `[count, dim]` bytes, not padded; `order` is the epoch's permutation, and `position`
/// how many images of the epoch are done.
pub fn value<T: Real>(
    images: &[u8],
    order: &[u32],
    position: usize,
    [rows, dim]: [usize; 2],
) -> Vec<T> {
    let mut x = Vec::with_capacity(rows * dim);
    for &image in &order[position..position + rows] {
        let first = image as usize * dim;
        x.extend(
            images[first..first + dim]
                .iter()
                .map(|&p| T::narrow(f64::from(p) / 255.0)),
        );
    }
    x
}
