//! What a benchmark found, and the file that keeps it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::checkpoint::{self, CheckpointError};
use crate::gpu::AdapterSummary;

/// A benchmark's findings, as `--json` writes them. Times are microseconds (`_us`) of the wall
/// clock unless their description says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`Report::VERSION`] of the program that wrote it.
    pub version: u32,
    /// That program's version.
    pub program: String,
    /// What it ran on.
    pub adapter: Adapter,
    /// Timed windows a workload.
    pub repeats: usize,
    /// What the adapter can do at best; `null` without a GPU.
    pub peaks: Option<Peaks>,
    /// The workloads that were asked for, in their order.
    pub workloads: Vec<StepReport>,
}

/// What ran the kernels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adapter {
    /// As the driver gives it, `the processor (2 threads)`, or `the reference executor`.
    pub name: String,
    /// `vulkan`, `metal`, `dx12` or `gl`; `cpu` without a GPU.
    pub backend: String,
    /// `discrete`, `integrated`, `virtual`, `software`, `other`, or `none` without a GPU.
    pub kind: String,
    /// The driver and its version; empty without a GPU.
    pub driver: String,
}

impl Adapter {
    /// An open GPU, or what runs without one, by its name.
    pub(super) fn of(summary: Option<&AdapterSummary>, name: impl FnOnce() -> String) -> Self {
        match summary {
            Some(summary) => Self {
                name: summary.name.clone(),
                backend: summary.backend.to_str().to_owned(),
                kind: summary.kind_name().to_owned(),
                driver: summary.driver.clone(),
            },
            None => Self {
                name: name(),
                backend: "cpu".to_owned(),
                kind: "none".to_owned(),
                driver: String::new(),
            },
        }
    }
}

/// What an adapter can do at best, measured: the best of several windows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Peaks {
    /// Rows and columns of the square matrices.
    pub gemm_size: usize,
    /// Of this program's own matrix product, 10⁹ floating-point operations a second.
    pub gemm_gflops_per_s: f64,
    /// Bytes of the copied buffer.
    pub copy_bytes: u64,
    /// Of a copy from buffer to buffer, 10⁹ bytes a second, those read and those written.
    pub copy_gb_per_s: f64,
}

/// What a step of one workload costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// The workload: `s`, `m` or `l`.
    pub name: String,
    /// Its layers and its batch, for people.
    pub description: String,
    /// Images a step.
    pub batch: usize,
    /// Trained values.
    pub parameters: usize,
    /// Wall time of a step in the steady state, many steps a submission.
    pub step_us: Spread,
    /// From the median.
    pub images_per_s: f64,
    /// Of the matrix products alone, forward and backward: 2·m·n·k each.
    pub flops_per_step: u64,
    /// From the median.
    pub gflops_per_s: f64,
    /// Steps that share a submission, where an epoch has got going.
    pub steps_per_submission: usize,
    /// What a step asks of the GPU; `null` without one.
    pub launches: Option<Launches>,
    /// What the GPU's own clock says; `null` where the adapter offers no timestamps within passes.
    pub gpu: Option<GpuTime>,
    /// What a step cannot go below; `null` without a GPU.
    pub floors: Option<Floors>,
}

/// The median and the extremes of a measurement that was repeated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The middle one, or the mean of the middle two.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    /// Of at least one value; of none, zeros.
    pub(super) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or_default();
        let last = values.len().saturating_sub(1);
        Self {
            median: (at(last / 2) + at(last.div_ceil(2))) / 2.0,
            min: at(0),
            max: at(last),
        }
    }
}

/// What a step asks of the GPU.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Launches {
    /// Dispatches a step.
    pub dispatches: usize,
    /// Those before which wgpu places a barrier for another one of the same step. For the step
    /// before, all of them wait.
    pub barriers: usize,
    /// Host time a step to record and submit it, without waiting: the median.
    pub host_us: f64,
}

