//! Tests that need a GPU: run on the adapter there is, and shown as ignored where there is none.
//!
//! The standard harness cannot ignore a test at run time, so targets that use this one set
//! `harness = false` and call [`run`]. With `CI` set in the environment, a test without an adapter
//! fails: there, a skipped test would go unnoticed. `WGPU_BACKEND` and `WGPU_ADAPTER_NAME` choose
//! the adapter, as everywhere in wgpu; a name that fits none is a mistake and fails too.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use vae_wgpu::cpu::CpuExecutor;
use vae_wgpu::executor::{Executor, ParameterSpec};
use vae_wgpu::gpu::{AdapterChoice, Checks, Gpu, GpuError, Options};
use vae_wgpu::plan::{GpuExecutor, PlanChoice};
use vae_wgpu::reference::ReferenceExecutor;

/// Makes an executor of one kind for these parameters and this seed.
pub(crate) type Open = dyn Fn(Vec<ParameterSpec>, u64) -> Box<dyn Executor>;

/// How much a test trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    Full,
    /// With kernels for GPUs on a software adapter, which takes 0.1 s for each step of 32 images: its
    /// workgroups' invocations take turns at every barrier.
    Short,
}

/// A test by its name.
pub(crate) struct Test {
    name: &'static str,
    body: Body,
}

