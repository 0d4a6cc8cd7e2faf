//! Twin of the kernel `gather`: the next batch, from bytes or floats to floats.

use super::real::Real;

/// x\[r, c\] = images\[order\[position + r\], c\] / 255: `[rows, dim]`.
///
/// `images` is `[count, dim]` bytes, not padded; `order` is the epoch's permutation, and `position`
/// how many images of the epoch are done.
pub fn bytes<T: Real>(images: &[u8], order: &[u32], position: usize, shape: [usize; 2]) -> Vec<T> {
    let seen = |byte: u8| T::narrow(f64::from(byte) / 255.0);
    rows_of(images, order, position, shape, seen)
}

/// x\[r, c\] = images\[order\[position + r\], c\], of floats; otherwise as [`bytes`].
pub fn floats<T: Real>(
    images: &[f32],
    order: &[u32],
    position: usize,
    shape: [usize; 2],
) -> Vec<T> {
    let seen = |float: f32| T::narrow(f64::from(float));
    rows_of(images, order, position, shape, seen)
}

fn rows_of<P: Copy, T: Real>(
    images: &[P],
    order: &[u32],
    position: usize,
    [rows, dim]: [usize; 2],
    seen: impl Fn(P) -> T,
) -> Vec<T> {
    let mut x = Vec::with_capacity(rows * dim);
    for &image in &order[position..position + rows] {
        let first = image as usize * dim;
        x.extend(images[first..first + dim].iter().map(|&pixel| seen(pixel)));
    }
    x
}
