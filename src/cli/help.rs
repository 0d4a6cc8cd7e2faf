//! The command line as it describes itself: help with defaults, completions, the manual.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Arg, ArgAction, Command, CommandFactory};
use clap_complete::Shell;
use vae_wgpu::data::Source;
use vae_wgpu::gpu::AdapterChoice;
use vae_wgpu::plan::PlanChoice;
use vae_wgpu::train::{Preset, Settings};

use super::Cli;

/// The command line, with what derive cannot know: defaults that depend on a preset among `words`, and numbers below zero,
/// which are taken for values and refused as such.
pub(crate) fn command(words: impl Iterator<Item = OsString>) -> Command {
    let settings = preset_in(words).map_or_else(Settings::default, Preset::settings);
    Cli::command()
        .mut_subcommand("train", |train| with_defaults(train, &settings))
        .mut_subcommand("plan", |plan| with_defaults(plan, &settings))
        .mut_subcommands(|command| {
            // The version is the program's, so that it bears the program's name.
            command
                .display_name("vae")
                .mut_args(|arg| match arg.get_action() {
                    ArgAction::Set | ArgAction::Append if !arg.is_positional() => {
                        arg.allow_negative_numbers(true)
                    }
                    _ => arg,
                })
        })
}

/// The preset that is asked for, if there is such a one.
fn preset_in(words: impl Iterator<Item = OsString>) -> Option<Preset> {
    let words: Vec<_> = words
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let next = words.iter().skip_while(|word| *word != "--preset").nth(1);
    let joined = words.iter().find_map(|word| word.strip_prefix("--preset="));
    joined.or(next.map(String::as_str))?.parse().ok()
}

/// Adds to each flag's help what holds without it. A flag is found by the name that a setting has in `config.toml`.
fn with_defaults(command: Command, settings: &Settings) -> Command {
    let settings = toml::Table::try_from(settings).unwrap_or_default();
    command.mut_args(|arg| {
        let name = arg.get_id().as_str().replace('_', "-");
        let default = match name.as_str() {
            "adapter" => Some(AdapterChoice::default().to_string()),
            "plan" => Some(PlanChoice::default().to_string()),
            "data" => Some(Source::Digits.to_string()),
            name => settings.get(name).map(as_flag),
        };
        match default {
            Some(default) => with_default(arg, &default),
            None => arg,
        }
    })
}

fn with_default(arg: Arg, default: &str) -> Arg {
    let add = |help: &clap::builder::StyledStr| format!("{help} [default: {default}]");
    let help = arg.get_help().map(add);
    let long = arg.get_long_help().map(add);
    let arg = match help {
        Some(help) => arg.help(help),
        None => arg,
    };
    match long {
        Some(long) => arg.long_help(long),
        None => arg,
    }
}

/// A setting as its flag takes it.
fn as_flag(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Array(values) => {
            let values: Vec<_> = values.iter().map(as_flag).collect();
            values.join(",")
        }
        // 1e-8, where `Display` would write out the zeros.
        toml::Value::Float(number) => format!("{number:?}"),
        other => other.to_string(),
    }
}

/// Print what a shell needs to complete commands and options
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae completions bash > ~/.local/share/bash-completion/completions/vae
  vae completions zsh > \"${fpath[1]}/_vae\"
  vae completions fish > ~/.config/fish/completions/vae.fish")]
pub(crate) struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "vae", &mut script);
        // Whoever closes the pipe has read enough.
        let _ = std::io::stdout().write_all(&script);
        Ok(ExitCode::SUCCESS)
    }
}

/// Write the manual, a page for each command
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae manual -o man/man1
  man -l man/man1/vae-train.1")]
pub(crate) struct Manual {
    /// The folder
    #[arg(short, long, value_name = "DIR", default_value = "man")]
    output: PathBuf,
}

impl Manual {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let folder = self.output.display();
        fs::create_dir_all(&self.output).with_context(|| format!("cannot make {folder}"))?;
        let defaults = |command| with_defaults(command, &Settings::default());
        let command = Cli::command().mut_subcommand("train", defaults);
        let command = command.mut_subcommand("plan", defaults);
        let command = command.disable_help_subcommand(true);
        clap_mangen::generate_to(command, &self.output)
            .with_context(|| format!("cannot write to {folder}"))?;
        Ok(ExitCode::SUCCESS)
    }
}
