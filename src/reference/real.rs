//! The float types that the twins compute with.

use std::fmt::Debug;

use num_traits::Float;

/// What tensors are stored as: `f32` as on the GPU, or `f64` where gradients are checked.
///
/// The twins compute in `f64` whatever the storage, so that each result is rounded once.
pub trait Real: Float + Debug + Default + Send + Sync + 'static {
    /// The same value in `f64`.
    fn wide(self) -> f64;

    /// The nearest value to one in `f64`.
    fn narrow(value: f64) -> Self;
}

impl Real for f32 {
    fn wide(self) -> f64 {
        self.into()
    }

    fn narrow(value: f64) -> Self {
        value as Self
    }
}

impl Real for f64 {
    fn wide(self) -> f64 {
        self
    }

    fn narrow(value: f64) -> Self {
        value
    }
}
