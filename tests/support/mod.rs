//! What integration tests share: the adapter, tests that need one, and tolerances.
#![allow(dead_code, reason = "each test target uses a part of it")]
#![allow(
    clippy::panic,
    reason = "a test that panics has failed, which is what it should do"
)]

pub(crate) mod harness;
pub(crate) mod tolerance;
