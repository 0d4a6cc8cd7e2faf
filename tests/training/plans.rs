//! The ways to cut a step into launches, against one another.

use std::sync::Arc;

use vae_wgpu::data::digits;
use vae_wgpu::executor::{Executor, ExecutorError, Rows, Snapshot, Start};
use vae_wgpu::gpu::{AdapterChoice, Gpu, Options};
use vae_wgpu::kernels::gemm::{Family, Variant};
use vae_wgpu::plan::{GpuExecutor, PlanChoice};
use vae_wgpu::rng;
use vae_wgpu::train::Settings;

use crate::support::harness::{Test, tests};

pub(crate) fn tests() -> Vec<Test> {
    let of_matrix_units = tests![matrix_units: matrix_units_train_as_other_products_do];
    let mut tests = tests![gpu: long_loops_run_to_their_end, wide_layers_run_in_a_launch_a_stage];
    tests.extend(of_matrix_units);
    tests
}

/// The same adapter, for executors that share it.
fn reopened(gpu: &Gpu, options: Options) -> Arc<Gpu> {
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
