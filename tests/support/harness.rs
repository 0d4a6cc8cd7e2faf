//! Tests that need a GPU: run on the adapter there is, and shown as ignored where there is none.
//!
//! The standard harness cannot ignore a test at run time, so targets that use this one set
//! `harness = false` and call [`run`]. With `CI` set in the environment, a test without an adapter
//! fails: there, a skipped test would go unnoticed. `WGPU_BACKEND` and `WGPU_ADAPTER_NAME` choose
//! the adapter, as everywhere in wgpu; a name that fits none is a mistake and fails too.

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use vae_wgpu::executor::{Executor, ParameterSpec};
use vae_wgpu::gpu::{AdapterChoice, Checks, Gpu, GpuError, Options};
use vae_wgpu::plan::{GpuExecutor, PlanChoice};
use vae_wgpu::reference::ReferenceExecutor;

/// Makes an executor of one kind for these parameters and this seed.
pub(crate) type Open = dyn Fn(Vec<ParameterSpec>, u64) -> Box<dyn Executor>;

/// A test by its name.
pub(crate) struct Test {
    name: &'static str,
    body: Body,
}

enum Body {
    Plain(fn()),
    Gpu(fn(&Gpu), &'static [Checks]),
    Executors(fn(&Open)),
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

    /// A test of whole graphs: once on the reference executor, and on the GPU's in each of its ways.
    pub(crate) fn executors(name: &'static str, body: fn(&Open)) -> Self {
        Self {
            name,
            body: Body::Executors(body),
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
                        on_gpu(checks, |gpu| body(gpu))
                    })
                })
                .collect(),
            Body::Executors(body) => {
                let reference = Trial::test(format!("{name} (reference)"), move || {
                    body(&|specs, seed| Box::new(ReferenceExecutor::new(specs, seed)));
                    Ok(())
                });
                let plans = PLANS.map(|plan| {
                    Trial::ignorable_test(format!("{name} ({plan})"), move || {
                        on_gpu(Checks::Trusted, |gpu| body(&on_plan(gpu, plan)))
                    })
                });
                [reference].into_iter().chain(plans).collect()
            }
            Body::Ignored(reason) => vec![Trial::ignorable_test(name, move || {
                Ok(Completion::ignored_with(reason))
            })],
        }
    }
}

/// Every way to cut a step into launches.
const PLANS: [PlanChoice; 3] = [
    PlanChoice::General,
    PlanChoice::Fused,
    PlanChoice::TwoLaunch,
];

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
fn on_gpu(checks: Checks, body: impl FnOnce(&Arc<Gpu>)) -> Result<Completion, Failed> {
    match gpu(checks) {
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
    *GPUS.lock().unwrap_or_else(PoisonError::into_inner) = [None, None];
    conclusion.exit_code()
}

type Opened = Result<Arc<Gpu>, GpuError>;

/// The adapter as it was opened, with shaders trusted and checked.
static GPUS: Mutex<[Option<Opened>; 2]> = Mutex::new([None, None]);

/// The adapter, opened once a process and way of compiling shaders.
fn gpu(checks: Checks) -> Opened {
    let mut gpus = GPUS.lock().unwrap_or_else(PoisonError::into_inner);
    let slot = &mut gpus[usize::from(checks == Checks::Checked)];
    let open = || {
        let choice = adapter_name().map_or(AdapterChoice::Auto, AdapterChoice::Name);
        let options = Options {
            checks,
            // Tests leave nothing in the user's folders.
            pipelines: None,
        };
        let gpu = Gpu::open_with(&choice, &options).map(Arc::new);
        if let Ok(gpu) = &gpu {
            eprintln!("adapter: {}, shaders {checks:?}", gpu.adapter());
        }
        gpu
    };
    slot.get_or_insert_with(open).clone()
}

/// Whether there is simply no adapter that could run the tests.
fn may_be_ignored(error: &GpuError) -> bool {
    let none = match error {
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