enum Body {
    Plain(fn()),
    Gpu(fn(&Gpu), &'static [Checks]),
    MatrixUnits(fn(&Gpu)),
    Executors(fn(&Open)),
    Trainings(fn(&Open, Extent)),
    Families(fn(&Open)),
    Ignored(&'static str),
}

impl Test {
    /// A test that needs no adapter.
    pub(crate) fn plain(name: &'static str, body: fn()) -> Self {
        Self {
            name,
            body: Body::Plain(body),
        }
    }

    /// A test on a GPU, with shaders compiled as a user's are.
    pub(crate) fn gpu(name: &'static str, body: fn(&Gpu)) -> Self {
        Self {
            name,
            body: Body::Gpu(body, &[Checks::Trusted]),
        }
    }

    /// A test on a GPU, once with shaders as written and once with bounds checks in them.
    pub(crate) fn both_checks(name: &'static str, body: fn(&Gpu)) -> Self {
        Self {
            name,
            body: Body::Gpu(body, &[Checks::Trusted, Checks::Checked]),
        }
    }

    /// A test on a GPU's matrix units, with shaders of both kinds; ignored where there are none.
    pub(crate) fn matrix_units(name: &'static str, body: fn(&Gpu)) -> Self {
        Self {
            name,
            body: Body::MatrixUnits(body),
        }
    }

    /// A test of whole graphs: once on the reference executor, once on the processor's, and on the GPU's in each of its ways.
    pub(crate) fn executors(name: &'static str, body: fn(&Open)) -> Self {
        Self {
            name,
            body: Body::Executors(body),
        }
    }

    /// Likewise a test of whole trainings, which says how long these may be.
    pub(crate) fn trainings(name: &'static str, body: fn(&Open, Extent)) -> Self {
        Self {
            name,
            body: Body::Trainings(body),
        }
    }

    /// A test of long trainings: on the reference executor, on the processor's, and on one plan of each family of kernels.
    pub(crate) fn families(name: &'static str, body: fn(&Open)) -> Self {
        Self {
            name,
            body: Body::Families(body),
        }
    }

    /// A test that cannot run here.
    pub(crate) fn ignored(name: &'static str, reason: &'static str) -> Self {
        Self {
            name,
            body: Body::Ignored(reason),
        }
    }

    fn trials(self) -> Vec<Trial> {
        let name = self.name;
        match self.body {
            Body::Plain(body) => vec![Trial::test(name, move || {
                body();
                Ok(())
            })],
            Body::Gpu(body, modes) => modes
                .iter()
                .map(|&checks| {
                    let mode = if checks == Checks::Checked {
                        " (checked)"
                    } else {
                        ""
                    };
                    Trial::ignorable_test(format!("{name}{mode}"), move || {
                        on_gpu(Mode::of(checks), |gpu| body(gpu))
                    })
                })
                .collect(),
            Body::MatrixUnits(body) => [(Checks::Trusted, ""), (Checks::Checked, ", checked")]
                .map(|(checks, suffix)| {
                    let title = format!("{name} (matrix units{suffix})");
                    Trial::ignorable_test(title, move || {
                        on_gpu(Mode::matrix_units(checks), |gpu| body(gpu))
                    })
                })
                .into(),
            Body::Executors(body) => on_executors(name, &PLANS, move |open, _| body(open)),
            Body::Trainings(body) => on_executors(name, &PLANS, body),
            Body::Families(body) => on_executors(name, &FAMILIES, move |open, _| body(open)),
            Body::Ignored(reason) => vec![Trial::ignorable_test(name, move || {
                Ok(Completion::ignored_with(reason))
            })],
        }
    }
}

/// A test on the reference executor, on the processor's, and on the GPU's in each of these ways.
fn on_executors(
    name: &str,
    plans: &[(bool, PlanChoice)],
    body: impl Fn(&Open, Extent) + Copy + Send + 'static,
) -> Vec<Trial> {
    let reference = Trial::test(format!("{name} (reference)"), move || {
        let open =
            |specs, seed| -> Box<dyn Executor> { Box::new(ReferenceExecutor::new(specs, seed)) };
        body(&open, Extent::Full);
        Ok(())
    });
    let cpu = Trial::test(format!("{name} (cpu)"), move || {
        let open = |specs, seed| -> Box<dyn Executor> {
            Box::new(CpuExecutor::new(specs, seed, CPU_THREADS))
        };
        body(&open, Extent::Full);
        Ok(())
    });
    let plans = plans.iter().map(|&(as_gpu, plan)| {
        let kernels = if as_gpu { ", kernels for GPUs" } else { "" };
        Trial::ignorable_test(format!("{name} ({plan}{kernels})"), move || {
            on_gpu(Mode::trusted(as_gpu), |gpu| {
                let slow = as_gpu && gpu.adapter().kind == wgpu::DeviceType::Cpu;
                let extent = if slow { Extent::Short } else { Extent::Full };
                body(&on_plan(gpu, plan), extent);
            })
        })
    });
    [reference, cpu].into_iter().chain(plans).collect()
}

/// Threads of the processor's executor in tests: as many as the smallest machine has that runs them.
const CPU_THREADS: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// One plan of each family of kernels, that for this adapter and that for GPUs.
const FAMILIES: [(bool, PlanChoice); 2] =
    [(false, PlanChoice::TwoLaunch), (true, PlanChoice::General)];

/// Every way to cut a step into launches, with the kernels for this adapter and with those for GPUs.
const PLANS: [(bool, PlanChoice); 6] = [
    (false, PlanChoice::General),
    (false, PlanChoice::Fused),
    (false, PlanChoice::TwoLaunch),
    (true, PlanChoice::General),
    (true, PlanChoice::Fused),
    (true, PlanChoice::TwoLaunch),
];

/// How the adapter is opened.
#[derive(Clone, Copy)]
struct Mode {
    checks: Checks,
    as_gpu: bool,
    matrix_units: bool,
}

impl Mode {
    fn trusted(as_gpu: bool) -> Self {
        Self {
            checks: Checks::Trusted,
            as_gpu,
            matrix_units: false,
        }
    }

    fn of(checks: Checks) -> Self {
        Self {
            checks,
            as_gpu: false,
            matrix_units: false,
        }
    }

    /// With the kernels for GPUs, on which the matrix units are.
    fn matrix_units(checks: Checks) -> Self {
        Self {
            checks,
            as_gpu: true,
            matrix_units: true,
        }
    }

    /// Its place among the opened adapters.
    fn slot(self) -> usize {
        let bits = [
            self.matrix_units,
            self.as_gpu,
            self.checks == Checks::Checked,
        ];
        bits.into_iter()
            .fold(0, |slot, bit| 2 * slot + usize::from(bit))
    }
}

/// Executors that run in one of these ways.
fn on_plan(
    gpu: &Arc<Gpu>,
    plan: PlanChoice,
) -> impl Fn(Vec<ParameterSpec>, u64) -> Box<dyn Executor> + use<> {
    let gpu = Arc::clone(gpu);
    move |specs, seed| match GpuExecutor::new(Arc::clone(&gpu), specs, seed) {
        Ok(executor) => Box::new(executor.with_plan(plan)),
        Err(error) => panic!("{error}"),
    }
}

/// Runs a test on the adapter; without one, fails in CI and is ignored elsewhere.
fn on_gpu(mode: Mode, body: impl FnOnce(&Arc<Gpu>)) -> Result<Completion, Failed> {
    match gpu(mode) {
        Ok(gpu) => {
            body(&gpu);
            Ok(Completion::Completed)
        }
        Err(error) if may_be_ignored(&error) => Ok(Completion::ignored_with(error)),
        Err(error) => Err(error.into()),
    }
}

/// `tests!(kind: a, b, c)`: the named functions of this module as tests of one kind.
macro_rules! tests {
    ($kind:ident: $($function:ident),* $(,)?) => {
        vec![$(
            $crate::support::harness::Test::$kind(
                concat!(module_path!(), "::", stringify!($function)),
                $function,
            )
        ),*]
    };
}
pub(crate) use tests;

/// The body of a test target's `main`.
pub(crate) fn run(tests: impl IntoIterator<Item = Test>) -> ExitCode {
    let trials = tests.into_iter().flat_map(Test::trials).collect();
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    // Closed here: a device that outlives `main` has threads that run while the driver unloads.
    *GPUS.lock().unwrap_or_else(PoisonError::into_inner) = [const { None }; SLOTS];
    conclusion.exit_code()
}

type Opened = Result<Arc<Gpu>, GpuError>;

/// Ways to open the adapter.
const SLOTS: usize = 8;

/// The adapter as it was opened, by [`Mode::slot`].
static GPUS: Mutex<[Option<Opened>; SLOTS]> = Mutex::new([const { None }; SLOTS]);

/// The adapter, opened once a process and mode.
fn gpu(mode: Mode) -> Opened {
    let mut gpus = GPUS.lock().unwrap_or_else(PoisonError::into_inner);
    let slot = &mut gpus[mode.slot()];
    let open = || {
        let choice = adapter_name().map_or(AdapterChoice::Auto, AdapterChoice::Name);
        let options = Options {
            checks: mode.checks,
            // Tests leave nothing in the user's folders.
            pipelines: None,
            as_gpu: mode.as_gpu,
            matrix_units: mode.matrix_units,
            ..Options::default()
        };
        let gpu = Gpu::open_with(&choice, &options).map(Arc::new);
        if let Ok(gpu) = &gpu {
            eprintln!("adapter: {}, shaders {:?}", gpu.adapter(), mode.checks);
        }
        gpu
    };
    slot.get_or_insert_with(open).clone()
}

/// Whether there is simply no adapter that could run the tests, or it lacks what not all have.
fn may_be_ignored(error: &GpuError) -> bool {
    let none = match error {
        GpuError::MatrixUnits { .. } => return true,
        GpuError::NoAdapter { .. } => true,
        GpuError::NoMatch { .. } => adapter_name().is_none(),
        _ => false,
    };
    none && std::env::var_os("CI").is_none()
}

fn adapter_name() -> Option<String> {
    std::env::var("WGPU_ADAPTER_NAME")
        .ok()
        .filter(|name| !name.is_empty())
}
