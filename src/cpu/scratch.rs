//! Memory of one thread, for values that live no longer than an item of work.

use super::memory::Memory;

/// Grows to what the largest item needs, and is then kept.
#[derive(Debug, Default)]
pub(super) struct Scratch(Memory);

impl Scratch {
    /// At least `len` values, whatever they are.
    pub(super) fn floats(&mut self, len: usize) -> &mut [f32] {
        if self.0.len() < len {
            self.0 = Memory::zeros(len);
        }
        self.0.as_mut_slice()
    }
}