/// Where the GPU's time goes, by its own clock, in steps of their own with a timestamp after each
/// launch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GpuTime {
    /// All kernels of a step, each with the barrier before it.
    pub step_us: f64,
    /// `step_us` over the median wall time of a step without timestamps, at most 1: what is missing
    /// to 1 are gaps. A software adapter's timestamps wait for what runs, so that its kernels add
    /// up to more than a step without them, and its share is 1.
    pub share: f64,
    /// The kernels, longest first.
    pub kernels: Vec<Kernel>,
}

/// A kernel's part of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kernel {
    /// Its name.
    pub name: String,
    /// Launches a step.
    pub launches: usize,
    /// GPU time a step, of all its launches.
    pub step_us: f64,
}

/// What no order of kernels can go below on this adapter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Floors {
    /// `flops_per_step` at [`Peaks::gemm_gflops_per_s`].
    pub arithmetic_us: f64,
    /// What a perfectly fused step must move: 24 bytes a parameter (value and both moments, read
    /// and written) and the batch's images, a byte a pixel.
    pub bytes: u64,
    /// `bytes` at [`Peaks::copy_gb_per_s`]. A cache that holds the parameters can go below it.
    pub bytes_us: f64,
}

/// Why a report cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The file could not be read.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        cause: std::io::Error,
    },
    /// It is no report, or a damaged one.
    #[error("{} is no whole report of a benchmark: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What in it is wrong.
        reason: String,
    },
    /// Another version of the program wrote it.
    #[error(
        "{} has version {found} of the report and this program reads {}: measure again",
        path.display(), Report::VERSION
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// The file could not be written.
    #[error(transparent)]
    Write(#[from] CheckpointError),
}

impl Report {
    /// Counts changes after which an older report is read wrongly.
    pub const VERSION: u32 = 1;

    /// Reads a file.
    ///
    /// # Errors
    /// Where it is not there, is damaged, or is of another version.
    pub fn load(path: &Path) -> Result<Self, ReportError> {
        /// What every version has.
        #[derive(Deserialize)]
        struct Header {
            version: u32,
        }
        let bytes = std::fs::read(path).map_err(|cause| ReportError::Read {
            path: path.to_owned(),
            cause,
        })?;
        let invalid = |reason: String| ReportError::Invalid {
            path: path.to_owned(),
            reason,
        };
        let header: Header =
            serde_json::from_slice(&bytes).map_err(|error| invalid(error.to_string()))?;
        if header.version != Self::VERSION {
            return Err(ReportError::Version {
                path: path.to_owned(),
                found: header.version,
            });
        }
        let report: Self =
            serde_json::from_slice(&bytes).map_err(|error| invalid(error.to_string()))?;
        let timeless = |step: &&StepReport| step.step_us.median <= 0.0;
        match report.workloads.iter().find(timeless) {
            Some(step) => Err(invalid(format!("workload {} took no time", step.name))),
            None => Ok(report),
        }
    }

    /// Its text: indented JSON, a line break at its end.
    ///
    /// # Errors
    /// Never for a report of [`super::run`].
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// Writes a file, whole or not at all.
    ///
    /// # Errors
    /// Where that fails; then a file that was there is unchanged.
    pub fn save(&self, path: &Path) -> Result<(), ReportError> {
        let text = self.to_json().map_err(|error| ReportError::Invalid {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        checkpoint::write_whole(path, text.len() as u64, |file| {
            file.write_all(text.as_bytes())
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn a_spread_has_the_median_and_the_extremes() {
        let odd = Spread::of(vec![5.0, 1.0, 3.0]);
        assert_eq!((odd.median, odd.min, odd.max), (3.0, 1.0, 5.0));
        let even = Spread::of(vec![4.0, 1.0, 3.0, 8.0]);
        assert_eq!((even.median, even.min, even.max), (3.5, 1.0, 8.0));
        let one = Spread::of(vec![2.0]);
        assert_eq!((one.median, one.min, one.max), (2.0, 2.0, 2.0));
    }
}
