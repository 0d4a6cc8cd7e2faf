//! Which of the ways to run a graph is taken.

use std::fmt;
use std::str::FromStr;

use super::parameters::Parameters;
use super::program::StepProgram;
use super::{SharedBuffers, recognise};
use crate::fuse;
use crate::gpu::{Gpu, GpuError};
use crate::graph::Graph;
use crate::kernels::gemm::{Epilogue, Family};
use crate::kernels::rows::workgroup::{self, Tile};
use crate::kernels::rows::{self, Section};

/// How a step is cut into launches. Every way computes the same; each is the same from run to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlanChoice {
    /// What is fastest for the sizes and the adapter, by a rule and never by a measurement.
    #[default]
    Auto,
    /// Products with what follows them; gradients in memory; Adam over all at once.
    General,
    /// A launch for each stage of what works row by row, one for weights.
    Fused,
    /// One launch for all that works row by row, one for weights.
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

/// A step as a program, and how its stages share launches.
pub(super) struct StepPlan {
    pub(super) step: StepProgram,
    pub(super) sections: Vec<Section>,
}

impl StepPlan {
    /// Sums of which a row's loss consists.
    pub(super) fn column_groups(&self) -> usize {
        let column_groups = self.sections.iter().map(|section| section.column_groups);
        column_groups.max().unwrap_or(1)
    }
}

impl PlanChoice {
    /// What is taken where this was asked for, by whether there is a program.
    pub(super) fn taken(self, is_program: bool) -> Self {
        match self {
            _ if !is_program => Self::General,
            Self::Fused => Self::Fused,
            _ => Self::TwoLaunch,
        }
    }

    /// The program of a graph, if it runs as one; else why `auto` left it, where it was to choose.
    ///
    /// # Errors
    /// Where a program was asked for, and the graph cannot be one or the adapter has no kernel.
    pub(super) fn program(
        self,
        gpu: &Gpu,
        graph: &Graph,
        parameters: &Parameters,
        shared: &SharedBuffers,
        seed: u64,
    ) -> Result<(Option<StepPlan>, Option<String>), GpuError> {
        if self == Self::General {
            return Ok((None, None));
        }
        let tasks = fuse::fuse(graph, recognise::takes(Epilogue::All));
        let limit = (gpu.largest_binding() / 4) as usize;
        let step = || {
            if parameters.single().is_none() {
                return Err(format!(
                    "its parameters take {} buffers, and the kernels read one",
                    parameters.shards().len()
                ));
            }
            if let Some(dataset) = &shared.dataset {
                dataset.check_programs(gpu, graph)?;
            }
            StepProgram::new(graph, &tasks, parameters, seed, limit)
        };
        let step_plan = match Family::of(gpu) {
            Family::Subgroups if !gpu.has_wide_integers() => {
                Err("the adapter's shaders have no integers of 64 bits".to_owned())
            }
            Family::Subgroups => step().and_then(|step| self.on_software(step)),
            Family::Tiled | Family::Cooperative(_) => {
                step().and_then(|step| self.on_gpu(gpu, step))
            }
            Family::Registers => Err("there are no kernels for this adapter".to_owned()),
        };
        match step_plan {
            Ok(step_plan) => Ok((Some(step_plan), None)),
            Err(reason) if self != Self::Auto => Err(GpuError::Plan {
                plan: self.to_string(),
                reason,
            }),
            Err(reason) => Ok((None, Some(reason))),
        }
    }

    /// On a software adapter: a launch a stage where that was asked for, else as few as loops allow.
    fn on_software(self, step: StepProgram) -> Result<StepPlan, String> {
        let stages = &step.program.stages;
        if !rows::within_iterations(stages) {
            return Err("its images or latents are too wide for the kernel's loops".to_owned());
        }
        let sections = match self {
            Self::Fused => rows::each_alone(stages),
            _ => rows::together(stages),
        };
        Ok(StepPlan { step, sections })
    }

    /// On a GPU: a launch a stage where that was asked for; else two, where they can be and, unless
    /// they were asked for, are faster.
    fn on_gpu(self, gpu: &Gpu, step: StepProgram) -> Result<StepPlan, String> {
        let program = &step.program;
        if self == Self::Fused {
            let Some(sections) = workgroup::each_alone(gpu, program) else {
                return Err("the adapter's workgroups are too small for its kernels".to_owned());
            };
            return Ok(StepPlan { step, sections });
        }
        let Some(tile) = Tile::choose(gpu, program) else {
            return Err("its tensors do not fit into the adapter's workgroup memory".to_owned());
        };
        if self == Self::Auto && !tile.pays(program) {
            return Err("each workgroup would read too many weights".to_owned());
        }
        let sections = vec![workgroup::together(&program.stages, tile)];
        Ok(StepPlan { step, sections })
    }
}
