//! Which of the ways to run a graph is taken.

use std::fmt;
use std::str::FromStr;

use super::fuse;
use super::parameters::Parameters;
use super::two_launch::TwoLaunch;
use crate::gpu::{Gpu, GpuError};
use crate::graph::Graph;
use crate::kernels::gemm::{Epilogue, Family};

/// How a step is cut into launches. Every way computes the same; each is the same from run to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlanChoice {
    /// What is fastest for the sizes and the adapter, by a rule and never by a measurement.
    #[default]
    Auto,
    /// Products with what follows them; gradients in memory; one launch for Adam.
    General,
    /// As few launches as a step of any size can have.
    Fused,
    /// One launch for all that works row by row, one for weights: small models only.
    TwoLaunch,
}

impl PlanChoice {
    /// Every choice, as written on the command line.
    pub const NAMES: [&'static str; 4] = ["auto", "general", "fused", "two-launch"];
}

impl fmt::Display for PlanChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::General => "general",
            Self::Fused => "fused",
            Self::TwoLaunch => "two-launch",
        })
    }
}

impl FromStr for PlanChoice {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "auto" => Ok(Self::Auto),
            "general" => Ok(Self::General),
            "fused" => Ok(Self::Fused),
            "two-launch" => Ok(Self::TwoLaunch),
            _ => Err(format!(
                "'{name}' is no plan; choose one of {}",
                Self::NAMES.join(", ")
            )),
        }
    }
}

impl PlanChoice {
    /// The two launches of a graph, if that is the way it takes.
    ///
    /// # Errors
    /// Where two launches were asked for and the graph or the adapter does not have them.
    pub(super) fn two_launch(
        self,
        gpu: &Gpu,
        graph: &Graph,
        parameters: &Parameters,
        seed: u64,
    ) -> Result<Option<TwoLaunch>, GpuError> {
        if matches!(self, Self::General | Self::Fused) {
            return Ok(None);
        }
        let tasks = fuse::fuse(graph, Epilogue::All);
        let two = match Family::of(gpu) {
            Family::Subgroups => TwoLaunch::new(graph, &tasks, parameters, seed),
            Family::Registers | Family::Tiled => {
                Err("there are no kernels for this adapter".to_owned())
            }
        };
        match two {
            Ok(two) => Ok(Some(two)),
            Err(reason) if self == Self::TwoLaunch => Err(GpuError::Plan {
                plan: self.to_string(),
                reason,
            }),
            Err(_) => Ok(None),
        }
    }
}
