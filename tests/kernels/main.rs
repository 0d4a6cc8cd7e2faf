//! Every shader is read by naga; every kernel is compared with its CPU twin.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, which is what it should do"
)]

use std::process::ExitCode;

mod adam;
mod arrays;
mod bernoulli_nll;
mod column_sum;
mod copy;
mod draw;
mod functions;
mod gather;
mod gemm;
mod gradient_norm;
mod latent;
mod lookup;
mod objective;
mod one_hot;
mod pipelines;
mod pointwise;
mod ramp;
mod reduce;
mod rows;
mod shaders;
mod stage_images;
mod step_losses;
#[path = "../support/mod.rs"]
mod support;
mod update;

fn main() -> ExitCode {
    let files = [
        shaders::tests(),
        adam::tests(),
        bernoulli_nll::tests(),
        column_sum::tests(),
        copy::tests(),
        draw::tests(),
        functions::tests(),
        gather::tests(),
        gemm::tests(),
        gradient_norm::tests(),
        latent::tests(),
        lookup::tests(),
        objective::tests(),
        one_hot::tests(),
        pipelines::tests(),
        pointwise::tests(),
        ramp::tests(),
        reduce::tests(),
        rows::tests(),
        stage_images::tests(),
        step_losses::tests(),
        update::tests(),
    ];
    support::harness::run(files.into_iter().flatten())
}
