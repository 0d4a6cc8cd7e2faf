//! Values of several arrays beside each other, in loops that vectorise.
//!
//! `Iterator::zip` would say the same. But each zip of types is a function of its own, which the compiler keeps once for
//! the crate, and which nothing inlines into another part of it unless the whole crate is optimised a second time (the
//! profile's `lto`): a call for each value is what these loops cannot have.

/// Hands each value of `to` with the one beside it to `f`, as far as both go.
#[inline(always)]
pub(super) fn with<A, B>(to: &mut [A], b: &[B], f: impl Fn(&mut A, &B)) {
    let len = to.len().min(b.len());
    let (to, b) = (&mut to[..len], &b[..len]);
    for index in 0..len {
        f(&mut to[index], &b[index]);
    }
}

/// Likewise with two.
#[inline(always)]
pub(super) fn with_two<A, B, C>(to: &mut [A], b: &[B], c: &[C], f: impl Fn(&mut A, &B, &C)) {
    let len = to.len().min(b.len()).min(c.len());
    let (to, b, c) = (&mut to[..len], &b[..len], &c[..len]);
    for index in 0..len {
        f(&mut to[index], &b[index], &c[index]);
    }
}

/// Several values of an array made from those of another, without a closure that stays one.
#[inline(always)]
pub(super) fn map<A: Copy, B: Copy + Default, const N: usize>(
    of: [A; N],
    f: impl Fn(A) -> B,
) -> [B; N] {
    let mut made = [B::default(); N];
    for index in 0..N {
        made[index] = f(of[index]);
    }
    made
}
