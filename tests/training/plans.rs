//! The ways to cut a step into launches, against one another.

use std::sync::Arc;

use vae_wgpu::data::{Dataset, digits};
use vae_wgpu::executor::{Executor, ExecutorError, Rows, Snapshot, Start};
use vae_wgpu::gpu::{AdapterChoice, Gpu, Options};
use vae_wgpu::kernels::gemm::{Family, Variant};
use vae_wgpu::plan::{Description, GpuExecutor, PlanChoice};
use vae_wgpu::rng;
use vae_wgpu::train::{self, Settings};

use crate::support::harness::{Test, tests};

pub(crate) fn tests() -> Vec<Test> {
    let of_matrix_units = tests![matrix_units: matrix_units_train_as_other_products_do];
    let mut tests = tests![
        gpu: long_loops_run_to_their_end, wide_layers_run_in_a_launch_a_stage,
        a_description_is_of_what_runs, a_description_says_why_auto_left_the_program
    ];
    tests.extend(of_matrix_units);
    tests
}

/// The same adapter, for executors that share it.
pub(crate) fn reopened(gpu: &Gpu, options: Options) -> Arc<Gpu> {
    let name = AdapterChoice::Name(gpu.adapter().name.clone());
    let options = Options {
        pipelines: None,
        ..options
    };
    Arc::new(Gpu::open_with(&name, &options).unwrap())
}

/// The losses of two steps.
fn losses(
    gpu: &Arc<Gpu>,
    plan: PlanChoice,
    settings: &Settings,
) -> Result<Vec<f32>, ExecutorError> {
    let batch = settings.batch_size;
    let images = digits::generate(1, 0, 2 * batch).images;
    let vae = settings.vae(images.dim()).unwrap();
    let specs = vae.parameters();
    let initial = Snapshot::initial(&specs, 1);
    let executor = GpuExecutor::new(Arc::clone(gpu), specs, 1).unwrap();
    let mut executor = executor.with_plan(plan);
    executor.restore(&initial).unwrap();
    let rows = Rows::new(&images.pixels, images.dim());
    let graph = |rows| vae.training_graph(rows, settings.optimizer(images.count).unwrap());
    let mut pass = executor.pass(rows, batch, &graph)?;
    let order = rng::permutation(1, 0, images.count);
    let start = Start {
        step: 0,
        position: 0,
        order: &order,
    };
    pass.begin(start).unwrap();
    assert_eq!(pass.advance(2).unwrap(), 2);
    pass.losses()
}

/// Losses are sums of some 800 terms a row in f32 through layers of `terms` terms; what differs is
/// the order of these sums. The second step has seen gradients that differ as much.
fn assert_close(what: &str, a: &[f32], b: &[f32], terms: f32) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (index, (a, b)) in a.iter().zip(b).enumerate() {
        let allowed = terms * f32::EPSILON * b.abs();
        assert!(
            (a - b).abs() <= allowed,
            "{what}: loss {index}: {a}, not {b}"
        );
    }
}

/// llvmpipe ends the loops of a shader after 65,535 iterations without a word: this model's rows
/// need more in one launch.
fn long_loops_run_to_their_end(gpu: &Gpu) {
    let gpu = &reopened(gpu, Options::default());
    let settings = Settings {
        hidden: vec![1700, 1300],
        latent: 40,
        batch_size: 65,
        ..Settings::default()
    };
    let general = losses(gpu, PlanChoice::General, &settings).unwrap();
    for plan in [PlanChoice::Fused, PlanChoice::TwoLaunch] {
        let found = losses(gpu, plan, &settings).unwrap();
        assert_close(&plan.to_string(), &found, &general, 1700.0);
    }
}

/// The weights' gradients of this model are large enough for matrix units, whose sums are as good as
/// those in another order; and every run has the same bits.
fn matrix_units_train_as_other_products_do(gpu: &Gpu) {
    let settings = Settings {
        hidden: vec![800, 700],
        latent: 20,
        batch_size: 65,
        ..Settings::default()
    };
    let family = Family::of(gpu);
    let chosen = Variant::choose(family, [800, 784, 65]);
    assert_eq!(Some(chosen), gpu.matrix_units().map(Variant::Cooperative));
    let open = |matrix_units| {
        let options = Options {
            as_gpu: true,
            matrix_units,
            ..Options::default()
        };
        reopened(gpu, options)
    };
    let plan = PlanChoice::General;
    let other = losses(&open(false), plan, &settings).unwrap();
    let units = losses(&open(true), plan, &settings).unwrap();
    assert_close("matrix units", &units, &other, 1700.0);
    assert_eq!(losses(&open(true), plan, &settings).unwrap(), units);
}

