//! `vae`: trains and uses variational autoencoders on any GPU.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::Cli::of_this_process().run()
}
