//! What a step takes of the GPU's memory: nothing.

use std::sync::Arc;

use vae_wgpu::data::digits;
use vae_wgpu::executor::{Executor, Rows, Snapshot, Start};
use vae_wgpu::gpu::{AdapterChoice, Gpu, Options};
use vae_wgpu::plan::GpuExecutor;
use vae_wgpu::rng;
use vae_wgpu::train::Settings;

use crate::support::harness::{Test, tests};

pub(crate) fn tests() -> Vec<Test> {
    tests![gpu: steps_allocate_no_buffers]
}

const IMAGES: usize = 100;
const BATCH: usize = 4;

fn steps_allocate_no_buffers(gpu: &Gpu) {
    // A device of its own: other tests allocate on the shared one.
    let name = AdapterChoice::Name(gpu.adapter().name.clone());
    let options = Options {
        pipelines: None,
        ..Options::default()
    };
    let gpu = Arc::new(Gpu::open_with(&name, &options).unwrap());
    let settings = Settings {
        hidden: vec![8],
        latent: 2,
        ..Settings::default()
    };
    let images = digits::generate(1, 0, IMAGES).images;
    let vae = settings.vae(images.dim()).unwrap();
    let specs = vae.parameters();
    let initial = Snapshot::initial(&specs, 1);
    let mut executor = GpuExecutor::new(Arc::clone(&gpu), specs, 1).unwrap();
    executor.restore(&initial).unwrap();
    let rows = Rows::new(&images.pixels, images.dim());
    let graph = |rows| vae.training_graph(rows, settings.optimizer(images.count).unwrap());
    let mut pass = executor.pass(rows, BATCH, &graph).unwrap();
    pass.watch(true);
    let order = rng::permutation(1, 0, IMAGES);
    let start = Start {
        step: 0,
        position: 0,
        order: &order,
    };
    pass.begin(start).unwrap();
    // With the first steps go what was written before them.
    pass.advance(2).unwrap();
    pass.losses().unwrap();
    gpu.wait(None).unwrap();
    let before = gpu.allocated_bytes();
    // What a submission holds shows at once, before anything can be freed.
    while pass.advance(3).unwrap() > 0 {
        assert_eq!(gpu.allocated_bytes(), before);
        pass.recent_losses().unwrap();
    }
    // The count would have shown it.
    let _buffer = gpu.allocate("a buffer", 1000).unwrap();
    assert!(before.is_none() || gpu.allocated_bytes() > before);
}
