//! Arrays that several threads read and write at once, each its own part.

use std::ops::Range;

/// Sixteen values that lie on one line of the cache.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([f32; Memory::LINE]);

/// f32 values that begin on a line of the cache and stay where they are.
#[derive(Debug)]
pub(super) struct Memory {
    /// Of a boxed slice of so many lines, which this value owns.
    first: *mut Line,
    lines: usize,
    len: usize,
}

// SAFETY: the memory is owned, and what is read or written through a shared reference is a span's.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Values on a line of the cache.
    pub(super) const LINE: usize = 16;

    /// So many zeros.
    pub(super) fn zeros(len: usize) -> Self {
        let lines = vec![Line([0.0; Self::LINE]); len.div_ceil(Self::LINE)].into_boxed_slice();
        Self {
            lines: lines.len(),
            first: Box::into_raw(lines).cast(),
            len,
        }
    }

    /// How many values it has.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// All of it, while nobody else has a part.
    pub(super) fn as_mut_slice(&mut self) -> &mut [f32] {
        // SAFETY: a line is an array of f32 without padding, and the lines hold `len` values.
        unsafe { std::slice::from_raw_parts_mut(self.first.cast(), self.len) }
    }

    /// A part that threads share.
    ///
    /// # Panics
    /// Where the part lies outside.
    pub(super) fn span(&self, part: Range<usize>) -> Span {
        let all = Span {
            first: self.first.cast(),
            len: self.len,
        };
        all.part(part)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::zeros(0)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let lines = std::ptr::slice_from_raw_parts_mut(self.first, self.lines);
        // SAFETY: this is the slice that `zeros` took from its box.
        drop(unsafe { Box::from_raw(lines) });
    }
}

/// A part of a [`Memory`] that items of work on several threads read and write.
///
/// The memory must outlive the span, which [`super::step::Step`] and [`super::parameters::Parameters`] see
/// to. That no item reads or writes what another one writes at the same time follows from the order of the
/// works (`order.rs`), and within one from the parts that its items have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    first: *mut f32,
    len: usize,
}

// SAFETY: a span is an address. Whoever makes a slice of it says why nobody else writes there.
unsafe impl Send for Span {}
// SAFETY: as above.
unsafe impl Sync for Span {}

impl Span {
    /// Values that a thread has for itself; the span is used while they are borrowed.
    pub(super) fn of(values: &mut [f32]) -> Self {
        Self {
            first: values.as_mut_ptr(),
            len: values.len(),
        }
    }

    /// How many values it has.
    pub(super) fn len(self) -> usize {
        self.len
    }

    /// A part of it.
    ///
    /// # Panics
    /// Where the part lies outside.
    #[inline(always)]
    pub(super) fn part(self, part: Range<usize>) -> Self {
        assert!(
            part.start <= part.end && part.end <= self.len,
            "part {part:?} of {}",
            self.len
        );
        Self {
            // SAFETY: the start was checked to lie within the same allocation, or at its end.
            first: unsafe { self.first.add(part.start) },
            len: part.len(),
        }
    }

    /// Where it begins.
    pub(super) fn first(self) -> *mut f32 {
        self.first
    }

    /// Its values.
    ///
    /// # Safety
    /// The memory is still there, and nobody writes to this part while the slice lives.
    pub(super) unsafe fn read<'a>(self) -> &'a [f32] {
        // SAFETY: the caller's.
        unsafe { std::slice::from_raw_parts(self.first, self.len) }
    }

    /// Its values, to be written.
    ///
    /// # Safety
    /// The memory is still there, and nobody else reads or writes this part while the slice lives.
    pub(super) unsafe fn write<'a>(self) -> &'a mut [f32] {
        // SAFETY: the caller's.
        unsafe { std::slice::from_raw_parts_mut(self.first, self.len) }
    }
}
