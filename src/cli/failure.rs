//! Errors on their way out: one message, one exit code.

use std::process::ExitCode;

use vae_wgpu::executor::ExecutorError;
use vae_wgpu::gpu::GpuError;
use vae_wgpu::train::TrainError;

use super::console;

/// The command line asks for something that cannot be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// Prints an error and returns its exit code: 2 for usage, 1 otherwise.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    console::error(&format!("{error:#}"));
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
            TrainError::Setting { .. } | TrainError::Vae(_) | TrainError::Batch { .. } => true,
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
