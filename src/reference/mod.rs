//! The reference: every kernel's CPU twin, and the executor that runs whole graphs on them.
//!
//! Plain loops with `f64` accumulation, written to be obviously right rather than fast. The tests
//! hold the kernels against it, and `--adapter reference` runs on it where there is no GPU.

pub mod activation;
pub mod adam;
pub mod bernoulli_nll;
pub mod column_sum;
pub mod copy;
pub mod draw;
mod executor;
pub mod gather;
pub mod gemm;
pub mod gradient_norm;
mod interpreter;
pub mod latent;
pub mod latent_grad;
pub mod lookup;
pub mod objective;
pub mod one_hot;
pub mod pointwise;
pub mod real;
pub mod reduce;
pub mod rows;
pub mod step_losses;
pub mod update;

pub use executor::ReferenceExecutor;
pub use interpreter::{Batches, Context, Values, evaluate};
