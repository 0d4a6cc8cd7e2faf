//! The processor's own executor: graphs on all its threads, with no driver and no GPU.
//!
//! The tasks are those of `crate::fuse`, as on a GPU. Each becomes a work (`work.rs`) with its arrays:
//! products by the crate `gemm` (`product.rs`), expressions as tapes of instructions over chunks
//! (`pointwise.rs`, `tape.rs`, `math.rs`), draws (`noise.rs`), Adam (`adam.rs`). Works are sorted into levels
//! (`order.rs`), and the threads of a team (`team.rs`) go through the items of one level after the other.
//! Everything of a step is prepared once (`step.rs`): a running step allocates nothing, starts no thread
//! and takes no lock.
//!
//! How a work is cut into items follows from sizes alone, and no sum is shared by two items. So the bits
//! are the same for any number of threads.

mod adam;
mod beside;
mod estimate;
mod executor;
mod lower;
mod math;
mod memory;
mod moment;
mod noise;
mod order;
mod parameters;
mod pointwise;
mod product;
mod scratch;
mod step;
mod tape;
mod team;
mod work;

pub use estimate::speedup;
pub use executor::CpuExecutor;