/// What a step of a small model with a batch of five images runs, and how many launches and barriers a
/// profile finds.
fn described(gpu: &Arc<Gpu>, plan: PlanChoice, settings: &Settings) -> (Description, [usize; 2]) {
    let data = Dataset {
        name: "a few digits".to_owned(),
        train: digits::generate(1, 0, 20),
        test: digits::generate(1, 20, 5),
        notes: Vec::new(),
        held_out: false,
        classes: Vec::new(),
        table: None,
    };
    let vae = settings.vae(data.train.images.dim()).unwrap();
    let specs = vae.parameters();
    let executor = GpuExecutor::new(Arc::clone(gpu), specs, 1).unwrap();
    let mut executor = executor.with_plan(plan);
    let description = train::describe(vae.clone(), &mut executor, settings, &data).unwrap();
    let images = &data.train.images;
    let graph = |rows| vae.training_graph(rows, settings.optimizer(images.count).unwrap());
    let rows = Rows::new(&images.pixels, images.dim());
    let mut pass = executor.pass(rows, settings.batch_size, &graph).unwrap();
    let order = rng::permutation(1, 0, images.count);
    let start = Start {
        step: 0,
        position: 0,
        order: &order,
    };
    pass.begin(start).unwrap();
    let profile = pass.profile(1).unwrap().unwrap();
    (description, [profile.dispatches, profile.barriers])
}

fn small() -> Settings {
    Settings {
        hidden: vec![12],
        latent: 3,
        batch_size: 5,
        ..Settings::default()
    }
}

fn a_description_is_of_what_runs(gpu: &Gpu) {
    let gpu = &reopened(gpu, Options::default());
    for plan in [
        PlanChoice::General,
        PlanChoice::Fused,
        PlanChoice::TwoLaunch,
    ] {
        let (description, counts) = described(gpu, plan, &small());
        assert_eq!((description.plan, &description.left), (plan, &None));
        let found = [description.launches.len(), description.barriers];
        assert_eq!(found, counts, "{plan}");
        assert!(
            description.launches.iter().all(|l| !l.results.is_empty()),
            "{description:?}"
        );
        let memory = description.memory;
        assert_eq!(memory.moments, 2 * memory.parameters);
        assert!(memory.parameters >= 4 * 2 * 784 * 12, "{memory:?}");
        assert!(memory.tensors > 0 && memory.data >= 20 * 784, "{memory:?}");
        // What follows Adam in one launch is never in memory.
        let is_general = plan == PlanChoice::General;
        assert_eq!(memory.gradients > 0, is_general, "{memory:?}");
        assert_eq!(description.after.is_none(), is_general);
    }
}

/// Where the parameters take several buffers.
fn a_description_says_why_auto_left_the_program(gpu: &Gpu) {
    let options = Options {
        largest_binding: Some(60_000),
        ..Options::default()
    };
    let gpu = &reopened(gpu, options);
    let (description, _) = described(gpu, PlanChoice::Auto, &small());
    assert_eq!(description.plan, PlanChoice::General);
    let reason = description.left.unwrap();
    assert!(reason.contains("parameters take"), "{reason}");
}

/// A row of the hidden layer alone is larger than workgroup memory often is.
fn wide_layers_run_in_a_launch_a_stage(gpu: &Gpu) {
    const WIDE: usize = 7200;
    let options = Options {
        as_gpu: true,
        ..Options::default()
    };
    let gpu = &reopened(gpu, options);
    let settings = Settings {
        hidden: vec![WIDE],
        latent: 5,
        batch_size: 9,
        ..Settings::default()
    };
    if gpu.limits().max_compute_workgroup_storage_size < 4 * WIDE as u32 + 5000 {
        let error = losses(gpu, PlanChoice::TwoLaunch, &settings).unwrap_err();
        assert!(error.to_string().contains("workgroup memory"), "{error}");
    }
    let general = losses(gpu, PlanChoice::General, &settings).unwrap();
    let fused = losses(gpu, PlanChoice::Fused, &settings).unwrap();
    assert_close("fused", &fused, &general, WIDE as f32);
}
