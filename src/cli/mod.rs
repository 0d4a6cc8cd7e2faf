//! The command line: one file per subcommand; text, progress bars, exit codes.

mod adapters;
mod analogies;
mod arithmetic;
mod bench;
mod check_synthetic;
mod claim;
mod classify;
mod compare;
mod config;
mod console;
mod decode;
mod doctor;
mod encode;
mod eval;
mod export;
mod failure;
mod features;
mod fit_prior;
mod help;
mod import;
mod impute;
mod init;
mod interpolate;
mod interrupt;
mod job;
mod keeping;
mod look;
mod manifold;
mod options;
mod output;
mod parts;
mod picture_options;
mod pictures;
mod place;
mod plan;
mod plot;
mod progress;
mod reconstruct;
mod records;
mod report;
mod reproduce;
mod run;
mod sample;
mod sample_rows;
mod scatter;
mod score;
mod spread;
mod sweep;
mod table;
mod text;
mod text_rows;
mod train;
mod traverse;
mod watching;
mod weights;

use std::process::ExitCode;

use clap::{FromArgMatches, Parser, Subcommand};

/// Trains and uses variational autoencoders on any GPU, in compute kernels written in WGSL.
#[derive(Debug, Parser)]
#[command(
    name = "vae",
    version,
    propagate_version = true,
    after_help = "\
Examples:
  vae train                              train on built-in digits with the best adapter
  vae train --data mnist --download      fetch MNIST first
  vae sample runs/digits-1               draw samples from the trained model
  vae impute runs/people-1 people.csv -o filled.csv   fill a table's missing cells
  vae eval runs/digits-1                 measure its model
  vae score runs/digits-1 --worst 10     how strange examples are, and the strangest
  vae encode runs/digits-1 -o z.npy      what its encoder says of each image
  vae decode runs/digits-1 -z z.npy -o x.npy   what its decoder makes of it
  vae traverse runs/digits-1             what each dimension of z changes
  vae plot runs/digits-1                 draw its losses, epoch by epoch
  vae classify runs/digits-1 --labelled 1000   say what images show
  vae fit-prior runs/digits-1            a better density of z to draw them from
  vae import model.safetensors -o runs/torch   make a run of PyTorch's weights
  vae export runs/digits-1 --onnx encoder -o encoder.onnx   for ONNX's runtimes
  vae report runs/digits-1               a page with everything about it
  vae check-synthetic a.csv b.csv        how synthetic rows compare with real ones
  vae parts                              what a model is put together from
  vae plan --likelihood laplace          what a training step would run
  vae adapters                           what --adapter can choose
  vae bench                              what a training step costs here
  vae doctor                             whether an adapter computes what it should
  vae completions bash                   what a shell completes commands and options with

Environment:
  WGPU_BACKEND        restricts the backends: vulkan, metal, dx12, gl
  WGPU_ADAPTER_NAME   a part of the name of the adapter to use where --adapter is not given

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted and saved."
)]
pub(crate) struct Cli {
    /// Print nothing but errors, warnings, and what a command is asked to print
    #[arg(long, short, global = true, display_order = 900)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
    /// The flags of `command`.
    #[arg(skip)]
    flags: failure::Flags,
}

#[derive(Debug, Subcommand)]
enum Command {
    Train(Box<train::Args>),
    Sample(sample::Args),
    Impute(impute::Args),
    FitPrior(fit_prior::Args),
    Encode(encode::Args),
    Decode(decode::Args),
    Reconstruct(reconstruct::Args),
    Report(report::Args),
    Interpolate(interpolate::Args),
    Traverse(traverse::Args),
    Manifold(manifold::Args),
    Scatter(scatter::Args),
    Score(Box<score::Args>),
    Analogies(analogies::Args),
    Arithmetic(arithmetic::Args),
    Classify(classify::Args),
    Eval(eval::Args),
    Compare(compare::Args),
    CheckSynthetic(check_synthetic::Args),
    Sweep(Box<sweep::Args>),
    Reproduce(Box<reproduce::Args>),
    Plot(plot::Args),
    Weights(weights::Args),
    Import(Box<import::Args>),
    Export(export::Args),
    Parts(parts::Args),
    Plan(Box<plan::Args>),
    Adapters(adapters::Args),
    Bench(Box<bench::Args>),
    Doctor(doctor::Args),
    Completions(help::Completions),
    #[command(hide = true)]
    Manual(help::Manual),
}

impl Cli {
    /// What this process was called with. Help, versions and wrong usage end it here.
    pub(crate) fn of_this_process() -> Self {
        let mut command = help::command(std::env::args_os());
        let matches = command.get_matches_mut();
        let mut cli = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        let called = matches.subcommand_name();
        let called = called.and_then(|name| command.find_subcommand(name));
        cli.flags = called.map(failure::Flags::of).unwrap_or_default();
        cli
    }

    /// Runs the command and says how it went.
    pub(crate) fn run(self) -> ExitCode {
        if self.quiet {
            console::be_quiet();
        }
        console::quiet_drivers();
        interrupt::survive_large_files();
        let done = match self.command {
            Command::Train(args) => args.run(),
            Command::Sample(args) => args.run(),
            Command::Impute(args) => args.run(),
            Command::FitPrior(args) => args.run(),
            Command::Encode(args) => args.run(),
            Command::Decode(args) => args.run(),
            Command::Reconstruct(args) => args.run(),
            Command::Report(args) => args.run(),
            Command::Interpolate(args) => args.run(),
            Command::Traverse(args) => args.run(),
            Command::Manifold(args) => args.run(),
            Command::Scatter(args) => args.run(),
            Command::Score(args) => args.run(),
            Command::Analogies(args) => args.run(),
            Command::Arithmetic(args) => args.run(),
            Command::Classify(args) => args.run(),
            Command::Eval(args) => args.run(),
            Command::Compare(args) => args.run(),
            Command::CheckSynthetic(args) => args.run(),
            Command::Sweep(args) => args.run(),
            Command::Reproduce(args) => args.run(),
            Command::Plot(args) => args.run(),
            Command::Weights(args) => args.run(),
            Command::Import(args) => args.run(),
            Command::Export(args) => args.run(),
            Command::Parts(args) => args.run(),
            Command::Plan(args) => args.run(),
            Command::Adapters(args) => args.run(),
            Command::Bench(args) => args.run(),
            Command::Doctor(args) => args.run(),
            Command::Completions(args) => args.run(),
            Command::Manual(args) => args.run(),
        };
        match done {
            Ok(code) => code,
            Err(error) => failure::report(&error, &self.flags),
        }
    }
}
