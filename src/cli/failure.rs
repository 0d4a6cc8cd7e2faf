//! Errors on their way out: one message with the flags that help, one exit code.

use std::borrow::Cow;
use std::process::ExitCode;

use vae_wgpu::data::DataError;
use vae_wgpu::executor::ExecutorError;
use vae_wgpu::gpu::GpuError;
use vae_wgpu::model::VaeError;
use vae_wgpu::setting::{Remedy, Setting};
use vae_wgpu::train::TrainError;

use super::console;
use super::interrupt::{self, Stopped};

/// The command line asks for something that cannot be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// The flags of a command, by which an error's settings are set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags(Vec<String>);

impl Flags {
    /// Those of `command`.
    pub(crate) fn of(command: &clap::Command) -> Self {
        let flags = command.get_arguments().filter_map(clap::Arg::get_long);
        Self(flags.map(str::to_owned).collect())
    }

    /// The flag of a setting, if the command has it. It is called as the setting is.
    fn of_setting(&self, setting: Setting) -> Option<String> {
        let is_here = self.0.iter().any(|flag| flag == setting.key());
        is_here.then(|| format!("--{}", setting.key()))
    }

    /// The message of an error. The library's errors name no flags, so that those which put an error
    /// right are appended: `the learning rate is 0: choose a positive number such as 1e-3 (--lr)`.
    fn message(&self, error: &anyhow::Error) -> String {
        let flags = remedies(error).into_iter().filter_map(|remedy| {
            let flag = self.of_setting(remedy.setting)?;
            Some(match remedy.value {
                Some(value) => format!("{flag} {}", quoted(&value)),
                None => flag,
            })
        });
        match flags.collect::<Vec<_>>().as_slice() {
            [] => format!("{error:#}"),
            flags => format!("{error:#} ({})", flags.join(" or ")),
        }
    }
}

/// A value as a shell takes it: names of columns may have spaces. Lists with commas need no quotation marks.
fn quoted(value: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_alphanumeric() || "-_.,:=/+%".contains(c);
    match value.chars().all(is_plain) {
        true => value.into(),
        false => shlex::try_quote(value).unwrap_or(value.into()),
    }
}

/// The settings that put an error right.
fn remedies(error: &anyhow::Error) -> Vec<Remedy> {
    let of_cause = |cause: &(dyn std::error::Error + 'static)| {
        let of_train = cause.downcast_ref().map(TrainError::remedies);
        of_train
            .or_else(|| cause.downcast_ref().map(ExecutorError::remedies))
            .or_else(|| cause.downcast_ref().map(GpuError::remedies))
            .or_else(|| cause.downcast_ref().map(VaeError::remedies))
            .or_else(|| cause.downcast_ref().map(DataError::remedies))
    };
    error.chain().find_map(of_cause).unwrap_or_default()
}

/// Prints an error of a command with these flags and returns its exit code: 2 for usage, 130 where somebody asked to stop,
/// 1 otherwise.
pub(crate) fn report(error: &anyhow::Error, flags: &Flags) -> ExitCode {
    if error.is::<Stopped>() {
        console::note(&error.to_string());
        return ExitCode::from(interrupt::EXIT_CODE);
    }
    console::error(&flags.message(error));
    if error.chain().any(is_usage) {
        ExitCode::from(2)
    } else {
        ExitCode::FAILURE
    }
}

fn is_usage(error: &(dyn std::error::Error + 'static)) -> bool {
    let of_gpu =
        |error: &GpuError| matches!(error, GpuError::NoMatch { .. } | GpuError::Backend { .. });
    let of_executor =
        |error: &ExecutorError| matches!(error, ExecutorError::Gpu(error) if of_gpu(error));
    if let Some(error) = error.downcast_ref::<TrainError>() {
        return match error {
            TrainError::Setting { .. }
            | TrainError::Vae(_)
            | TrainError::Batch { .. }
            | TrainError::Support { .. }
            | TrainError::NoRange { .. } => true,
            TrainError::Executor(error) => of_executor(error),
            _ => false,
        };
    }
    error.is::<Usage>()
        || error.downcast_ref::<GpuError>().is_some_and(of_gpu)
        || error
            .downcast_ref::<ExecutorError>()
            .is_some_and(of_executor)
}

#[cfg(test)]
mod tests {
    use anyhow::Context;
    use vae_wgpu::train::Settings;

    use super::super::help;
    use super::*;

    fn flags(name: &str) -> Flags {
        let command = help::command(std::iter::empty());
        Flags::of(command.find_subcommand(name).unwrap())
    }

    #[test]
    fn a_training_has_a_flag_for_every_setting() {
        let train = flags("train");
        for &setting in Setting::ALL {
            assert!(train.of_setting(setting).is_some(), "{}", setting.key());
        }
    }

    #[test]
    fn flags_follow_the_message_where_the_command_has_them() {
        let settings = Settings {
            hidden: Vec::new(),
            ..Settings::default()
        };
        let failed = || settings.check().context("in a file").unwrap_err();
        let message = flags("train").message(&failed());
        assert!(message.starts_with("in a file: a VAE needs"), "{message}");
        assert!(message.ends_with(" (--hidden 400)"), "{message}");
        let message = flags("sample").message(&failed());
        assert!(message.ends_with("400 units"), "{message}");
    }
}
