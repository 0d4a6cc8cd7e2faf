//! Training on every executor there is: against PyTorch, against itself, and as a whole.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, which is what it should do"
)]

use std::process::ExitCode;

mod algebra;
mod combinations;
mod conditions;
mod draws;
mod family;
mod labels;
mod large;
mod measures;
mod memory;
mod network;
mod numbers;
mod optimizers;
mod plans;
mod processor;
mod runs;
#[path = "../support/mod.rs"]
mod support;
mod tables;
mod truth;
mod windows;

fn main() -> ExitCode {
    let files = [
        truth::tests(),
        algebra::tests(),
        combinations::tests(),
        draws::tests(),
        family::tests(),
        runs::tests(),
        plans::tests(),
        conditions::tests(),
        memory::tests(),
        processor::tests(),
        network::tests(),
        numbers::tests(),
        optimizers::tests(),
        labels::tests(),
        large::tests(),
        measures::tests(),
        tables::tests(),
        windows::tests(),
    ];
    support::harness::run(files.into_iter().flatten())
}
