//! Variational autoencoders trained and used entirely in compute kernels written by hand in WGSL
//! and run through `wgpu`, on any GPU or on a software adapter; the same seed gives the same bits.
//!
//! Programs that use a trained model begin with [`Model`], and those that train one with [`train::Trainer`].
//!
//! [`model::Vae`] writes its loss into a [`graph::Graph`], which differentiates itself. Two
//! [`executor::Executor`]s run graphs: [`plan::GpuExecutor`] on the GPU and
//! [`reference::ReferenceExecutor`] in plain CPU code.

pub mod atomic;
pub mod bench;
pub mod checkpoint;
pub mod cpu;
pub mod data;
pub mod doctor;
pub mod eval;
pub mod executor;
pub mod expr;
mod fuse;
pub mod gpu;
pub mod graph;
pub mod kernels;
pub mod machine;
pub mod model;
mod named;
pub mod onnx;
pub mod plan;
pub mod plot;
pub mod records;
pub mod reference;
pub mod report;
pub mod rng;
pub mod setting;
pub mod tensorboard;
pub mod threads;
pub mod train;
pub mod trained;

pub use trained::{Model, ModelError};
